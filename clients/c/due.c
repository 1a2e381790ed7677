#include "due.h"

#include <stdlib.h>

enum result due_init(struct due *d, size_t cap)
{
    *d = (struct due){ .entries = calloc(cap, sizeof(d->entries[0])), .cap = cap };
    return d->entries ? RESULT_OK : RESULT_NO_MEMORY;
}

void due_free(struct due *d)
{
    free(d->entries);
    *d = (struct due){ NULL, 0, 0 };
}

static void put(struct due *d, size_t place, struct due_entry *e)
{
    d->entries[place] = e;
    e->place = place;
}

static void rise(struct due *d, size_t place, struct due_entry *e)
{
    while (place > 0 && d->entries[(place - 1) / 2]->at_ms > e->at_ms) {
        put(d, place, d->entries[(place - 1) / 2]);
        place = (place - 1) / 2;
    }
    put(d, place, e);
}

static void sink(struct due *d, size_t place, struct due_entry *e)
{
    for (;;) {
        size_t child = 2 * place + 1;
        if (child + 1 < d->count && d->entries[child + 1]->at_ms < d->entries[child]->at_ms)
            child++;
        if (child >= d->count || d->entries[child]->at_ms >= e->at_ms)
            break;
        put(d, place, d->entries[child]);
        place = child;
    }
    put(d, place, e);
}

enum result due_add(struct due *d, struct due_entry *e, uint64_t at_ms)
{
    if (d->count == d->cap)
        return RESULT_FULL;
    e->at_ms = at_ms;
    rise(d, d->count++, e);
    return RESULT_OK;
}

void due_move(struct due *d, struct due_entry *e, uint64_t at_ms)
{
    bool earlier = at_ms < e->at_ms;

    e->at_ms = at_ms;
    if (earlier)
        rise(d, e->place, e);
    else
        sink(d, e->place, e);
}

void due_remove(struct due *d, struct due_entry *e)
{
    struct due_entry *last = d->entries[--d->count];

    if (last == e)
        return;
    size_t place = e->place;
    if (last->at_ms < e->at_ms)
        rise(d, place, last);
    else
        sink(d, place, last);
}

struct due_entry *due_first(const struct due *d)
{
    return d->count > 0 ? d->entries[0] : NULL;
}
