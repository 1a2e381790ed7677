#include "init_data.h"

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Writes to *at and moves it on. */
static enum result decode(struct text t, char **at, struct text *out)
{
    char *begin = *at;

    for (size_t i = 0; i < t.len; i++) {
        char c = t.data[i];

        if (c == '+') {
            c = ' ';
        } else if (c == '%') {
            int high = t.len - i > 2 ? hex(t.data[i + 1]) : -1, low = t.len - i > 2 ? hex(t.data[i + 2]) : -1;

            if (high < 0 || low < 0)
                return RESULT_MALFORMED;
            c = (char)(high << 4 | low);
            i += 2;
        }
        *(*at)++ = c;
    }
    *out = (struct text){ begin, (size_t)(*at - begin) };
    return RESULT_OK;
}

enum result init_data_split(struct text data, char *memory, struct telegram_field fields[TELEGRAM_FIELDS_MAX], size_t *count)
{
    const char *end = data.data + data.len;

    *count = 0;
    for (const char *piece = data.data, *next; data.len > 0; piece = next + 1) {
        next = memchr(piece, '&', (size_t)(end - piece));
        const char *stop = next ? next : end, *equals = memchr(piece, '=', (size_t)(stop - piece));

        if (!equals || *count == TELEGRAM_FIELDS_MAX)
            return RESULT_MALFORMED;
        struct telegram_field *f = &fields[*count];
        enum result r = decode((struct text){ piece, (size_t)(equals - piece) }, &memory, &f->key);
        if (!r)
            r = decode((struct text){ equals + 1, (size_t)(stop - equals - 1) }, &memory, &f->value);
        if (r)
            return r;
        ++*count;
        if (!next)
            break;
    }
    return RESULT_OK;
}
