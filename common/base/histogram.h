/*
 * Latencies in fixed buckets, as Prometheus wants them: cumulative counts at upper bounds that never change,
 * so that instances can be added up. Bounds are 100 us * 2^k, k = 0 … 19 (100 us to 52 s), then +Inf.
 */
#ifndef HLIDKA_HISTOGRAM_H
#define HLIDKA_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_BUCKETS 21    /* the last is +Inf */

struct histogram {
    uint64_t counts[HISTOGRAM_BUCKETS];     /* not cumulative */
    uint64_t count;
    uint64_t sum_us;
};

void histogram_add(struct histogram *h, uint64_t us);

/* Upper bound of a bucket in us; UINT64_MAX for the last. */
uint64_t histogram_bound_us(unsigned bucket);

/* The bound of the bucket in which the quantile (0 … 1) lies; 0 when empty. */
uint64_t histogram_quantile_us(const struct histogram *h, double q);

#endif
