#include "clock_watch.h"

#include <stdlib.h>

/* 24 days; what is further off than that is as wrong as this. */
#define SKEW_MAX_MS INT32_MAX

void clock_watch_init(struct clock_watch *w)
{
    w->first = w->count = 0;
}

static int64_t skew(uint64_t now_ms, uint64_t ts)
{
    uint64_t apart = now_ms > ts ? now_ms - ts : ts - now_ms;
    int64_t by = apart > SKEW_MAX_MS ? SKEW_MAX_MS : (int64_t)apart;

    return now_ms > ts ? by : -by;
}

static void forget_oldest(struct clock_watch *w)
{
    w->first = (w->first + 1) % CLOCK_WATCH_WINDOW;
    w->count--;
}

void clock_watch_add(struct clock_watch *w, uint64_t now_ms, uint64_t ts, uint64_t boot_ms)
{
    if (w->count == CLOCK_WATCH_WINDOW)
        forget_oldest(w);
    w->samples[(w->first + w->count) % CLOCK_WATCH_WINDOW] = (struct clock_sample){ boot_ms, skew(now_ms, ts) };
    w->count++;
}

static int skew_order(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

int64_t clock_watch_median_ms(const struct clock_watch *w)
{
    int64_t skews[CLOCK_WATCH_WINDOW];

    if (w->count < CLOCK_WATCH_LEAST)
        return 0;
    for (unsigned i = 0; i < w->count; i++)
        skews[i] = w->samples[(w->first + i) % CLOCK_WATCH_WINDOW].skew_ms;
    qsort(skews, w->count, sizeof(skews[0]), skew_order);
    return skews[w->count / 2];
}

enum clock_state clock_watch_judge(struct clock_watch *w, uint64_t boot_ms)
{
    while (w->count > 0 && boot_ms - w->samples[w->first].boot_ms > CLOCK_WATCH_KEPT_MS)
        forget_oldest(w);

    int64_t by = llabs(clock_watch_median_ms(w));
    return by > CLOCK_WATCH_WRONG_MS ? CLOCK_WRONG : by > CLOCK_WATCH_OFF_MS ? CLOCK_OFF : CLOCK_FINE;
}
