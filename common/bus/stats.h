/* The bus' own numbers for /metrics. All labels are bounded: ops are ours, statuses and reasons the contract's. */
#ifndef HLIDKA_STATS_H
#define HLIDKA_STATS_H

#include "histogram.h"
#include "result.h"

struct bus;
struct request;

#define STATS_STATUSES 15               /* those of the contract, `repeated`, and `other` */

struct stats {
    uint64_t (*answers)[STATS_STATUSES];        /* by route; the last row is of ops without one */
    struct histogram latency[2];                /* from receipt to reply: fast, slow */
    double refused_file;                        /* gauge: the last reload was refused */
};

/* Registers everything with the options' metrics, if there are any. */
MUST_USE enum result stats_init(struct bus *b);
void stats_free(struct bus *b);

void stats_answered(struct bus *b, const struct request *rq);

#endif
