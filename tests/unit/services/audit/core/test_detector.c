#include "detector.h"

#include <criterion/criterion.h>
#include <stdio.h>

TestSuite(detector, .timeout = 60);

#define MINUTE 60000u
#define SPAN (10u * MINUTE)
#define REACH (SPAN + RULE_LATE_MS)
#define NOW 1700000000000u
#define LOG_MAX 4000
#define FOUND_MAX 4000

static const uint8_t KEY[32] = { 1 }, SEED[16] = { 2 };

/* ---- rules: ten failed logins of a user; three denials of anybody ----------------------------------------------- */

static const struct text LOGIN = TEXT("auth.login"), FAILURE = TEXT("failure"), DENIED = TEXT("denied");
static struct rule_test login_tests[2] = {
    { .field = { FIELD_TYPE, TEXT("type") }, .patterns = &LOGIN, .count = 1 },
    { .field = { FIELD_OUTCOME, TEXT("outcome") }, .patterns = &FAILURE, .count = 1 },
};
static struct rule_test denied_tests[1] = { { .field = { FIELD_OUTCOME, TEXT("outcome") }, .patterns = &DENIED, .count = 1 } };
static struct rule_tests login_any = { login_tests, 2 }, denied_any = { denied_tests, 1 };
static struct rule_selection login_selection = { TEXT("s"), &login_any, 1 }, denied_selection = { TEXT("s"), &denied_any, 1 };
static struct rule_base bases[2] = {
    { .name = TEXT("failed-login"), .selections = &login_selection, .selection_count = 1, .step_count = 1 },
    { .name = TEXT("denied"), .selections = &denied_selection, .selection_count = 1, .step_count = 1 },
};
static size_t first_base[1] = { 0 }, second_base[1] = { 1 };
static struct correlation rules[2] = {
    { .name = TEXT("brute-force-user"), .bases = first_base, .base_count = 1, .group_by = { { FIELD_USER_ID, TEXT("user_id") } },
      .group_count = 1, .timespan_ms = SPAN, .least = 10 },
    { .name = TEXT("denials"), .bases = second_base, .base_count = 1, .timespan_ms = MINUTE, .least = 3 },
};
static const struct rule_set SET = { .bases = bases, .base_count = 2, .rules = rules, .rule_count = 2 };

/* ---- a log, and what is kept of findings ------------------------------------------------------------------------ */

static struct log_record records[LOG_MAX];
static char users[LOG_MAX][16];
static size_t count;

static void add(const char *user, uint64_t received, uint64_t time, enum event_outcome outcome)
{
    struct log_record *r = &records[count];

    cr_assert_lt(count, LOG_MAX);
    snprintf(users[count], sizeof(users[0]), "%s", user ? user : "");
    *r = (struct log_record){ .seq = count, .received = received, .src = TEXT("auth"),
                              .event = { .type = LOGIN, .time = time, .outcome = outcome } };
    if (user)
        r->event.user_id = text_of(users[count]);
    count++;
}

static void fail(const char *user, uint64_t time)
{
    add(user, NOW + (time > NOW ? time - NOW : 0), time, OUTCOME_FAILURE);
}

/* As the table of alerts: one row an episode, and what was sent. */
struct kept {
    bool raised;
    struct text rule;
    struct group_id group;
    struct episode episode;
    uint64_t first_seen, last_seen, time;
    uint64_t seqs[WINDOW_SEQS_MAX];
    size_t seq_count;
};

struct table {
    struct kept found[FOUND_MAX];       /* all findings, in their order */
    size_t count;
};

static enum result keep(void *cookie, const struct finding *f)
{
    struct table *t = cookie;
    struct kept *k = &t->found[t->count++];

    cr_assert_leq(t->count, FOUND_MAX);
    memset(k, 0, sizeof(*k));
    k->raised = f->raised;
    k->rule = f->rule->name;
    k->group = f->group;
    k->episode = *f->episode;
    if (f->raised) {
        k->first_seen = f->first_seen;
        k->last_seen = f->last_seen;
        k->time = f->record->event.time;
        k->seq_count = f->seq_count;
        memcpy(k->seqs, f->seqs, f->seq_count * sizeof(k->seqs[0]));
    }
    return RESULT_OK;
}

static struct detector *fresh(void)
{
    struct detector *d;

    cr_assert_eq(detector_new(&SET, KEY, SEED, &d), RESULT_OK);
    return d;
}

static void feed(struct detector *d, size_t from, size_t to, struct table *t)
{
    for (size_t i = from; i < to; i++)
        cr_assert_eq(detector_feed(d, &records[i], keep, t), RESULT_OK);
}

static struct table table, again;

static size_t raised(const struct table *t)
{
    size_t n = 0;

    for (size_t i = 0; i < t->count; i++)
        n += t->found[i].raised;
    return n;
}

static const struct kept *nth_raised(const struct table *t, size_t n)
{
    for (size_t i = 0; i < t->count; i++)
        if (t->found[i].raised && n-- == 0)
            return &t->found[i];
    cr_assert_fail("there is no such alert");
    return NULL;
}

static size_t alerts_of_log(void)
{
    struct detector *d = fresh();

    table.count = 0;
    feed(d, 0, count, &table);
    detector_free(d);
    return raised(&table);
}

/* ---- when an alert is raised ------------------------------------------------------------------------------------ */

Test(detector, ten_within_ten_minutes_to_the_millisecond_raise_one)
{
    fail("u", NOW);
    for (unsigned i = 1; i < 9; i++)
        fail("u", NOW + i);
    fail("u", NOW + SPAN);
    cr_assert_eq(alerts_of_log(), 1);
    const struct kept *k = nth_raised(&table, 0);
    cr_assert(k->first_seen == NOW && k->last_seen == NOW + SPAN && k->time == NOW + SPAN && k->episode.count == 10);
    cr_assert_eq(k->seq_count, 10);
    cr_assert_eq(k->episode.alert_id.bytes[6] >> 4, 8, "UUIDv8");
}

Test(detector, a_millisecond_more_raises_none)
{
    fail("u", NOW);
    for (unsigned i = 1; i < 9; i++)
        fail("u", NOW + i);
    fail("u", NOW + SPAN + 1);
    cr_assert_eq(alerts_of_log(), 0);
}

Test(detector, nine_or_others_or_nobodys_raise_none)
{
    for (unsigned i = 0; i < 9; i++) {
        fail("u", NOW + i);
        fail("U", NOW + i);             /* ids compare byte by byte */
        add("u", NOW + i, NOW + i, OUTCOME_SUCCESS);
    }
    for (unsigned i = 0; i < 20; i++)
        fail(NULL, NOW + i);
    cr_assert_eq(alerts_of_log(), 0);
}

Test(detector, a_rule_without_group_by_counts_all_together)
{
    add("a", NOW, NOW, OUTCOME_DENIED);
    add("b", NOW, NOW + 1, OUTCOME_DENIED);
    add(NULL, NOW, NOW + 2, OUTCOME_DENIED);
    cr_assert_eq(alerts_of_log(), 1);
    cr_assert(text_equal(nth_raised(&table, 0)->rule, TEXT("denials")));
}

Test(detector, disorder_of_arrival_gives_the_same_window)
{
    for (unsigned i = 1; i < 10; i += 2)
        add("u", NOW + i, NOW + i * 1000, OUTCOME_FAILURE);
    for (unsigned i = 0; i < 10; i += 2)
        add("u", NOW + 20 + i, NOW + i * 1000, OUTCOME_FAILURE);
    cr_assert_eq(alerts_of_log(), 1);
    const struct kept *k = nth_raised(&table, 0);
    cr_assert(k->first_seen == NOW && k->last_seen == NOW + 9000 && k->episode.count == 10 && k->time == NOW + 8000);
}

/* ---- episodes --------------------------------------------------------------------------------------------------- */

static void ten(uint64_t from)
{
    for (unsigned i = 0; i < 10; i++)
        fail("u", from + i);
}

Test(detector, an_episode_ends_a_timespan_after_its_last_match)
{
    ten(NOW);
    ten(NOW + 9 + SPAN);                /* the first of these still belongs to it, and so the others do */
    cr_assert_eq(alerts_of_log(), 1);
    count = 0;
    ten(NOW);
    ten(NOW + 9 + SPAN + 1);
    cr_assert_eq(alerts_of_log(), 2);
    cr_assert(memcmp(&nth_raised(&table, 0)->episode.alert_id, &nth_raised(&table, 1)->episode.alert_id, 16) != 0);
    cr_assert_eq(nth_raised(&table, 1)->seqs[0], 10, "nothing of the episode before");
}

Test(detector, an_episode_that_goes_on_tells_its_largest_count_and_last_event)
{
    ten(NOW);
    for (unsigned i = 1; i <= 3; i++)
        fail("u", NOW + i * MINUTE);
    fail("u", NOW + 12 * MINUTE);       /* its window holds fewer */
    cr_assert_eq(alerts_of_log(), 1);
    const struct kept *k = &table.found[table.count - 1];
    cr_assert(!k->raised && k->episode.count == 13 && k->episode.last == NOW + 12 * MINUTE);
    cr_assert(memcmp(&k->episode.alert_id, &nth_raised(&table, 0)->episode.alert_id, 16) == 0);
}

Test(detector, what_comes_late_for_an_episode_that_has_ended_belongs_to_it)
{
    for (unsigned i = 0; i < 10; i++)
        add("u", NOW + 25 * MINUTE, NOW + i, OUTCOME_FAILURE);
    ten(NOW + 30 * MINUTE);
    for (unsigned i = 0; i < 10; i++)
        add("u", NOW + 31 * MINUTE, NOW + 20 + i, OUTCOME_FAILURE);
    cr_assert_eq(alerts_of_log(), 2);
    const struct kept *last = &table.found[table.count - 1];
    cr_assert(!last->raised && last->episode.first == NOW && last->episode.count == 20);
}

Test(detector, events_of_long_ago_that_come_together_count_together)
{
    for (unsigned i = 0; i < 10; i++)
        add("u", NOW + i, NOW - 3 * 24 * 60 * MINUTE + i * 1000, OUTCOME_FAILURE);
    cr_assert_eq(alerts_of_log(), 1);
}

Test(detector, what_was_received_longer_ago_than_the_reach_is_not_counted)
{
    for (unsigned late = 0; late < 2; late++) {
        count = 0;
        for (unsigned i = 0; i < 9; i++)
            add("u", NOW, NOW + i, OUTCOME_FAILURE);
        add("u", NOW + REACH + late, NOW + 9, OUTCOME_FAILURE);
        cr_assert_eq(alerts_of_log(), 1 - late);
    }
}

/* ---- another leader --------------------------------------------------------------------------------------------- */

static uint64_t draw;

static uint64_t random_below(uint64_t n)
{
    draw = draw * 6364136223846793005u + 1442695040888963407u;
    return (draw >> 33) % n;
}

/* Bursts, pauses, late and early events of a few users. */
static void make_log(size_t size)
{
    uint64_t clock = NOW;

    for (size_t i = 0; i < size; i++) {
        char user[16];
        clock += random_below(100) == 0 ? random_below(40 * MINUTE) : random_below(20000);
        snprintf(user, sizeof(user), "u-%llu", (unsigned long long)random_below(4));
        uint64_t time = random_below(20) == 0 ? clock - random_below(25 * MINUTE) : clock - random_below(30000);
        add(random_below(30) == 0 ? NULL : user, clock, time, (enum event_outcome)random_below(3));
    }
}

/* What the table would have of an episode, as of finding number `known`. */
static void recall(struct detector *d, const struct table *t, size_t known, uint64_t newest)
{
    for (size_t i = 0; i < known; i++) {
        if (!t->found[i].raised)
            continue;
        const struct kept *last = &t->found[i];
        for (size_t k = i + 1; k < known; k++)
            if (memcmp(&t->found[k].episode.alert_id, &t->found[i].episode.alert_id, 16) == 0)
                last = &t->found[k];
        if (last->episode.received + REACH >= newest)
            cr_assert_eq(detector_recall(d, last->rule, &last->group, &last->episode), RESULT_OK);
    }
}

/* As the store replays it: of what no rule wants nothing is told but how late it is. */
static void replay(struct detector *d, const struct log_record *r, bool whole)
{
    bool wanted = whole;

    for (size_t i = 0; i < SET.base_count; i++)
        wanted |= rule_matches(&SET.bases[i], r);
    if (wanted)
        cr_assert_eq(detector_replay(d, r), RESULT_OK);
    else
        detector_pass(d, r->received);
}

Test(detector, the_same_log_gives_the_same_alerts_wherever_one_leader_ends_and_another_begins)
{
    make_log(1500);
    cr_assert_gt(alerts_of_log(), 10);
    for (size_t cut = 1; cut < count; cut += 7) {
        struct detector *d = fresh();
        size_t from = cut, known;

        again.count = 0;
        feed(d, 0, cut, &again);
        detector_free(d);
        known = again.count;
        d = fresh();
        recall(d, &again, known, records[cut - 1].received);
        while (from > 0 && records[from - 1].received + REACH >= records[cut - 1].received)
            from--;
        for (size_t i = from; i < cut; i++)
            replay(d, &records[i], cut % 2);
        feed(d, cut, count, &again);
        detector_free(d);
        cr_assert_eq(again.count, table.count, "cut at %zu", cut);
        for (size_t i = 0; i < table.count; i++)
            cr_assert(memcmp(&again.found[i], &table.found[i], sizeof(table.found[i])) == 0, "cut at %zu: finding %zu", cut, i);
    }
}

/* The clock of the log goes on with what no rule wants, and does not go back with the next leader's. */
Test(detector, what_is_passed_over_moves_the_clock)
{
    for (unsigned beyond = 0; beyond < 2; beyond++) {
        struct detector *d;

        count = 0;
        for (unsigned i = 0; i < 9; i++)
            add("u", NOW, NOW + i, OUTCOME_FAILURE);
        add("u", NOW + 1, NOW + 9, OUTCOME_FAILURE);
        d = fresh();
        again.count = 0;
        for (size_t i = 0; i < 9; i++)
            cr_assert_eq(detector_replay(d, &records[i]), RESULT_OK);
        detector_pass(d, NOW + REACH + beyond);
        feed(d, 9, 10, &again);
        cr_expect_eq(raised(&again), 1 - beyond);
        detector_free(d);
    }
}

/* ---- bounds ----------------------------------------------------------------------------------------------------- */

Test(detector, groups_are_bounded_and_the_idle_ones_go)
{
    struct detector *d = fresh();
    char user[24];

    for (unsigned i = 0; i < DETECTOR_GROUPS + 100; i++) {
        snprintf(user, sizeof(user), "v-%u", i);
        cr_assert_eq(detector_feed(d, &(struct log_record){ .seq = i, .received = NOW, .src = TEXT("auth"),
            .event = { .type = LOGIN, .time = NOW, .outcome = OUTCOME_FAILURE, .user_id = text_of(user) } }, keep, &table), RESULT_OK);
    }
    cr_assert(detector_stats(d)->groups == DETECTOR_GROUPS && detector_stats(d)->evicted == 100);
    /* Any record, even one that no rule counts, lets the log's clock go on. */
    cr_assert_eq(detector_feed(d, &(struct log_record){ .seq = 1000000, .received = NOW + REACH + 1, .src = TEXT("audit"),
        .event = { .type = TEXT("log.tick"), .time = NOW } }, keep, &table), RESULT_OK);
    cr_assert(detector_stats(d)->groups == 0 && detector_stats(d)->kept == 0);
    detector_free(d);
}

Test(detector, hits_are_bounded)
{
    struct detector *d = fresh();
    unsigned seq = 0;
    char user[24];

    for (unsigned u = 0; u < DETECTOR_HITS / WINDOW_HITS_MAX + 5; u++) {
        snprintf(user, sizeof(user), "w-%u", u);
        for (unsigned i = 0; i < WINDOW_HITS_MAX; i++) {
            table.count = 0;
            cr_assert_eq(detector_feed(d, &(struct log_record){ .seq = seq++, .received = NOW, .src = TEXT("auth"),
                .event = { .type = LOGIN, .time = NOW + i * 1000, .outcome = OUTCOME_FAILURE, .user_id = text_of(user) } }, keep, &table), RESULT_OK);
        }
    }
    cr_assert_leq(detector_stats(d)->kept, DETECTOR_HITS);
    cr_assert_eq(detector_stats(d)->evicted, 5);
    detector_free(d);
}
