/* The numbers of the service, and their names in /metrics. */
#ifndef HLIDKA_LIMITER_STATS_H
#define HLIDKA_LIMITER_STATS_H

#include "metrics.h"
#include "policy.h"

#define STATS_SOURCES 3         /* enum ratelimit_source */

/* Every policy name that was ever in force has a counter of its own, up to a bound; later ones share one. */
#define STATS_NAMES_MAX POLICIES_MAX

struct policy_stats;

struct limiter_stats {
    uint64_t checks[2][STATS_SOURCES];          /* denied, allowed */
    uint64_t repeated;                          /* answered from the record of an earlier copy */
    uint64_t conflicts;
    uint64_t unavailable;                       /* the outcome was unknown, and a denial might have been wrong */
    uint64_t unmatched;                         /* met by no policy, and so allowed */
    uint64_t episodes[2];                       /* begun: enforcing, shadow */
    uint64_t episodes_missed;                   /* denials that there was no room to tell of */
    double policies;                            /* in force */

    struct metrics *metrics;                    /* borrowed */
    size_t name_count;
    struct policy_stats *names[STATS_NAMES_MAX + 1];    /* owned; the first is of all others */
};

/* Registers all but the policies'. Errors of metrics_counter. */
MUST_USE enum result limiter_stats_new(struct metrics *m, struct limiter_stats **out);

/* Gives every policy of a set its counter. Errors of metrics_counter; what was added stays. */
MUST_USE enum result limiter_stats_adopt(struct limiter_stats *s, const struct policies *p);

/* A denial by that policy; of a set that was adopted. */
void limiter_stats_denied(struct limiter_stats *s, const struct policy *p);

/* After the metrics are gone. NULL is fine. */
void limiter_stats_free(struct limiter_stats *s);

#endif
