/* Saying no with a reason: appends a line to `why` and is the result given (or RESULT_NO_MEMORY). */
#ifndef HLIDKA_REFUSE_H
#define HLIDKA_REFUSE_H

#include "buffer.h"

/* The format is a literal; nothing secret goes into it. A full `why` changes nothing about the refusal. */
#define refuse(result, why, format, ...)                                                                   \
    (buffer_printf((why), format "\n", ##__VA_ARGS__) == RESULT_NO_MEMORY ? RESULT_NO_MEMORY : (result))

#endif
