#include "histogram.h"

#include <math.h>

#define FIRST_BOUND_US 100

void histogram_add(struct histogram *h, uint64_t us)
{
    uint64_t hundreds = us / FIRST_BOUND_US + (us % FIRST_BOUND_US != 0);
    unsigned bucket = hundreds <= 1 ? 0 : 64 - (unsigned)__builtin_clzll(hundreds - 1);

    h->counts[bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1]++;
    h->count++;
    h->sum_us += us;
}

uint64_t histogram_bound_us(unsigned bucket)
{
    return bucket < HISTOGRAM_BUCKETS - 1 ? (uint64_t)FIRST_BOUND_US << bucket : UINT64_MAX;
}

uint64_t histogram_quantile_us(const struct histogram *h, double q)
{
    if (h->count == 0)
        return 0;
    double wanted = ceil(q * (double)h->count);
    uint64_t seen = 0;

    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += h->counts[i];
        if (seen > 0 && (double)seen >= wanted)
            return histogram_bound_us(i);
    }
    return UINT64_MAX;
}
