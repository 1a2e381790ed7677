/*
 * The events of one group that a rule counts, by event time. A window is any span of timespan_ms, closed at both ends:
 *
 *     hits at 0, 4, 600,000 ms and a timespan of 600,000: three within one window
 *     hits at 0, 4, 600,001: two
 *
 * Late ones take their place, so the order of arrival does not change what a window holds. Bounded: with WINDOW_HITS_MAX
 * of them the one that came first makes room, and counts reach no further than that. Pure.
 */
#ifndef HLIDKA_WINDOW_H
#define HLIDKA_WINDOW_H

#include <stddef.h>
#include <stdint.h>

#include "result.h"

#define WINDOW_HITS_MAX 1024u
#define WINDOW_SEQS_MAX 100u

struct hit {
    uint64_t time;                      /* of the event */
    uint64_t seq;
    uint64_t received;                  /* by the log's clock, which never goes back */
};

struct window {                         /* zeroed: empty */
    struct hit *hits;                   /* by (time, seq) */
    uint32_t count, cap;
};

struct window_span {                    /* hits[first … first + count) */
    size_t first, count;
};

/* h has the highest seq so far. *at: where it stands. RESULT_NO_MEMORY: nothing has changed. */
MUST_USE enum result window_add(struct window *w, const struct hit *h, size_t *at);

/* Forgets what was received before that. */
void window_forget(struct window *w, uint64_t before);

/* Of the windows that hold hits[at], the one with the most; of equals the earliest. */
struct window_span window_fullest(const struct window *w, size_t at, uint64_t timespan_ms);

/* The newest WINDOW_SEQS_MAX seqs of a span, ascending; returns how many. */
size_t window_seqs(const struct window *w, struct window_span s, uint64_t seqs[WINDOW_SEQS_MAX]);

/* The lowest seq of a span that is not empty. */
uint64_t window_first_seq(const struct window *w, struct window_span s);

void window_free(struct window *w);

#endif
