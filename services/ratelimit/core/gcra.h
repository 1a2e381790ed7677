/*
 * The generic cell rate algorithm (ITU-T I.371, virtual scheduling): `burst` at once, `limit` per window steadily.
 *
 * The state is the theoretical arrival time (TAT), at which everything taken so far would have been let through at the
 * steady rate. What an account owes at `now` is TAT − now; one of cost c adds c·window/limit, and may while the sum is
 * at most burst·window/limit. With 1 a second and a burst of 5:
 *
 *     now 0 s   owed 0 s   cost 5   owed 5 s   (TAT 5 s)
 *     now 0 s   owed 5 s   cost 1   denied: 6 s > 5 s, wait 1 s
 *     now 3 s   owed 2 s   cost 1   owed 3 s   remaining 2
 *
 * No drift: times are whole µs and a remainder in 1/limit µs, in which every cost is exact. A tier that changes the
 * limit changes that unit, and what is owed is carried over in cost, not in time: owed·limit stays what it is.
 */
#ifndef HLIDKA_GCRA_H
#define HLIDKA_GCRA_H

#include <stdbool.h>
#include <stdint.h>

struct gcra_rule {
    uint64_t limit, burst, window_us;
};

/* A length of time: whole µs and a remainder below the limit, in 1/limit µs. */
struct span {
    uint64_t us, rem;
};

/* All zero: unused. */
struct gcra {
    uint64_t tat_us, rem;
    uint64_t limit;             /* whose unit rem is in */
    uint64_t last_us;           /* newest charge: the account's clock never runs back */
    uint64_t born_us;           /* when it last began from nothing */
};

/* What a cost adds; at most GCRA_LIMIT_MAX. */
struct span gcra_span(const struct gcra_rule *rule, uint64_t cost);

/* The account's now for a clock that may have gone back. */
uint64_t gcra_now(const struct gcra *g, uint64_t clock_us);

/* What it owes, in the unit of the rule at hand. */
struct span gcra_owed(const struct gcra *g, const struct gcra_rule *rule, uint64_t now_us);

/* Until that cost, at most the burst, would pass; 0: now. Rounded up to µs. */
uint64_t gcra_wait_us(const struct gcra_rule *rule, struct span owed, uint64_t cost);

/* What could be taken at once: never below 0. */
uint64_t gcra_remaining(const struct gcra_rule *rule, struct span owed);

/* owed as of now_us; the caller has seen that the wait is 0. Returns what is owed then. */
struct span gcra_charge(struct gcra *g, const struct gcra_rule *rule, struct span owed, uint64_t cost, uint64_t now_us);

#endif
