#include "episodes.h"

#include <criterion/criterion.h>
#include <stdio.h>

/* Everything told, as text: "malformed - 1 start\n". */
static char told[1 << 16];
static size_t told_len;

static void write_down(void *cookie, const struct episode_report *r)
{
    (void)cookie;
    told_len += (size_t)snprintf(told + told_len, sizeof(told) - told_len, "%s %.*s %llu %s\n", dead_reason_text(r->reason),
                                 TEXT_ARG(r->src), (unsigned long long)r->count, episode_phase_text(r->phase));
    cr_assert_lt(told_len, sizeof(told));
}

static struct episodes *begin(void)
{
    struct episodes *e = NULL;

    told_len = 0;
    told[0] = '\0';
    cr_assert_eq(episodes_new(write_down, NULL, &e), RESULT_OK);
    return e;
}

Test(episodes, tell_the_start_each_minute_and_the_end, .timeout = 5)
{
    struct episodes *e = begin();
    uint64_t now = 1000;

    episodes_add(e, DEAD_MALFORMED, (struct text){ 0 }, now);
    cr_assert_str_eq(told, "malformed - 1 start\n");
    for (unsigned s = 1; s <= 70; s++) {
        if (s != 60)
            episodes_add(e, DEAD_MALFORMED, (struct text){ 0 }, now + s * 1000);
        episodes_tick(e, now + s * 1000);
    }
    cr_assert_str_eq(told, "malformed - 1 start\nmalformed - 59 running\n");
    for (unsigned s = 71; s <= 130; s++)
        episodes_tick(e, now + s * 1000);
    cr_assert_str_eq(told, "malformed - 1 start\nmalformed - 59 running\nmalformed - 10 running\nmalformed - 0 end\n");
    cr_assert_eq(episodes_count(e), 0);
    episodes_free(e);
}

Test(episodes, are_told_apart_by_reason_and_source, .timeout = 5)
{
    struct episodes *e = begin();

    for (unsigned i = 0; i < 2; i++) {
        episodes_add(e, DEAD_STALE, TEXT("backend"), 0);
        episodes_add(e, DEAD_STALE, TEXT("edge"), 0);
        episodes_add(e, DEAD_UNKNOWN_KEY, TEXT("backend"), 0);
        episodes_add(e, DEAD_UNKNOWN_KEY, (struct text){ 0 }, 0);
    }
    cr_assert_str_eq(told, "stale backend 1 start\nstale edge 1 start\nunknown_key backend 1 start\nunknown_key - 1 start\n");
    cr_assert_eq(episodes_count(e), 4);
    episodes_end(e);
    cr_assert_eq(episodes_count(e), 0);
    episodes_free(e);
}

Test(episodes, begin_anew_after_a_silence, .timeout = 5)
{
    struct episodes *e = begin();

    episodes_add(e, DEAD_STALE, TEXT("edge"), 5);
    episodes_tick(e, 5 + EPISODE_SILENCE_MS);
    episodes_add(e, DEAD_STALE, TEXT("edge"), 6 + EPISODE_SILENCE_MS);
    cr_assert_str_eq(told, "stale edge 1 start\nstale edge 0 end\nstale edge 1 start\n");
    episodes_free(e);
}

Test(episodes, are_bounded_and_lose_no_count, .timeout = 10)
{
    struct episodes *e = begin();
    char name[16];

    for (unsigned i = 0; i < EPISODES_MAX + 10; i++) {
        int len = snprintf(name, sizeof(name), "p%u", i);
        episodes_add(e, DEAD_STALE, (struct text){ name, (size_t)len }, 0);
    }
    cr_assert_eq(episodes_count(e), EPISODES_MAX + 1);
    told_len = 0;
    told[0] = '\0';
    episodes_add(e, DEAD_STALE, TEXT("p0"), 1);
    episodes_tick(e, 1 + EPISODE_SILENCE_MS);
    cr_assert_not_null(strstr(told, "stale - 9 end\n"));
    cr_assert_not_null(strstr(told, "stale p0 1 end\n"));
    episodes_free(e);
}
