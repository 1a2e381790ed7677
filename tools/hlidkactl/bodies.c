#include "bodies.h"

#include <stdlib.h>
#include <string.h>

#include "arguments.h"
#include "command.h"
#include "file.h"

#define FILE_BYTES_MAX (256u << 20)

static bool say(enum result r, const char *json, struct buffer *why)
{
    if (why->len == 0 && buffer_printf(why, "%.60s", json))
        buffer_reset(why);
    fail_with(r, why);
    return false;
}

/* The JSON with its number in place of each %d. */
static enum result write_number(const char *json, uint32_t number, struct buffer *text)
{
    enum result r = RESULT_OK;

    for (const char *at = json, *next; !r && *at; at = next) {
        next = strstr(at, "%d");
        r = buffer_append(text, at, next ? (size_t)(next - at) : strlen(at));
        if (!next)
            break;
        if (!r)
            r = buffer_printf(text, "%u", number);
        next += 2;
    }
    return r ? r : buffer_append(text, "", 1);
}

static bool add(struct bodies *b, const char *op, const char *json)
{
    struct buffer *more = realloc(b->items, (b->count + 1) * sizeof(*more)), *body;
    struct buffer text, why;

    buffer_init(&why, 1024);
    if (!more)
        return say(RESULT_NO_MEMORY, json, &why);
    b->items = more;
    body = &more[b->count];
    buffer_init(body, ARGUMENT_BODY_MAX);
    buffer_init(&text, ARGUMENT_BODY_MAX);
    enum result r = write_number(json, b->count++, &text);
    if (!r)
        r = argument_json(op, (const char *)text.data, body, &why);
    bool added = !r || say(r, json, &why);
    buffer_free(&text);
    buffer_free(&why);
    return added;
}

static bool add_lines(struct bodies *b, const char *op, const char *path)
{
    struct buffer text, why;

    buffer_init(&text, FILE_BYTES_MAX);
    buffer_init(&why, 1024);
    enum result r = file_read(path, &text);
    if (!r)
        r = buffer_append(&text, "", 1);
    bool added = !r || say(r, path, &why);
    for (char *line = (char *)text.data, *end; added && *line; line = end) {
        end = line + strcspn(line, "\n");
        if (*end)
            *end++ = '\0';
        added = add(b, op, line);
    }
    buffer_free(&why);
    buffer_free(&text);
    return added && (b->count > 0 || say(RESULT_NOT_FOUND, path, &why));
}

bool bodies_make(struct bodies *b, const char *op, const char *json, uint32_t wanted)
{
    uint32_t count = !strstr(json, "%d") ? 1 : wanted > 0 && wanted < BODIES_MAX ? wanted : BODIES_MAX;

    if (json[0] == '@')
        return add_lines(b, op, json + 1);
    while (b->count < count)
        if (!add(b, op, json))
            return false;
    return true;
}

void bodies_free(struct bodies *b)
{
    while (b->count > 0)
        buffer_free(&b->items[--b->count]);
    free(b->items);
}
