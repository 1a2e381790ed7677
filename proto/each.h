/*
 * EACH(macro, context, a, b, c) is macro(context, a) macro(context, b) macro(context, c), for up to 80
 * arguments: the preprocessor rescans what EACH_STEP leaves until nothing is left.
 */
#ifndef HLIDKA_EACH_H
#define HLIDKA_EACH_H

#define EACH(macro, context, ...) __VA_OPT__(EACH_RESCAN(EACH_STEP(macro, context, __VA_ARGS__)))
#define EACH_STEP(macro, context, first, ...)                                                                \
    macro(context, first) __VA_OPT__(EACH_AGAIN EACH_PARENS(macro, context, __VA_ARGS__))
#define EACH_AGAIN() EACH_STEP
#define EACH_PARENS ()

#define EACH_RESCAN(...) EACH_RESCAN_3(EACH_RESCAN_3(EACH_RESCAN_3(__VA_ARGS__)))
#define EACH_RESCAN_3(...) EACH_RESCAN_2(EACH_RESCAN_2(EACH_RESCAN_2(__VA_ARGS__)))
#define EACH_RESCAN_2(...) EACH_RESCAN_1(EACH_RESCAN_1(EACH_RESCAN_1(__VA_ARGS__)))
#define EACH_RESCAN_1(...) __VA_ARGS__

#endif
