#include "bearers.h"

#include <criterion/criterion.h>

#define SECOND UINT64_C(1000000000)
#define DAY_MS (UINT64_C(24) * 3600 * 1000)

/* A store whose answers come when the test says so. */
struct call {
    struct uuid ids[BEARER_BATCH];
    size_t count;
    bearer_read_cb *cb;
    void *cookie;
};

static struct {
    struct bearer_store store;          /* first */
    struct call calls[64];
    size_t begun, ended;                /* calls */
    enum result refuse;
} fake;

static enum result fake_read(struct bearer_store *s, const struct uuid *ids, size_t count, bearer_read_cb *cb, void *cookie)
{
    struct call *call = &fake.calls[fake.begun];

    (void)s;
    if (fake.refuse)
        return fake.refuse;
    cr_assert(fake.begun < 64 && count > 0 && count <= BEARER_BATCH);
    memcpy(call->ids, ids, count * sizeof(*ids));
    call->count = count;
    call->cb = cb;
    call->cookie = cookie;
    fake.begun++;
    return RESULT_OK;
}

static const struct lifetimes LIFETIMES = { 30 * DAY_MS, 7 * DAY_MS, 30 * DAY_MS, 180 * DAY_MS };
static uint64_t boot, unix_now;
static bool is_fresh;
static struct cache *cache;
static struct bearers *bearers;

static bool fresh(void *cookie)
{
    (void)cookie;
    return is_fresh;
}

static uint64_t boot_clock(void *cookie)
{
    (void)cookie;
    return boot;
}

static uint64_t unix_clock(void *cookie)
{
    (void)cookie;
    return unix_now;
}

static void begin(void)
{
    memset(&fake, 0, sizeof(fake));
    fake.store.read = fake_read;
    boot = 100 * SECOND;
    unix_now = 1000 * DAY_MS;
    is_fresh = true;
    cr_assert(!cache_new(1000, (uint8_t[16]){ 1 }, &cache));
    cache_missed(cache, 1);
    const struct bearers_options options = {
        .cache = cache, .store = &fake.store, .lifetimes = &LIFETIMES, .fresh = fresh, .boot_ns = boot_clock, .unix_ms = unix_clock,
    };
    cr_assert(!bearers_new(&options, &bearers));
}

static void end(void)
{
    cr_expect_eq(fake.begun, fake.ended, "every reading has come to its end");
    cr_expect_eq(bearers_stats(bearers)->flights, 0);
    bearers_free(bearers);
    cache_free(cache);
}

TestSuite(bearers, .init = begin, .fini = end, .timeout = 10);

/* ---- sessions, tokens, rows ---- */

static struct uuid id_of(uint32_t n)
{
    struct uuid id = { { 0 } };

    bytes_put_u32(id.bytes, n);
    return id;
}

static struct text token_text(uint32_t n, uint8_t secret)
{
    static char texts[4][TOKEN_TEXT_LEN + 1];
    static unsigned next;
    uint8_t raw[TOKEN_SECRET_LEN] = { secret }, digest[TOKEN_DIGEST_LEN];
    struct uuid id = id_of(n);
    char *text = texts[next++ % 4];

    token_make(&id, raw, text, digest);
    return (struct text){ text, TOKEN_TEXT_LEN };
}

/* Of user u-1, with secret 1, used a minute ago. */
static struct known_session row_of(uint32_t n)
{
    struct known_session s = {
        .life = { .id = id_of(n), .device = DEVICE_WEB, .created_ms = unix_now - DAY_MS, .auth_ms = unix_now - DAY_MS, .active_ms = unix_now - 60000 },
        .shown = { .user_id = TEXT("u-1") },
    };
    uint8_t raw[TOKEN_SECRET_LEN] = { 1 };
    char text[TOKEN_TEXT_LEN + 1];

    token_make(&s.life.id, raw, text, s.digest);
    return s;
}

/* The oldest call that waits, each session answered by row (NULL: there is none), its id set. */
static void answer(const struct known_session *row)
{
    static struct known_session copies[BEARER_BATCH];
    const struct known_session *rows[BEARER_BATCH];

    cr_assert_lt(fake.ended, fake.begun);
    struct call *call = &fake.calls[fake.ended++];
    for (size_t i = 0; i < call->count; i++) {
        if (row) {
            copies[i] = *row;
            copies[i].life.id = call->ids[i];
        }
        rows[i] = row ? &copies[i] : NULL;
    }
    call->cb(call->cookie, rows);
}

static void answer_nothing(void)
{
    struct call *call = &fake.calls[fake.ended++];

    call->cb(call->cookie, NULL);
}

/* ---- who asks ---- */

struct asker {
    struct bearer_ask ask;              /* first */
    unsigned told;
    uint64_t now_ms;
    enum bearer_outcome outcome;
    bool shown;
    struct asker *then;                 /* asks in its turn, from within the answer */
    uint32_t then_for;
};

static void ask_for(struct asker *a, uint32_t session, uint8_t secret);

static void on_told(void *cookie, enum bearer_outcome outcome, const struct known_session *s)
{
    struct asker *a = cookie;

    a->told++;
    a->now_ms = a->ask.now_ms;
    a->outcome = outcome;
    a->shown = s != NULL;
    if (a->then)
        ask_for(a->then, a->then_for, 1);
}

static void ask_text(struct asker *a, struct text token)
{
    a->ask = (struct bearer_ask){ .cb = on_told, .cookie = a, .until_ns = boot + 10 * SECOND };
    bearers_find(bearers, token, &a->ask);
}

static void ask_for(struct asker *a, uint32_t session, uint8_t secret)
{
    ask_text(a, token_text(session, secret));
}

#define told_once(a, what) cr_expect((a).told == 1 && (a).outcome == BEARER_##what, "told %u times, last %d", (a).told, (a).outcome)

/* A session in memory, by the way it gets there. */
static void make_known(uint32_t n)
{
    struct known_session row = row_of(n);
    struct asker a = { 0 };

    ask_for(&a, n, 1);
    boot++;
    answer(&row);
    told_once(a, ALIVE);
}

Test(bearers, a_known_token_is_answered_from_memory)
{
    make_known(1);
    for (unsigned i = 0; i < 3; i++) {
        struct asker a = { 0 };
        ask_for(&a, 1, 1);
        told_once(a, ALIVE);
    }
    cr_expect_eq(fake.begun, 1);
    cr_expect_eq(bearers_stats(bearers)->hits, 3);
}

/* By which whoever asked judges ages: waiting for the store makes nobody's second factor younger. */
Test(bearers, the_time_that_goes_with_an_answer_is_the_answers)
{
    struct known_session row = row_of(1);
    struct asker waits = { 0 }, known = { 0 }, dead = { 0 }, none = { 0 };

    ask_for(&waits, 1, 1);
    ask_for(&dead, 1, 2);
    boot += SECOND / 2;
    unix_now += 500;
    answer(&row);
    told_once(waits, ALIVE);
    told_once(dead, DEAD);
    cr_expect(waits.now_ms == unix_now && dead.now_ms == unix_now);
    unix_now += 1000;
    ask_for(&known, 1, 1);
    told_once(known, ALIVE);
    cr_expect_eq(known.now_ms, unix_now);
    ask_text(&none, TEXT("none"));
    cr_expect_eq(none.now_ms, unix_now);
}

Test(bearers, without_freshness_memory_is_not_believed)
{
    struct known_session row = row_of(1);
    struct asker a = { 0 };

    make_known(1);
    is_fresh = false;
    row.life.ended = true;
    ask_for(&a, 1, 1);
    cr_expect_eq(a.told, 0);
    answer(&row);
    told_once(a, DEAD);
    is_fresh = true;
    ask_for(&(struct asker){ 0 }, 1, 1);
    cr_expect_eq(fake.begun, 3, "and what was dead is not in memory any more");
    answer(&row);
}

Test(bearers, memory_says_no_to_nobody)
{
    static const struct {
        uint8_t secret;
        uint64_t later_ms;
    } CASES[] = { { 2, 0 }, { 1, 8 * DAY_MS } };

    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct asker a = { 0 };
        uint32_t n = (uint32_t)i + 1;
        make_known(n);
        unix_now += CASES[i].later_ms;
        /* Elsewhere it has been given that secret and used just now. */
        struct known_session row = row_of(n);
        uint8_t raw[TOKEN_SECRET_LEN] = { CASES[i].secret };
        char text[TOKEN_TEXT_LEN + 1];
        token_make(&row.life.id, raw, text, row.digest);
        ask_for(&a, n, CASES[i].secret);
        cr_assert_eq(a.told, 0, "case %zu", i);
        answer(&row);
        told_once(a, ALIVE);
    }
}

Test(bearers, what_is_no_token_is_dead_without_asking_the_store)
{
    struct asker a = { 0 }, b = { 0 };

    ask_text(&a, TEXT("hls_nonsense"));
    told_once(a, DEAD);
    ask_text(&b, (struct text){ 0 });
    told_once(b, DEAD);
    cr_expect_eq(fake.begun, 0);
}

Test(bearers, a_no_says_whose_the_token_was_to_him_alone_who_had_it)
{
    struct known_session row = row_of(1);
    struct asker unknown = { 0 }, guessed = { 0 }, ended = { 0 };

    ask_for(&unknown, 7, 1);
    answer(NULL);
    told_once(unknown, DEAD);
    cr_expect_not(unknown.shown);
    ask_for(&guessed, 1, 9);
    answer(&row);
    told_once(guessed, DEAD);
    cr_expect_not(guessed.shown);
    cache_missed(cache, boot++);
    row.life.ended = true;
    ask_for(&ended, 1, 1);
    answer(&row);
    told_once(ended, DEAD);
    cr_expect(ended.shown);
}

/* A rise gave the session another secret: the old one is its token no more, and never will be again. */
Test(bearers, a_former_token_is_dead_for_good_and_told_to_have_been_its)
{
    static uint8_t former[2 * TOKEN_HEAD_LEN];
    struct known_session row = row_of(1), old = row_of(1);
    struct asker first = { 0 }, late = { 0 }, now = { 0 };
    uint8_t raw[TOKEN_SECRET_LEN] = { 5 };
    char text[TOKEN_TEXT_LEN + 1];

    memcpy(former + TOKEN_HEAD_LEN, old.digest, TOKEN_HEAD_LEN);
    token_make(&row.life.id, raw, text, row.digest);
    row.former = (struct bytes){ former, sizeof(former) };
    ask_for(&first, 1, 1);
    boot++;
    ask_for(&late, 1, 1);
    answer(&row);
    told_once(first, DEAD);
    told_once(late, DEAD);
    cr_expect(first.shown && late.shown);
    ask_for(&now, 1, 5);
    told_once(now, ALIVE);
    cr_expect_eq(fake.begun, 1, "asked once, and held");
}

Test(bearers, a_stampede_for_one_session_is_one_reading)
{
    enum { MANY = 500 };
    static struct asker askers[MANY];
    struct known_session row = row_of(1);

    memset(askers, 0, sizeof(askers));
    for (size_t i = 0; i < MANY; i++)
        ask_for(&askers[i], 1, 1);
    cr_expect_eq(fake.begun, 1);
    answer(&row);
    for (size_t i = 0; i < MANY; i++)
        told_once(askers[i], ALIVE);
}

Test(bearers, many_sessions_gather_while_readings_are_under_way)
{
    enum { MANY = 600 };
    static struct asker askers[MANY];
    struct known_session row = row_of(1);

    memset(askers, 0, sizeof(askers));
    for (uint32_t i = 0; i < MANY; i++)
        ask_for(&askers[i], i, 1);
    cr_expect_eq(fake.begun, 4, "one each, and then no more at once");
    while (fake.ended < fake.begun)
        answer(&row);
    cr_expect_eq(fake.begun, 7);
    cr_expect_eq(fake.calls[4].count, BEARER_BATCH);
    cr_expect_eq(fake.calls[6].count, MANY - 4 - 2 * BEARER_BATCH);
    for (size_t i = 0; i < MANY; i++)
        told_once(askers[i], ALIVE);
}

/* ---- what happens while a row is being read ---- */

Test(bearers, a_row_revoked_meanwhile_is_asked_for_again)
{
    struct known_session row = row_of(1);

    for (unsigned by_user = 0; by_user < 2; by_user++) {
        struct asker a = { 0 };
        row.life.ended = false;
        ask_for(&a, 1, 1);
        boot++;
        cache_revoked(cache, TEXT("u-1"), by_user ? NULL : &row.life.id, boot++);
        answer(&row);
        cr_assert_eq(a.told, 0, "the row was read before");
        row.life.ended = true;
        answer(&row);
        told_once(a, DEAD);
    }
}

Test(bearers, a_row_that_took_over_a_second_is_asked_for_again)
{
    struct known_session row = row_of(1);
    struct asker a = { 0 }, b = { 0 };

    ask_for(&a, 1, 1);
    boot += SECOND;
    answer(&row);
    told_once(a, ALIVE);
    cache_missed(cache, boot++);
    ask_for(&b, 1, 1);
    boot += SECOND + 1;                 /* we were stopped; meanwhile it was revoked elsewhere */
    answer(&row);
    cr_assert_eq(b.told, 0);
    row.life.ended = true;
    answer(&row);
    told_once(b, DEAD);
}

Test(bearers, who_joined_late_is_told_no_only_by_a_reading_of_its_own)
{
    struct known_session row = row_of(1);
    struct asker early = { 0 }, late = { 0 };

    row.digest[0] ^= 1;                 /* the secret before the rise */
    ask_for(&early, 1, 1);
    boot++;
    ask_for(&late, 1, 1);               /* with the secret after it */
    answer(&row);
    told_once(early, DEAD);
    cr_assert_eq(late.told, 0);
    row.digest[0] ^= 1;
    answer(&row);
    told_once(late, ALIVE);
}

Test(bearers, what_has_ended_has_ended_for_who_joined_late_too)
{
    struct known_session row = row_of(1);
    struct asker early = { 0 }, late = { 0 };

    row.life.ended = true;
    ask_for(&early, 1, 1);
    boot++;
    ask_for(&late, 1, 1);
    answer(&row);
    told_once(early, DEAD);
    told_once(late, DEAD);
}

Test(bearers, nobody_is_asked_for_beyond_their_time)
{
    struct known_session row = row_of(1);
    struct asker a = { 0 };

    ask_for(&a, 1, 1);
    for (unsigned i = 0; i < 9 && a.told == 0; i++) {
        boot += 2 * SECOND;
        answer(&row);
    }
    told_once(a, UNAVAILABLE);
    cr_expect_eq(fake.begun, 5);
}

Test(bearers, without_the_store_it_is_unavailable_and_not_dead)
{
    struct known_session row = row_of(1);
    struct asker a = { 0 }, b = { 0 }, c = { 0 };

    fake.refuse = RESULT_UNAVAILABLE;
    ask_for(&a, 1, 1);
    told_once(a, UNAVAILABLE);
    fake.refuse = RESULT_OK;
    ask_for(&b, 1, 1);
    answer_nothing();
    told_once(b, UNAVAILABLE);
    ask_for(&c, 1, 1);
    answer(&row);
    told_once(c, ALIVE);
}

Test(bearers, who_is_told_may_ask_in_turn)
{
    struct known_session row = row_of(1);
    struct asker third = { 0 }, second = { .then = &third, .then_for = 1 }, first = { .then = &second, .then_for = 2 }, other = { 0 };

    ask_for(&first, 1, 1);
    ask_for(&other, 1, 1);
    boot++;
    answer(&row);
    told_once(first, ALIVE);
    told_once(other, ALIVE);
    cr_assert_eq(second.told, 0);
    answer(&row);
    told_once(second, ALIVE);
    told_once(third, ALIVE);
}
