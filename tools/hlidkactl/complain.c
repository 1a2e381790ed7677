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
