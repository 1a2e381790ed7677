#include "command.h"

#include <stdarg.h>
#include <stdio.h>

void complain(const char *format, ...)
{
    va_list args;

    fputs("hlidkactl: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

int usage_error(const char *command, const char *format, ...)
{
    va_list args;

    fprintf(stderr, "hlidkactl %s: ", command);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, " (hlidkactl %s --help)\n", command);
    return EXIT_USAGE;
}

int fail_with(enum result r, const struct buffer *why)
{
    const char *at = (const char *)why->data, *end = at + why->len;

    if (why->len == 0)
        complain("%s", result_text(r));
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *stop = newline ? newline : end;
        complain("%.*s", (int)(stop - at), at);
        at = newline ? newline + 1 : end;
    }
    switch (r) {
    case RESULT_OK:
        return EXIT_DONE;
    case RESULT_EXISTS:
        return EXIT_REFUSED;
    case RESULT_TIMEOUT:
        return EXIT_NO_ANSWER;
    case RESULT_UNAVAILABLE:
        return EXIT_NO_BUS;
    default:
        return EXIT_USAGE;
    }
}
