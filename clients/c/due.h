/*
 * What is due next: a binary heap of entries that lie inside their owners and know their place, so that one timer
 * serves thousands of calls and each can leave at any time.
 */
#ifndef HLIDKA_DUE_H
#define HLIDKA_DUE_H

#include "bytes.h"
#include "result.h"

struct due_entry {
    uint64_t at_ms;
    size_t place;                       /* the heap's own */
};

struct due {
    struct due_entry **entries;         /* owned; the entries are not */
    size_t count;
    size_t cap;
};

/* Room for cap entries, all of it at once: adding never fails. RESULT_NO_MEMORY. */
MUST_USE enum result due_init(struct due *d, size_t cap);
void due_free(struct due *d);

/* RESULT_FULL. */
MUST_USE enum result due_add(struct due *d, struct due_entry *e, uint64_t at_ms);
void due_move(struct due *d, struct due_entry *e, uint64_t at_ms);
void due_remove(struct due *d, struct due_entry *e);

/* The earliest, or NULL. */
struct due_entry *due_first(const struct due *d);

#endif
