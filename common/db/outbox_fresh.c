#include "outbox_fresh.h"

#include <stdlib.h>

void fresh_init(struct fresh *f)
{
    *f = (struct fresh){ .tail = &f->head };
}

static struct bytes put(uint8_t **at, struct bytes from)
{
    struct bytes copy = { from.data ? *at : NULL, from.len };

    if (from.len > 0)
        memcpy(*at, from.data, from.len);
    *at += from.len;
    return copy;
}

static struct text put_text(uint8_t **at, struct text from)
{
    struct bytes copy = put(at, text_bytes(from));

    return (struct text){ (const char *)copy.data, copy.len };
}

enum result fresh_put(struct fresh *f, const struct outbox_row *row)
{
    size_t size = sizeof(struct fresh_row) + row->user_key.len + row->topic.len + row->key.len + row->sealed.len;

    if (f->count == FRESH_ROWS_MAX || size > FRESH_BYTES_MAX - f->bytes)
        return RESULT_FULL;
    struct fresh_row *copy = malloc(size);
    if (!copy)
        return RESULT_NO_MEMORY;
    uint8_t *at = (uint8_t *)(copy + 1);
    *copy = (struct fresh_row){ .size = size, .row = { .n = row->n } };
    copy->row.user_key = put_text(&at, row->user_key);
    copy->row.topic = put_text(&at, row->topic);
    copy->row.key = put(&at, row->key);
    copy->row.sealed = put(&at, row->sealed);
    *f->tail = copy;
    f->tail = &copy->next;
    f->count++;
    f->bytes += size;
    return RESULT_OK;
}

/* `at` points to it from the one before. */
static struct fresh_row *unlink_row(struct fresh *f, struct fresh_row **at)
{
    struct fresh_row *row = *at;

    *at = row->next;
    if (!*at)
        f->tail = at;
    f->count--;
    f->bytes -= row->size;
    return row;
}

struct fresh_row *fresh_pop(struct fresh *f)
{
    return f->head ? unlink_row(f, &f->head) : NULL;
}

bool fresh_has(const struct fresh *f, int64_t n)
{
    for (const struct fresh_row *row = f->head; row; row = row->next)
        if (row->row.n == n)
            return true;
    return false;
}

void fresh_drop(struct fresh *f, int64_t n)
{
    for (struct fresh_row **at = &f->head; *at; at = &(*at)->next)
        if ((*at)->row.n == n) {
            free(unlink_row(f, at));
            return;
        }
}

void fresh_clear(struct fresh *f)
{
    struct fresh_row *row;

    while ((row = fresh_pop(f)))
        free(row);
}
