#include "clock.h"

#include <criterion/criterion.h>
#include <time.h>

Test(clock, tells_wall_time_in_ms, .timeout = 5)
{
    uint64_t now = clock_unix_ms();
    uint64_t expected = (uint64_t)time(NULL) * 1000;

    cr_assert_geq(now + 2000, expected);
    cr_assert_leq(now, expected + 2000);
}

Test(clock, of_boot_never_goes_back, .timeout = 5)
{
    uint64_t last = clock_boot_ns();

    cr_assert_gt(last, 0);
    for (unsigned i = 0; i < 10000; i++) {
        uint64_t now = clock_boot_ns();
        cr_assert_geq(now, last);
        last = now;
    }
}
