#include "histogram.h"

#include <criterion/criterion.h>

static const struct {
    uint64_t us;
    unsigned bucket;
} CASES[] = {
    { 0, 0 }, { 1, 0 }, { 100, 0 }, { 101, 1 }, { 200, 1 }, { 201, 2 }, { 400, 2 }, { 401, 3 }, { 52428800, 19 }, { 52428801, 20 }, { UINT64_MAX, 20 },
};

Test(histogram, counts_a_value_under_its_upper_bound, .timeout = 5)
{
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct histogram h = { 0 };
        histogram_add(&h, CASES[i].us);
        cr_assert_eq(h.counts[CASES[i].bucket], 1, "%zu", i);
        cr_assert_eq(h.count, 1);
        cr_assert_eq(h.sum_us, CASES[i].us);
        cr_assert_leq(CASES[i].us, histogram_bound_us(CASES[i].bucket));
    }
}

Test(histogram, has_bounds_from_100_us_to_52_s, .timeout = 5)
{
    cr_assert_eq(histogram_bound_us(0), 100);
    cr_assert_eq(histogram_bound_us(19), 52428800);
    cr_assert_eq(histogram_bound_us(20), UINT64_MAX);
}

Test(histogram, knows_the_bound_of_a_quantile, .timeout = 5)
{
    struct histogram h = { 0 };

    cr_assert_eq(histogram_quantile_us(&h, 0.5), 0);
    for (unsigned i = 0; i < 99; i++)
        histogram_add(&h, 50);
    histogram_add(&h, 5000);
    cr_assert_eq(histogram_quantile_us(&h, 0), 100);
    cr_assert_eq(histogram_quantile_us(&h, 0.5), 100);
    cr_assert_eq(histogram_quantile_us(&h, 0.99), 100);
    cr_assert_eq(histogram_quantile_us(&h, 0.999), 6400);
    cr_assert_eq(histogram_quantile_us(&h, 1), 6400);
}
