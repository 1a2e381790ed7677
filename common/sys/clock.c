#include "clock.h"

#include <time.h>

/* clock_gettime fails only for a clock that does not exist, or an address that is not ours. */
static struct timespec read_clock(clockid_t clock)
{
    struct timespec t = { 0 };

    clock_gettime(clock, &t);
    return t;
}

uint64_t clock_unix_ms(void)
{
    struct timespec t = read_clock(CLOCK_REALTIME);

    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

uint64_t clock_boot_ns(void)
{
    struct timespec t = read_clock(CLOCK_BOOTTIME);

    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}
