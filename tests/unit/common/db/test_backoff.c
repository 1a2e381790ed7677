#include "backoff.h"

#include <criterion/criterion.h>

Test(backoff, it_doubles_from_50_ms_to_2_s_and_chance_takes_up_to_half, .timeout = 5)
{
    static const uint64_t most[] = { 50, 100, 200, 400, 800, 1600, 2000, 2000 };

    for (unsigned i = 0; i < 8; i++) {
        cr_expect_eq(backoff_ms(i, 0), most[i]);
        cr_expect_eq(backoff_ms(i, UINT32_MAX), most[i] - most[i] / 2);
        cr_expect_leq(backoff_ms(i, 0x80000000u), most[i] * 3 / 4 + 1);
    }
    cr_expect_eq(backoff_ms(1000000, 0), 2000);
}
