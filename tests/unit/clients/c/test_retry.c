#include "retry.h"

#include <criterion/criterion.h>

#define NOW 1000000u
#define MIDDLE (UINT32_MAX / 2)         /* the draw that changes nothing, to within a ms */

static struct retry begin(const char *service, uint32_t deadline_ms)
{
    struct retry_limits limits = retry_limits_of(text_of(service));
    struct retry r;

    cr_assert(retry_begin(&r, &limits, NOW, deadline_ms, 0));
    return r;
}

static void about(uint64_t got, uint64_t want)
{
    cr_assert(got + 2 >= want && got <= want + 2, "%llu, not about %llu", (unsigned long long)got, (unsigned long long)want);
}

Test(retry, the_wait_doubles_and_ends_with_the_deadline, .timeout = 5)
{
    struct retry r = begin("auth", 4000);

    about(retry_after_silence(&r, NOW, MIDDLE), NOW + 1000);
    about(retry_after_silence(&r, NOW + 1000, MIDDLE), NOW + 3000);
    cr_assert_eq(retry_after_silence(&r, NOW + 3000, MIDDLE), RETRY_NEVER);
    cr_assert_eq(r.ends_ms, NOW + 4000);
}

Test(retry, every_send_is_good_until_the_deadline_or_the_services_maximum, .timeout = 5)
{
    static const struct {
        const char *service;
        uint32_t deadline_ms, after_ms, ttl;
    } CASES[] = {
        { "auth", 4000, 0, 4000 },       { "auth", 4000, 3000, 1000 },     { "auth", 4000, 4000, 0 },
        { "auth", 900000, 0, 60000 },    { "ratelimit", 4000, 0, 4000 },   { "ratelimit", 60000, 0, 5000 },
        { "crypto", 1, 0, 1 },
    };

    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct retry r = begin(CASES[i].service, CASES[i].deadline_ms);
        cr_assert_eq(retry_ttl(&r, NOW + CASES[i].after_ms), CASES[i].ttl, "case %zu", i);
    }
}

Test(retry, nothing_is_sent_once_the_service_has_forgotten_the_id, .timeout = 5)
{
    struct retry r = begin("ratelimit", 60000);
    uint64_t at_ms = NOW;

    cr_assert_leq(r.ends_ms, NOW + 10000, "the last send can be answered no longer");
    for (int i = 0; i < 100 && at_ms != RETRY_NEVER; i++) {
        at_ms = retry_after_unavailable(&r, at_ms, -1, UINT32_MAX);
        cr_assert(at_ms == RETRY_NEVER || at_ms < NOW + 5000);
    }
    cr_assert_eq(at_ms, RETRY_NEVER);
}

Test(retry, an_id_that_is_too_old_is_not_begun, .timeout = 5)
{
    static const struct {
        const char *service;
        uint64_t age_ms;
        bool begun;
    } CASES[] = {
        { "ratelimit", 0, true }, { "ratelimit", 4000, true }, { "ratelimit", 5000, false },
        { "auth", 5000, true },   { "auth", 899000, true },    { "auth", 900000, false },
    };

    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct retry_limits limits = retry_limits_of(text_of(CASES[i].service));
        struct retry r;
        cr_assert_eq(retry_begin(&r, &limits, NOW, 1000, CASES[i].age_ms), CASES[i].begun, "case %zu", i);
    }
}

Test(retry, a_service_that_names_a_time_is_not_asked_before_it, .timeout = 5)
{
    static const int64_t WISHES[] = { 0, 1, 30, 1000, 3000 };

    for (size_t i = 0; i < sizeof(WISHES) / sizeof(WISHES[0]); i++) {
        for (uint64_t draw = 0; draw <= UINT32_MAX; draw += UINT32_MAX / 4) {
            struct retry r = begin("auth", 60000);
            uint64_t at_ms = retry_after_unavailable(&r, NOW, WISHES[i], (uint32_t)draw);
            cr_assert(at_ms > NOW + (uint64_t)WISHES[i] && at_ms <= NOW + 1300 * (uint64_t)WISHES[i] / 1000 + 30);
        }
    }
    struct retry r = begin("auth", 1000);
    cr_assert_eq(retry_after_unavailable(&r, NOW, 990, 0), RETRY_NEVER);
    cr_assert_eq(retry_after_unavailable(&r, NOW, INT64_MAX, 0), RETRY_NEVER);
}

Test(retry, waits_differ_by_a_quarter_either_side, .timeout = 5)
{
    struct retry low = begin("auth", 4000), high = begin("auth", 4000);

    about(retry_after_silence(&low, NOW, 0), NOW + 750);
    about(retry_after_silence(&high, NOW, UINT32_MAX), NOW + 1250);
}
