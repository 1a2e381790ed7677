#include "rolling.h"

#include <stdlib.h>
#include <string.h>

#define ROOM_FIRST 8

/* The first run from `from` on whose time lies after the horizon; count when none does. */
static size_t first_after(const struct rolling *a, size_t from, uint64_t horizon_us)
{
    size_t low = from, high = a->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (a->runs[middle].at_us > horizon_us)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

struct rolling_view rolling_view(const struct rolling *a, uint64_t window_us, uint64_t clock_us)
{
    struct rolling_view v = { .now_us = clock_us, .first = a->count };

    if (a->count == 0)
        return v;
    const struct rolling_run *last = &a->runs[a->count - 1];
    if (v.now_us < last->at_us)
        v.now_us = last->at_us;
    v.first = v.now_us < window_us ? 1 : first_after(a, 1, v.now_us - window_us);
    v.used = last->total - a->runs[v.first - 1].total;
    if (v.used > 0)
        v.rest_us = last->at_us + window_us - v.now_us;
    return v;
}

uint64_t rolling_wait_us(const struct rolling *a, const struct rolling_view *v, uint64_t window_us, uint64_t limit,
                         uint64_t cost)
{
    if (v->used + cost <= limit)
        return 0;
    /* The first run by whose leaving enough has left. */
    uint64_t total = a->runs[v->first - 1].total + (v->used + cost - limit);
    size_t low = v->first, high = a->count - 1;
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (a->runs[middle].total >= total)
            high = middle;
        else
            low = middle + 1;
    }
    return a->runs[low].at_us + window_us - v->now_us;
}

enum result rolling_reserve(struct rolling *a)
{
    if (a->count + 2 <= a->room)        /* a sentinel may be needed too */
        return RESULT_OK;
    size_t room = a->room ? 2 * a->room : ROOM_FIRST;
    struct rolling_run *runs = realloc(a->runs, room * sizeof(runs[0]));
    if (!runs)
        return RESULT_NO_MEMORY;
    a->runs = runs;
    a->room = room;
    return RESULT_OK;
}

/* Clears the dead: the newest of them says where the living begin, and takes the sentinel's place. */
static void clear(struct rolling *a, size_t first)
{
    size_t alive = a->count - first;

    a->runs[0].total = a->runs[first - 1].total;
    memmove(&a->runs[1], &a->runs[first], alive * sizeof(a->runs[0]));
    a->count = 1 + alive;
}

uint64_t rolling_charge(struct rolling *a, const struct rolling_view *v, uint64_t cost)
{
    if (v->used == 0) {
        a->runs[0] = (struct rolling_run){ v->now_us, 0 };
        a->count = 1;
    } else if (v->first - 1 > a->count - v->first) {
        clear(a, v->first);
    }
    a->runs[a->count] = (struct rolling_run){ v->now_us, a->runs[a->count - 1].total + cost };
    a->count++;
    return a->runs[0].at_us;
}

void rolling_free(struct rolling *a)
{
    free(a->runs);
    *a = (struct rolling){ 0 };
}
