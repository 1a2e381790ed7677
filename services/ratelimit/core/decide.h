/*
 * One decision over several accounts: all enforcing claims are charged or none, and a shadow claim is charged when the
 * check is allowed and it would itself allow. What the function in schema/ratelimit.lua does in Redis, this does in
 * memory, number for number.
 */
#ifndef HLIDKA_DECIDE_H
#define HLIDKA_DECIDE_H

#include "fixed.h"
#include "gcra.h"
#include "policy.h"
#include "rolling.h"

/* What a check asks of one account. */
struct claim {
    uint8_t account[POLICY_ACCOUNT_LEN];        /* account.h */
    enum algorithm algorithm;
    bool shadow;
    bool never;                 /* the cost is over the capacity; cost is then 0 */
    bool many;                  /* rolling: may have so many runs that the store reads them one by one */
    uint64_t limit, burst;      /* burst: the capacity, the limit where the algorithm knows no burst */
    uint64_t window_us;
    uint64_t cost;              /* at most the capacity */
};

/* What became of it. */
struct ruling {
    bool allowed;               /* the claim's own verdict */
    bool charged;
    uint64_t held;              /* rolling, fixed: used; gcra: owed, whole µs. After the charge */
    uint64_t rest;              /* rolling, fixed: µs until all is free, 0 when unused; gcra: owed, in 1/limit µs */
    uint64_t wait_us;           /* until the cost would pass; 0 when it did, and for never */
    uint64_t at_us;             /* the account's now: the time of the charge */
    uint64_t born_us;           /* charged: when the account began from nothing, which tells its lives apart */
};

/* The state of an account; all zero when unused. */
union account {
    struct rolling rolling;
    struct gcra gcra;
    struct fixed fixed;
};

/*
 * count claims on count different accounts; peek changes nothing. *allowed is the check's verdict. RESULT_NO_MEMORY:
 * nothing was charged.
 */
MUST_USE enum result decide(const struct claim *claims, size_t count, bool peek, uint64_t clock_us,
                            union account *const *accounts, struct ruling *rulings, bool *allowed);

/* Nothing in it that a later decision would need. */
bool account_idle(const union account *a, enum algorithm algorithm, uint64_t window_us, uint64_t clock_us);

/* What is left to take, and the ms until all of it is free, rounded up. */
uint64_t claim_remaining(const struct claim *c, const struct ruling *r);
uint64_t claim_reset_ms(const struct claim *c, const struct ruling *r);

#endif
