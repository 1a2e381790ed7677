/*
 * How far one source's clock lies from ours (protocol.md section 2, "Clocks"): the median of (now − ts) over its
 * newest messages. Half of them may be late or lie without moving it. Pure.
 *
 * Only authentic messages count, and none that lay in Kafka while nobody read (partition_waited). Fewer than
 * CLOCK_WATCH_LEAST in the last 15 s say nothing, so a source that has gone away with a wrong clock does not keep us from
 * being ready.
 */
#ifndef HLIDKA_CLOCK_WATCH_H
#define HLIDKA_CLOCK_WATCH_H

#include <stdint.h>

#define CLOCK_WATCH_WINDOW   31u
#define CLOCK_WATCH_LEAST    5u
#define CLOCK_WATCH_KEPT_MS  15000u
#define CLOCK_WATCH_OFF_MS   1000
#define CLOCK_WATCH_WRONG_MS 5000

struct clock_watch {
    struct clock_sample {
        uint64_t boot_ms;
        int64_t skew_ms;
    } samples[CLOCK_WATCH_WINDOW];      /* a ring, the oldest at first */
    unsigned first, count;
};

enum clock_state {
    CLOCK_FINE,
    CLOCK_OFF,                          /* over 1 s: warn */
    CLOCK_WRONG,                        /* over 5 s: not ready */
};

void clock_watch_init(struct clock_watch *w);

/* An authentic message: now_ms is what its ts is compared with, boot_ms the clock of waiting. */
void clock_watch_add(struct clock_watch *w, uint64_t now_ms, uint64_t ts, uint64_t boot_ms);

/* In ms; positive when their clock is behind ours (or messages were long under way). 0 with too little to say. */
int64_t clock_watch_median_ms(const struct clock_watch *w);

/* Lets go of what is older than that, and judges the rest. */
enum clock_state clock_watch_judge(struct clock_watch *w, uint64_t boot_ms);

#endif
