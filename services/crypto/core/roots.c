#include "roots.h"

#include <sodium.h>
#include <stdlib.h>

#define VERSION_MAX INT32_MAX

struct roots {
    struct {
        uint32_t version;
        struct secret *key;
    } items[ROOTS_MAX];
    size_t count;
};

/* Takes `<version>:` off the line; a line without is version 0. */
static bool take_version(struct text *line, uint32_t *version)
{
    const char *colon = line->len ? memchr(line->data, ':', line->len) : NULL;
    uint64_t v = 0;

    *version = 0;
    if (!colon)
        return true;
    for (const char *p = line->data; p < colon; p++) {
        if (*p < '0' || *p > '9' || (v = v * 10 + (uint64_t)(*p - '0')) > VERSION_MAX)
            return false;
    }
    *version = (uint32_t)v;
    line->len -= (size_t)(colon + 1 - line->data);
    line->data = colon + 1;
    return v > 0;
}

static enum result add(struct roots *r, struct text line)
{
    uint32_t version;
    size_t len = 0;

    if (r->count == ROOTS_MAX || !take_version(&line, &version) || (r->count > 0 && (version == 0 || roots_find(r, version))))
        return RESULT_BAD_CONFIG;
    enum result e = secret_new(ROOT_KEY_LEN, &r->items[r->count].key);
    if (e)
        return e;
    r->items[r->count++].version = version;
    if (sodium_base642bin(secret_fill(r->items[r->count - 1].key), ROOT_KEY_LEN, line.data, line.len, NULL, &len, NULL,
                          sodium_base64_VARIANT_ORIGINAL) != 0
        || len != ROOT_KEY_LEN)
        return RESULT_BAD_CONFIG;
    return RESULT_OK;
}

static enum result add_lines(struct roots *r, struct text rest, size_t *line)
{
    enum result e = RESULT_OK;

    while (rest.len > 0 && !e) {
        const char *end = memchr(rest.data, '\n', rest.len);
        size_t len = end ? (size_t)(end - rest.data) : rest.len;

        (*line)++;
        e = add(r, (struct text){ rest.data, len });
        len += end ? 1 : 0;
        rest.data += len;
        rest.len -= len;
    }
    if (e)
        return e;
    /* Without a version of its own it is the only one. */
    if (r->count > 1 && r->items[0].version == 0) {
        *line = 1;
        return RESULT_BAD_CONFIG;
    }
    return r->count > 0 ? RESULT_OK : RESULT_BAD_CONFIG;
}

enum result roots_parse(const struct secret *file, struct roots **out, size_t *line)
{
    struct bytes text = secret_bytes(file);
    struct roots *r = calloc(1, sizeof(*r));

    *line = 0;
    if (!r)
        return RESULT_NO_MEMORY;
    enum result e = add_lines(r, (struct text){ (const char *)text.data, text.len }, line);
    if (e) {
        roots_free(r);
        return e;
    }
    if (r->items[0].version == 0)
        r->items[0].version = 1;
    *out = r;
    return RESULT_OK;
}

void roots_free(struct roots *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < r->count; i++)
        secret_free(r->items[i].key);
    free(r);
}

const struct secret *roots_find(const struct roots *r, uint32_t version)
{
    for (size_t i = 0; i < r->count; i++)
        if (r->items[i].version == version)
            return r->items[i].key;
    return NULL;
}

uint32_t roots_newest(const struct roots *r)
{
    uint32_t newest = 0;

    for (size_t i = 0; i < r->count; i++)
        if (r->items[i].version > newest)
            newest = r->items[i].version;
    return newest;
}
