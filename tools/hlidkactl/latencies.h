/* Every latency of a run, kept as it is: quantiles are then exact, where a histogram's buckets would be octaves. */
#ifndef HLIDKA_LATENCIES_H
#define HLIDKA_LATENCIES_H

#include "bytes.h"

struct latencies {
    uint32_t *us;               /* owned */
    size_t count, cap;
    bool sorted;
};

/* False without memory (4 bytes each, at most 2^28 of them). Beyond 2^32 us counts as that. */
bool latencies_add(struct latencies *l, uint64_t us);

/* The smallest that at least this share (0 … 1) does not exceed; 0 when empty. Sorts, the first time. */
uint64_t latencies_quantile(struct latencies *l, double share);

void latencies_free(struct latencies *l);

#endif
