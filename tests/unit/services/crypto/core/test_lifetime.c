#include "lifetime.h"

#include <criterion/criterion.h>

#define HOUR 3600000
#define T0 UINT64_C(1700000000000)

Test(lifetime, is_exact_to_the_ms, .timeout = 10)
{
    static const struct {
        uint64_t now, expires;
        bool complete;
        enum life life;
    } CASES[] = {
        { T0, T0 + HOUR, true, LIFE_COMPLETE }, { T0, T0 + HOUR, false, LIFE_INCOMPLETE },
        { T0 + HOUR - 1, T0 + HOUR, true, LIFE_COMPLETE }, { T0 + HOUR, T0 + HOUR, true, LIFE_EXPIRED },
        { T0 + HOUR + EXPIRED_MS - 1, T0 + HOUR, true, LIFE_EXPIRED }, { T0 + HOUR + EXPIRED_MS, T0 + HOUR, true, LIFE_FORGOTTEN },
        { T0 + UPLOAD_MS - 1, T0 + HOUR, false, LIFE_INCOMPLETE }, { T0 + UPLOAD_MS, T0 + HOUR, false, LIFE_DROPPED },
        { T0 + UPLOAD_MS, T0 + HOUR, true, LIFE_COMPLETE }, { T0 + 2 * HOUR, T0 + HOUR, false, LIFE_DROPPED },
        /* A shorter life than an upload may take: it expires, and stays expired. */
        { T0 + 60000, T0 + 60000, false, LIFE_EXPIRED }, { T0 + UPLOAD_MS, T0 + 60000, false, LIFE_EXPIRED },
        { T0 + UPLOAD_MS, T0 + UPLOAD_MS, false, LIFE_DROPPED }, { T0 - 1000, T0 + HOUR, true, LIFE_COMPLETE },
    };

    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++)
        cr_expect_eq(lifetime_at(CASES[i].now, T0, CASES[i].expires, CASES[i].complete), CASES[i].life, "case %zu", i);
}
