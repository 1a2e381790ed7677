/*
 * Rows of one stream that this process has committed and not handed over yet, kept to be published without being read
 * back. In the order of their commits, and bounded: what has no room is in the table.
 */
#ifndef HLIDKA_OUTBOX_FRESH_H
#define HLIDKA_OUTBOX_FRESH_H

#include "outbox.h"

#define FRESH_ROWS_MAX 1024
#define FRESH_BYTES_MAX (4u << 20)

struct fresh_row {
    struct fresh_row *next;
    struct outbox_row row;              /* borrows from what follows this struct */
    size_t size;
};

struct fresh {
    struct fresh_row *head, **tail;
    size_t count, bytes;
};

void fresh_init(struct fresh *f);
/* Copies it. RESULT_FULL, RESULT_NO_MEMORY. */
MUST_USE enum result fresh_put(struct fresh *f, const struct outbox_row *row);
/* The oldest, the caller's to free(); NULL when there is none. */
struct fresh_row *fresh_pop(struct fresh *f);
bool fresh_has(const struct fresh *f, int64_t n);
/* Where it is not there nothing happens. */
void fresh_drop(struct fresh *f, int64_t n);
void fresh_clear(struct fresh *f);

#endif
