/* A command as RESP: an array of bulk strings. */
#ifndef HLIDKA_REDIS_ENCODE_H
#define HLIDKA_REDIS_ENCODE_H

#include "buffer.h"

/* Appends it. Errors as buffer_reserve, and RESULT_OUT_OF_RANGE for argc 0; then out is unchanged. */
MUST_USE enum result redis_encode(struct buffer *out, size_t argc, const char *const *argv, const size_t *argvlen);

#endif
