#include "redis_encode.h"

/* Type byte, 20 digits, CR LF. */
#define HEADER_MAX 23

static uint8_t *put_header(uint8_t *at, char type, size_t n)
{
    uint8_t digits[20];
    size_t count = 0;

    do {
        digits[count++] = (uint8_t)('0' + n % 10);
        n /= 10;
    } while (n > 0);
    *at++ = (uint8_t)type;
    while (count > 0)
        *at++ = digits[--count];
    *at++ = '\r';
    *at++ = '\n';
    return at;
}

enum result redis_encode(struct buffer *out, size_t argc, const char *const *argv, const size_t *argvlen)
{
    size_t most = HEADER_MAX;
    enum result r;
    uint8_t *at;

    if (argc == 0)
        return RESULT_OUT_OF_RANGE;
    for (size_t i = 0; i < argc; i++) {
        if (argvlen[i] > SIZE_MAX / 2 - most)
            return RESULT_TOO_LARGE;
        most += argvlen[i] + HEADER_MAX + 2;
    }
    r = buffer_reserve(out, most);
    if (r)
        return r;
    at = put_header(out->data + out->len, '*', argc);
    for (size_t i = 0; i < argc; i++) {
        at = put_header(at, '$', argvlen[i]);
        if (argvlen[i] > 0)
            memcpy(at, argv[i], argvlen[i]);
        at += argvlen[i];
        *at++ = '\r';
        *at++ = '\n';
    }
    out->len = (size_t)(at - out->data);
    return RESULT_OK;
}
