/*
 * An exact rolling window: never more than the limit in any half-open window of that length. A hit leaves at exactly
 * its time + window.
 *
 * Hits are kept as runs of (time, total), total being all that the account was ever charged up to there. So what lies
 * between two runs is a difference, and what is used, when enough will have left, and where the dead begin are each
 * found by a binary search, whatever the number of hits. Run 0 is a sentinel: when the account began from nothing,
 * and the total before its first hit.
 *
 *     window 60 s, limit 3:   (0, 0) (10 s, 1) (20 s, 3)
 *     at 15 s                 used 3; for one more wait until 70 s, for two until 80 s
 *     at 70 s                 used 2: the hit of 10 s has left
 *
 * The bound: at most limit runs are alive, as each costs at least 1, and the dead are cleared when they are the most.
 */
#ifndef HLIDKA_ROLLING_H
#define HLIDKA_ROLLING_H

#include "result.h"

#include <stddef.h>
#include <stdint.h>

struct rolling_run {
    uint64_t at_us, total;
};

/* All zero: unused. */
struct rolling {
    struct rolling_run *runs;   /* owned */
    size_t count, room;
};

/* As of one instant. */
struct rolling_view {
    uint64_t now_us;            /* the account's: never before its newest run */
    size_t first;               /* run that is alive, or count */
    uint64_t used;
    uint64_t rest_us;           /* until the newest has left; 0 when unused */
};

struct rolling_view rolling_view(const struct rolling *a, uint64_t window_us, uint64_t clock_us);

/* Until a cost of at most limit would pass; 0: now. */
uint64_t rolling_wait_us(const struct rolling *a, const struct rolling_view *v, uint64_t window_us, uint64_t limit,
                         uint64_t cost);

/* Room for one more charge, which then cannot fail. RESULT_NO_MEMORY. */
MUST_USE enum result rolling_reserve(struct rolling *a);

/* After rolling_reserve; v is of this instant. Returns when the account began from nothing. */
uint64_t rolling_charge(struct rolling *a, const struct rolling_view *v, uint64_t cost);

void rolling_free(struct rolling *a);

#endif
