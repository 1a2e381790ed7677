#include "session.h"

#include <criterion/criterion.h>

TestSuite(session, .timeout = 10);

#define MINUTE UINT64_C(60000)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define BORN (UINT64_C(1700000000000))

static const struct lifetimes SHIPPED = {
    .sliding_ms = 30 * DAY, .web_inactivity_ms = 7 * DAY, .inactivity_ms = 30 * DAY, .absolute_ms = 180 * DAY,
};
static const struct lifetimes SHORT_SLIDING = {
    .sliding_ms = 2 * DAY, .web_inactivity_ms = 7 * DAY, .inactivity_ms = 30 * DAY, .absolute_ms = 180 * DAY,
};
static const struct lifetimes SHORT_ABSOLUTE = {
    .sliding_ms = 30 * DAY, .web_inactivity_ms = 7 * DAY, .inactivity_ms = 30 * DAY, .absolute_ms = DAY,
};

/* active: after the login; expires: after the login. */
static const struct {
    const char *name;
    const struct lifetimes *lifetimes;
    enum device_type device;
    uint64_t active, expires;
} LIVES[] = {
    { "web, never used", &SHIPPED, DEVICE_WEB, 0, 7 * DAY },
    { "web, used once", &SHIPPED, DEVICE_WEB, 3 * DAY + 1, 10 * DAY + 1 },
    { "web, used on the last day but seven", &SHIPPED, DEVICE_WEB, 173 * DAY, 180 * DAY },
    { "web, used until the end", &SHIPPED, DEVICE_WEB, 179 * DAY, 180 * DAY },
    { "ios, never used", &SHIPPED, DEVICE_IOS, 0, 30 * DAY },
    { "android, never used", &SHIPPED, DEVICE_ANDROID, 0, 30 * DAY },
    { "telegram, never used", &SHIPPED, DEVICE_TELEGRAM, 0, 30 * DAY },
    { "desktop, never used", &SHIPPED, DEVICE_DESKTOP, 0, 30 * DAY },
    { "other, never used", &SHIPPED, DEVICE_OTHER, 0, 30 * DAY },
    { "ios, used on day 160", &SHIPPED, DEVICE_IOS, 160 * DAY, 180 * DAY },
    { "sliding is the least, web", &SHORT_SLIDING, DEVICE_WEB, DAY, 3 * DAY },
    { "sliding is the least, ios", &SHORT_SLIDING, DEVICE_IOS, 0, 2 * DAY },
    { "absolute is the least", &SHORT_ABSOLUTE, DEVICE_IOS, DAY - 1, DAY },
};

static struct session born(enum device_type device, uint64_t active)
{
    return (struct session){ .device = device, .created_ms = BORN, .auth_ms = BORN, .active_ms = BORN + active };
}

Test(session, a_proof_that_comes_again_makes_it_no_longer_than_the_first_time)
{
    struct session s = born(DEVICE_IOS, 179 * DAY);

    s.auth_ms = BORN - HOUR;
    cr_expect_eq(session_expires_ms(&SHIPPED, &s), BORN - HOUR + 180 * DAY);
    cr_expect_eq(session_cookie_seconds(&SHIPPED, &s, BORN), (180 * DAY - HOUR) / 1000);
}

Test(session, lives_until_the_least_of_three_times_and_not_a_millisecond_longer)
{
    for (size_t i = 0; i < sizeof(LIVES) / sizeof(LIVES[0]); i++) {
        struct session s = born(LIVES[i].device, LIVES[i].active);
        uint64_t expires = BORN + LIVES[i].expires;

        cr_expect_eq(session_expires_ms(LIVES[i].lifetimes, &s), expires, "%s", LIVES[i].name);
        cr_expect(session_alive(LIVES[i].lifetimes, &s, expires - 1), "%s", LIVES[i].name);
        cr_expect(!session_alive(LIVES[i].lifetimes, &s, expires), "%s", LIVES[i].name);
        s.ended = true;
        cr_expect(!session_alive(LIVES[i].lifetimes, &s, BORN), "%s, ended", LIVES[i].name);
    }
}

Test(session, activity_is_written_once_a_minute_and_never_backwards)
{
    struct session s = born(DEVICE_WEB, DAY);
    static const struct {
        int64_t later;
        bool due;
    } cases[] = { { 0, false }, { 1, false }, { MINUTE - 1, false }, { MINUTE, true }, { DAY, true }, { -1, false },
                  { -(int64_t)MINUTE, false } };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        cr_expect_eq(session_touch_due(&s, s.active_ms + (uint64_t)cases[i].later), cases[i].due, "%zu", i);
}

Test(session, a_cookie_lasts_until_the_absolute_maximum_in_whole_seconds)
{
    struct session s = born(DEVICE_WEB, DAY);

    cr_expect_eq(session_cookie_seconds(&SHIPPED, &s, BORN), 180 * DAY / 1000);
    cr_expect_eq(session_cookie_seconds(&SHIPPED, &s, BORN + 1), 180 * DAY / 1000 - 1);
    cr_expect_eq(session_cookie_seconds(&SHIPPED, &s, BORN + 180 * DAY - 999), 0);
    cr_expect_eq(session_cookie_seconds(&SHIPPED, &s, BORN + 181 * DAY), 0);
}

/* ---- who gives way ----------------------------------------------------------------------------------------------- */

#define MANY 5

/* idle: days since the last activity; -1: ended. A letter each for who gives way. */
static const struct {
    const char *name;
    int idle[MANY];
    size_t count, limit;
    const char *gone;
} CROWDS[] = {
    { "nobody there", { 0 }, 0, 1, "" },
    { "room left", { 1, 2, 3 }, 3, 4, "..." },
    { "full: the longest idle", { 1, 3, 2 }, 3, 3, ".x." },
    { "over a lowered limit", { 1, 3, 2, 5, 4 }, 5, 2, ".xxxx" },
    { "a limit of one", { 2, 1 }, 2, 1, "xx" },
    { "expired ones do not count", { 1, 6, 8, 9 }, 4, 3, "...." },
    { "nor ended ones", { 1, -1, 2, 3 }, 4, 3, "...x" },
    { "equally idle: the older login", { 1, 1, 1 }, 3, 3, "..x" },
};

Test(session, the_longest_idle_of_the_living_gives_way)
{
    for (size_t c = 0; c < sizeof(CROWDS) / sizeof(CROWDS[0]); c++) {
        uint64_t now = BORN + 100 * DAY;
        struct session s[MANY];
        bool gone[MANY];
        size_t expected = 0;

        for (size_t i = 0; i < CROWDS[c].count; i++) {
            s[i] = born(DEVICE_WEB, 0);
            s[i].id.bytes[15] = (uint8_t)i;
            s[i].ended = CROWDS[c].idle[i] < 0;
            s[i].active_ms = now - (uint64_t)(s[i].ended ? 0 : CROWDS[c].idle[i]) * DAY;
            s[i].created_ms = BORN + MANY - i;
        }
        size_t count = sessions_give_way(&SHIPPED, s, CROWDS[c].count, CROWDS[c].limit, now, gone);
        for (size_t i = 0; i < CROWDS[c].count; i++) {
            cr_expect_eq(gone[i], CROWDS[c].gone[i] == 'x', "%s, %zu", CROWDS[c].name, i);
            expected += gone[i];
        }
        cr_expect_eq(count, expected, "%s", CROWDS[c].name);
    }
}

Test(session, of_the_same_instant_the_lower_id_gives_way)
{
    struct session s[3] = { born(DEVICE_IOS, 0), born(DEVICE_IOS, 0), born(DEVICE_IOS, 0) };
    bool gone[3];

    s[0].id.bytes[0] = 2;
    s[1].id.bytes[0] = 1;
    s[2].id.bytes[0] = 3;
    cr_expect_eq(sessions_give_way(&SHIPPED, s, 3, 3, BORN + 1, gone), 1);
    cr_expect(!gone[0] && gone[1] && !gone[2]);
}
