/*
 * The one result type. Every function that can fail returns it; what a caller can do about a failure is
 * its class. RESULT_OK is 0, so `if (r)` reads "if it failed".
 *
 *     enum result r = buffer_append(out, data, len);
 *     if (r)
 *         goto fail_buffer;
 */
#ifndef HLIDKA_RESULT_H
#define HLIDKA_RESULT_H

#define MUST_USE __attribute__((warn_unused_result))

/*   name           text                                                        what the caller does     */
#define RESULT_LIST(X)                                                                                       \
    X(OK,           "ok")                                                       /* go on                  */ \
    /* input: the peer's or operator's bytes are wrong; answer, count, go on */                              \
    X(MALFORMED,    "malformed input")                                                                       \
    X(TRUNCATED,    "input ends too early")                                                                  \
    X(TOO_DEEP,     "nested too deep")                                                                       \
    X(TOO_LARGE,    "over the size limit")                                                                   \
    X(BAD_UTF8,     "not UTF-8")                                                                             \
    X(DUPLICATE,    "present twice")                                                                         \
    X(WRONG_TYPE,   "of the wrong type")                                                                     \
    X(OUT_OF_RANGE, "out of range")                                                                          \
    X(NOT_AUTHENTIC,"not authentic")                                                                         \
    /* state: what was asked for is not so; decide */                                                        \
    X(NOT_FOUND,    "not found")                                                                             \
    X(EXISTS,       "exists already")                                                                        \
    X(CONFLICT,     "in conflict with what is stored")                                                       \
    X(FULL,         "a bound is reached")                                                                    \
    X(CLOSED,       "closed")                                                                                \
    /* outside: a store, a peer or the system; try again later, say so */                                    \
    X(UNAVAILABLE,  "not reachable")                                                                         \
    X(TIMEOUT,      "timed out")                                                                             \
    X(IO,           "input/output error")                                                                    \
    X(DENIED,       "not permitted")                                                                         \
    X(CRYPTO,       "the cryptographic library refused")                                                     \
    X(NO_MEMORY,    "out of memory")                                                                         \
    /* ours: a defect or a bad configuration */                                                              \
    X(BAD_CONFIG,   "bad configuration")                                                                     \
    X(INTERNAL,     "internal error")

enum result {
#define X(name, text) RESULT_##name,
    RESULT_LIST(X)
#undef X
};

/* Static text for a log line; never NULL. */
const char *result_text(enum result r);

#endif
