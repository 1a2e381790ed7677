#include "yaml_out.h"

#include <stdarg.h>
#include <stdio.h>

static void indent(unsigned level)
{
    printf("%*s", (int)(2 * level), "");
}

void yaml_line(unsigned level, const char *format, ...)
{
    va_list args;

    indent(level);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
}

void yaml_text(unsigned level, const char *key, const char *value)
{
    indent(level);
    printf("%s: \"", key);
    for (; *value; value++)
        printf(*value == '"' || *value == '\\' ? "\\%c" : "%c", *value);
    puts("\"");
}

void yaml_ref(unsigned level, const char *key, const char *format, ...)
{
    va_list args;

    indent(level);
    printf("%s: { $ref: \"#/", key);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    puts("\" }");
}

void yaml_ref_item(unsigned level, const char *format, ...)
{
    va_list args;

    indent(level);
    printf("- $ref: \"#/");
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    puts("\"");
}
