#include "entropy.h"

#include <criterion/criterion.h>
#include <string.h>

Test(entropy, starts_more_than_once, .timeout = 5)
{
    cr_assert_eq(entropy_start(), RESULT_OK);
    cr_assert_eq(entropy_start(), RESULT_OK);
}

Test(entropy, fills_all_of_it_and_differs_each_time, .timeout = 5)
{
    unsigned char a[64] = { 0 }, b[64] = { 0 }, zero[16] = { 0 };

    entropy_fill(a, sizeof(a));
    entropy_fill(b, sizeof(b));
    cr_assert_neq(memcmp(a, b, sizeof(a)), 0);
    for (size_t i = 0; i < sizeof(a); i += sizeof(zero))
        cr_assert_neq(memcmp(a + i, zero, sizeof(zero)), 0);
    entropy_fill(a, 0);
}
