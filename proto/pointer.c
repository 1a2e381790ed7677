#include "pointer.h"

#include <stdio.h>

/* `/` and a size_t in decimal, and the NUL of snprintf. */
#define INDEX_MAX 24

static struct text cut_key(struct text key)
{
    if (key.len > POINTER_KEY_MAX) {
        key.len = POINTER_KEY_MAX;
        while (key.len > 0 && ((uint8_t)key.data[key.len] & 0xC0) == 0x80)
            key.len--;
    }
    return key;
}

static size_t write_key(struct text key, char *out)
{
    char *to = out;

    for (size_t i = 0; i < key.len; i++) {
        if (key.data[i] == '~' || key.data[i] == '/') {
            *to++ = '~';
            *to++ = key.data[i] == '~' ? '0' : '1';
        } else {
            *to++ = key.data[i];
        }
    }
    return (size_t)(to - out);
}

/* From the root down; returns where the next step goes. */
static char *write_steps(const struct pointer *at, char *out)
{
    if (!at)
        return out;
    out = write_steps(at->up, out);
    *out++ = '/';
    if (at->key.data)
        return out + write_key(cut_key(at->key), out);
    return out + snprintf(out, INDEX_MAX - 1, "%zu", at->index);
}

enum result pointer_text(const struct pointer *at, struct arena *a, struct text *out)
{
    size_t most = 0;

    for (const struct pointer *p = at; p; p = p->up)
        most += p->key.data ? 1 + 2 * cut_key(p->key).len : INDEX_MAX;
    *out = TEXT("");
    if (!at)
        return RESULT_OK;

    char *text = arena_alloc(a, most, 1);
    if (!text)
        return RESULT_NO_MEMORY;
    *out = (struct text){ text, (size_t)(write_steps(at, text) - text) };
    return RESULT_OK;
}
