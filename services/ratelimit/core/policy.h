/*
 * The policies: who may take how much of what. A set is made once from its file and never changes; a reload makes
 * another, and requests at work keep theirs by a reference.
 *
 * Policies that differ only in name, tiers and limit share one account (policy.account is equal), judged by the limit
 * of the tier at hand.
 */
#ifndef HLIDKA_POLICY_H
#define HLIDKA_POLICY_H

#include "bytes.h"
#include "result.h"

#define POLICY_NAME_MAX 64
#define POLICY_ENDPOINT_MAX 64
#define POLICY_TIER_MAX 32
#define POLICY_TIERS_MAX 32
#define POLICY_ACCOUNT_LEN 16
#define POLICY_WINDOW_MAX_US (366 * UINT64_C(86400000000))
#define POLICIES_MAX 500
/* As many rows as one check can have. */
#define MATCH_MAX 8

/* The store counts in Lua numbers, exact to 2^53; the bounds keep every sum and product below that. */
#define ROLLING_LIMIT_MAX UINT64_C(10000)
#define GCRA_LIMIT_MAX UINT64_C(1000000000)
#define FIXED_LIMIT_MAX UINT64_C(1000000000000)

enum scope { SCOPE_USER, SCOPE_IP, SCOPE_GLOBAL, SCOPE_USER_ENDPOINT };
#define SCOPE_COUNT 4
enum algorithm { ALGORITHM_ROLLING, ALGORITHM_GCRA, ALGORITHM_FIXED };
enum store_failure { STORE_FAILURE_ALLOW, STORE_FAILURE_DENY, STORE_FAILURE_LOCAL };

struct policy {
    char name[POLICY_NAME_MAX + 1];
    char endpoint[POLICY_ENDPOINT_MAX + 1];     /* as written: "lessons.create", "lessons.*", "*" */
    char window[16];                            /* as written: "1h" */
    char (*tiers)[POLICY_TIER_MAX + 1];         /* owned */
    size_t tier_count;                          /* 0: "*" */
    enum scope scope;
    enum algorithm algorithm;
    enum store_failure on_store_failure;
    bool shadow;
    bool has_burst;
    uint64_t limit;
    uint64_t burst;                             /* gcra: what is admitted at once; otherwise the limit */
    uint64_t window_us;

    /* From policies_finish. */
    uint8_t account[POLICY_ACCOUNT_LEN];        /* equal for those that share one */
    uint64_t widest;                            /* the largest limit among those */
};

struct policies {
    unsigned references;
    uint64_t version;                           /* of the file */
    uint8_t sha256[32];                         /* of the file's bytes */
    size_t count;
    struct policy items[];
};

/* Zeroed, one reference, count = 0 of at most `room` (≤ POLICIES_MAX). RESULT_NO_MEMORY. */
MUST_USE enum result policies_new(size_t room, struct policies **out);
struct policies *policies_hold(struct policies *p);
/* NULL is fine. The last one frees. */
void policies_release(struct policies *p);

/* The words of the file; NULL for a value that is none. */
const char *scope_text(enum scope s);
const char *algorithm_text(enum algorithm a);
const char *store_failure_text(enum store_failure f);
MUST_USE enum result scope_find(struct text t, enum scope *out);
MUST_USE enum result algorithm_find(struct text t, enum algorithm *out);
MUST_USE enum result store_failure_find(struct text t, enum store_failure *out);

/* `N` and `ms`, `s`, `m`, `h`, `d`: RESULT_MALFORMED; RESULT_OUT_OF_RANGE for none and for more than 366 days. */
MUST_USE enum result policy_window(struct text t, uint64_t *us);
bool policy_name_valid(struct text t);
/* A route template, or a prefix of one and `*`. */
bool policy_endpoint_valid(struct text t);
/* The largest limit that the algorithm may have. */
uint64_t policy_limit_max(enum algorithm a);

/*
 * What can only be said of the set as a whole; fills account and widest. `fault` is called for each mistake with the
 * policy it is found at and a text that lives until it returns. RESULT_MALFORMED when there was any.
 */
MUST_USE enum result policies_finish(struct policies *p, void (*fault)(void *cookie, size_t index, const char *text),
                                     void *cookie);

#endif
