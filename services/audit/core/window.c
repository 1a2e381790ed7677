#include "window.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAP 4u

static void take_out(struct window *w, size_t i)
{
    memmove(&w->hits[i], &w->hits[i + 1], (w->count - i - 1) * sizeof(w->hits[0]));
    w->count--;
}

static void make_room(struct window *w)
{
    size_t oldest = 0;

    for (size_t i = 1; i < w->count; i++)
        if (w->hits[i].seq < w->hits[oldest].seq)
            oldest = i;
    take_out(w, oldest);
}

static enum result grow(struct window *w)
{
    uint32_t cap = w->cap == 0 ? FIRST_CAP : w->cap * 2;
    struct hit *more = realloc(w->hits, cap * sizeof(*more));

    if (!more)
        return RESULT_NO_MEMORY;
    w->hits = more;
    w->cap = cap;
    return RESULT_OK;
}

enum result window_add(struct window *w, const struct hit *h, size_t *at)
{
    if (w->count == WINDOW_HITS_MAX)
        make_room(w);
    if (w->count == w->cap) {
        enum result r = grow(w);
        if (r)
            return r;
    }
    size_t i = w->count;
    while (i > 0 && w->hits[i - 1].time > h->time)
        i--;
    memmove(&w->hits[i + 1], &w->hits[i], (w->count - i) * sizeof(w->hits[0]));
    w->hits[i] = *h;
    w->count++;
    *at = i;
    return RESULT_OK;
}

void window_forget(struct window *w, uint64_t before)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < w->count; i++)
        if (w->hits[i].received >= before)
            w->hits[kept++] = w->hits[i];
    w->count = kept;
}

struct window_span window_fullest(const struct window *w, size_t at, uint64_t timespan_ms)
{
    uint64_t time = w->hits[at].time;
    struct window_span best = { at, 0 };
    size_t left = at, right = at;

    while (left > 0 && time - w->hits[left - 1].time <= timespan_ms)
        left--;
    for (; left <= at; left++) {
        while (right < w->count && w->hits[right].time - w->hits[left].time <= timespan_ms)
            right++;
        if (right - left > best.count)
            best = (struct window_span){ left, right - left };
    }
    return best;
}

static int by_seq(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

size_t window_seqs(const struct window *w, struct window_span s, uint64_t seqs[WINDOW_SEQS_MAX])
{
    uint64_t all[WINDOW_HITS_MAX] = { 0 };
    size_t n = s.count < WINDOW_SEQS_MAX ? s.count : WINDOW_SEQS_MAX;

    if (s.count == 0)
        return 0;
    for (size_t i = 0; i < s.count; i++)
        all[i] = w->hits[s.first + i].seq;
    qsort(all, s.count, sizeof(all[0]), by_seq);
    memcpy(seqs, &all[s.count - n], n * sizeof(all[0]));
    return n;
}

uint64_t window_first_seq(const struct window *w, struct window_span s)
{
    uint64_t first = w->hits[s.first].seq;

    for (size_t i = 1; i < s.count; i++)
        if (w->hits[s.first + i].seq < first)
            first = w->hits[s.first + i].seq;
    return first;
}

void window_free(struct window *w)
{
    free(w->hits);
    *w = (struct window){ 0 };
}
