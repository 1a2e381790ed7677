/*
 * The store of ratelimit in a real redis-server: held to its twin in memory number for number over random sequences,
 * and what the twin has not: keys that expire, a library that gets lost, servers that pause and restart.
 */
#include "db_server.h"
#include "library.h"
#include "store_memory.h"
#include "store_redis.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define TIMEOUT_S 120
#define SECOND UINT64_C(1000000)
#define PATIENT_MS 4000                 /* where a test is not about a server that does not answer */

/* The function over a clock that the test sets. */
static const char OVER_A_CLOCK[] = "\nredis.register_function('ratelimit_check_at', function(keys, args)\n"
                                   "    return decide(keys, args, tonumber(redis.call('GET', 'test:clock')))\n"
                                   "end)\n";

static uv_loop_t loop;
static struct buffer why, library;
static struct db_server *server;
static struct store_redis *redis_store;
static struct store_memory *memory;
static struct redis *direct;            /* looks at the server past the store */
static uint64_t clock_us;

/* ---- talking to the server -------------------------------------------------------------------------------------- */

struct reply {
    bool done;
    enum redis_outcome outcome;
    enum redis_kind kind;
    int64_t integer;
    char text[8192];
    size_t count;
    char keys[64][64];
};

static void on_reply(void *cookie, enum redis_outcome outcome, const struct redis_value *v)
{
    struct reply *r = cookie;

    r->done = true;
    r->outcome = outcome;
    if (!v)
        return;
    r->kind = v->kind;
    r->integer = v->integer;
    if (v->kind == REDIS_TEXT || v->kind == REDIS_ERROR)
        snprintf(r->text, sizeof(r->text), "%.*s", TEXT_ARG(v->text));
    for (size_t i = 0; v->kind == REDIS_ARRAY && i < v->count && i < 64; i++, r->count++)
        snprintf(r->keys[i], sizeof(r->keys[i]), "%.*s", TEXT_ARG(v->items[i].text));
}

static void say(struct reply *r, size_t argc, const char *const *argv)
{
    size_t lens[8];

    *r = (struct reply){ 0 };
    for (size_t i = 0; i < argc; i++)
        lens[i] = strlen(argv[i]);
    cr_assert_eq(redis_command(direct, on_reply, r, argc, argv, lens), RESULT_OK);
    cr_assert(db_run_until(&loop, 5000, r->done));
}

#define SAY(r, ...) say((r), sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(char *), (const char *[]){ __VA_ARGS__ })

static void set_clock(void)
{
    struct reply r;
    char text[32];

    snprintf(text, sizeof(text), "%" PRIu64, clock_us);
    SAY(&r, "SET", "test:clock", text);
    cr_assert_eq(r.outcome, REDIS_ANSWERED);
}

/* ---- asking the stores ------------------------------------------------------------------------------------------ */

struct heard {
    bool done;
    struct store_outcome outcome;
    char policies[MATCH_MAX][POLICY_NAME_MAX + 1];      /* of repeated terms, whose texts do not live on */
};

static void on_outcome(void *cookie, const struct store_outcome *o)
{
    struct heard *h = cookie;

    cr_assert_not(h->done, "answered twice");
    h->done = true;
    h->outcome = *o;
    for (size_t i = 0; o->answer == STORE_REPEATED && i < o->count; i++) {
        snprintf(h->policies[i], sizeof(h->policies[i]), "%.*s", TEXT_ARG(o->terms[i].policy));
        h->outcome.terms[i].policy = text_of(h->policies[i]);
    }
}

static void ask(struct store *s, struct store_check *c, struct heard *h)
{
    *h = (struct heard){ 0 };
    s->check(s, c, on_outcome, h);
    cr_assert(db_run_until(&loop, 5000, h->done));
}

static uint64_t clock_of_test(void *cookie)
{
    (void)cookie;
    return clock_us;
}

static void open_stores(struct store_redis_options o)
{
    const struct store_memory_options m = { .accounts = 1000, .records = 1000, .clock_us = clock_of_test };
    struct secret *url;

    cr_assert_eq(secret_from(db_server_url(server), strlen(db_server_url(server)), &url), RESULT_OK);
    o.url = url;
    if (o.timeout_ms == 0)
        o.timeout_ms = PATIENT_MS;
    const struct redis_options d = { .url = url, .command_timeout_ms = PATIENT_MS };
    cr_assert_eq(store_redis_open(&loop, &o, &redis_store, &why), RESULT_OK);
    cr_assert_eq(redis_open(&loop, &d, &direct, &why), RESULT_OK);
    cr_assert_eq(store_memory_new(&m, &memory), RESULT_OK);
    secret_free(url);
    cr_assert(db_run_until(&loop, 5000, store_redis_up(redis_store) && redis_up(direct)));
}

static void setup(void)
{
    if (!db_server_have_redis())
        cr_skip_test("redis-server is not installed");
    db_loop_open(&loop);
    buffer_init(&why, 4096);
    buffer_init(&library, 1 << 20);
    server = db_redis_start(NULL);
}

static void on_closed(void *cookie)
{
    ++*(unsigned *)cookie;
}

static void teardown(void)
{
    unsigned closed = 0;

    if (!server)
        return;
    store_redis_close(redis_store, on_closed, &closed);
    redis_close(direct, on_closed, &closed);
    cr_expect(db_run_until(&loop, 5000, closed == 2));
    store_memory_free(memory);
    db_server_stop(server);
    cr_expect(db_loop_close(&loop), "handles are left on the loop");
    buffer_free(&library);
    buffer_free(&why);
}

TestSuite(ratelimit_store, .init = setup, .fini = teardown, .timeout = TIMEOUT_S);

/* ---- the twin --------------------------------------------------------------------------------------------------- */

/* SplitMix64: the same sequence on every machine. */
static uint64_t state;

static uint64_t draw(uint64_t below)
{
    uint64_t z = state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (z ^ (z >> 31)) % below;
}

/* Accounts, each with the limits of its tiers. */
static const struct {
    enum algorithm algorithm;
    bool shadow;
    uint64_t window_us, burst, limits[3], widest;
} ACCOUNTS[] = {
    { ALGORITHM_ROLLING, false, 1 * SECOND, 0, { 1, 2, 3 }, 3 },
    { ALGORITHM_ROLLING, false, 7 * SECOND, 0, { 30, 100, 31 }, 100 },
    { ALGORITHM_ROLLING, false, 1 * SECOND, 0, { 5, 40, 10 }, 10000 },          /* read run by run */
    { ALGORITHM_ROLLING, true, 3 * SECOND, 0, { 2, 9, 4 }, 10000 },
    { ALGORITHM_ROLLING, false, 1000, 0, { 3, 3, 3 }, 3 },
    { ALGORITHM_GCRA, false, 1 * SECOND, 0, { 7, 3, 1000 }, 0 },                /* thirds and sevenths of a us */
    { ALGORITHM_GCRA, false, 10 * SECOND, 5, { 7, 11, 13 }, 0 },
    { ALGORITHM_GCRA, true, 86400 * SECOND, 1000, { 999999937, 3, 1000000000 }, 0 },
    { ALGORITHM_GCRA, false, 1000, 3, { 999, 7, 1 }, 0 },
    { ALGORITHM_FIXED, false, 1 * SECOND, 0, { 2, 10, 5 }, 0 },
    { ALGORITHM_FIXED, true, 60 * SECOND, 0, { 1000000000000, 7, 7 }, 0 },
};
#define ACCOUNT_COUNT (sizeof(ACCOUNTS) / sizeof(ACCOUNTS[0]))

static struct term draw_term(size_t account)
{
    uint64_t limit = ACCOUNTS[account].limits[draw(3)];
    struct term t = {
        .policy = TEXT("a-policy"),
        .scope = SCOPE_USER,
        .algorithm = ACCOUNTS[account].algorithm,
        .shadow = ACCOUNTS[account].shadow,
        .limit = limit,
        .burst = ACCOUNTS[account].burst ? ACCOUNTS[account].burst : limit,
        .window_us = ACCOUNTS[account].window_us,
        .account = { (uint8_t)account, 1 },
    };
    return t;
}

/* Mostly small; sometimes nothing, all there is, one more than that, or more than any number that Lua knows. */
static uint64_t draw_cost(void)
{
    static const uint64_t COSTS[] = { 1, 1, 1, 1, 1, 2, 2, 3, 0, 5, 30, 31, 1000, 1001, UINT64_MAX };

    return COSTS[draw(sizeof(COSTS) / sizeof(COSTS[0]))];
}

/* A new time: the same us, a little on, onto the very end of a window, far on, or back. */
static void move_clock(void)
{
    static const uint64_t STEPS[] = { 0, 0, 1, 999, 1000, 1001, 100000, 333333, SECOND - 1, SECOND, SECOND + 1, 7 * SECOND };
    uint64_t step = STEPS[draw(sizeof(STEPS) / sizeof(STEPS[0]))];

    switch (draw(12)) {
    case 0:
        clock_us -= step;
        break;
    case 1:
        clock_us += SECOND - clock_us % SECOND;
        break;
    case 2:
        clock_us += draw(40 * SECOND);
        break;
    default:
        clock_us += step;
    }
}

struct message {
    struct store_check check;
    struct buffer terms;
    uint64_t sent_us;
};

static void draw_message(struct message *m, uint64_t number)
{
    struct term terms[MATCH_MAX];
    size_t count = 1 + draw(4), first = draw(ACCOUNT_COUNT);
    uint64_t cost = draw_cost();

    buffer_reset(&m->terms);
    m->check = (struct store_check){ .peek = draw(4) == 0, .count = count };
    m->sent_us = clock_us;
    bytes_put_u64(m->check.record, number);
    bytes_put_u64(m->check.fingerprint, number);
    for (size_t i = 0; i < count; i++) {
        size_t account = (first + i * 3) % ACCOUNT_COUNT;       /* all different: the count is prime */

        terms[i] = draw_term(account);
        terms[i].cost = cost;
        m->check.claims[i] = term_claim(&terms[i], ACCOUNTS[account].widest);
    }
    cr_assert_eq(terms_encode(terms, count, &m->terms), RESULT_OK);
    m->check.terms = buffer_bytes(&m->terms);
}

static void expect_same(const struct heard *a, const struct heard *b, unsigned step)
{
    cr_assert_eq(a->outcome.answer, b->outcome.answer, "step %u: %d, in memory %d", step, a->outcome.answer,
                 b->outcome.answer);
    cr_assert_eq(a->outcome.count, b->outcome.count);
    for (size_t i = 0; i < a->outcome.count; i++) {
        const struct ruling *x = &a->outcome.rulings[i], *y = &b->outcome.rulings[i];

        cr_assert(x->allowed == y->allowed && x->charged == y->charged && x->held == y->held && x->rest == y->rest
                      && x->wait_us == y->wait_us && x->at_us == y->at_us && x->born_us == y->born_us,
                  "step %u, claim %zu: %d %d held %" PRIu64 " rest %" PRIu64 " wait %" PRIu64 " at %" PRIu64
                  " born %" PRIu64 ", in memory %d %d %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64,
                  step, i, x->allowed, x->charged, x->held, x->rest, x->wait_us, x->at_us, x->born_us, y->allowed,
                  y->charged, y->held, y->rest, y->wait_us, y->at_us, y->born_us);
    }
    for (size_t i = 0; a->outcome.answer == STORE_REPEATED && i < a->outcome.count; i++)
        cr_assert_eq(a->outcome.terms[i].cost, b->outcome.terms[i].cost);
}

Test(ratelimit_store, rules_as_its_twin_in_memory_whatever_comes)
{
    struct message messages[16] = { 0 };
    struct heard here, there;
    unsigned answers[5] = { 0 }, charged = 0, denied = 0;

    for (size_t i = 0; i < 16; i++)
        buffer_init(&messages[i].terms, TERMS_MAX);
    cr_assert_eq(buffer_append_text(&library, library_text()), RESULT_OK);
    cr_assert_eq(buffer_append(&library, OVER_A_CLOCK, sizeof(OVER_A_CLOCK) - 1), RESULT_OK);
    open_stores((struct store_redis_options){
        .library = { (const char *)library.data, library.len },
        .function = "ratelimit_check_at",
    });
    /* Far enough ahead that no key expires by the server's own clock while the test runs. */
    clock_us = UINT64_C(1900000000) * SECOND;
    state = 1;
    for (unsigned step = 0; step < 8000; step++) {
        struct message *m = &messages[step % 16];

        move_clock();
        set_clock();
        if (step >= 16 && draw(8) == 0) {               /* one that came before, sometimes with another body */
            m = &messages[draw(16)];
            if (clock_us < m->sent_us || clock_us - m->sent_us > 14 * SECOND)
                continue;
            m->check.fingerprint[15] ^= draw(3) == 0;
        } else {
            draw_message(m, step);
        }
        ask(store_memory_store(memory), &m->check, &here);
        ask(store_redis_store(redis_store), &m->check, &there);
        expect_same(&there, &here, step);
        answers[here.outcome.answer]++;
        for (size_t i = 0; here.outcome.answer == STORE_RULED && i < here.outcome.count; i++) {
            charged += here.outcome.rulings[i].charged;
            denied += !here.outcome.rulings[i].allowed;
        }
    }
    cr_log_info("charged %u, denied %u, repeated %u, in conflict %u", charged, denied, answers[STORE_REPEATED],
                answers[STORE_CONFLICT]);
    cr_expect(charged > 2000 && denied > 2000 && answers[STORE_REPEATED] > 50 && answers[STORE_CONFLICT] > 20,
              "the sequence shows too little: charged %u, denied %u, repeated %u, in conflict %u", charged, denied,
              answers[STORE_REPEATED], answers[STORE_CONFLICT]);
    cr_expect_eq(answers[STORE_AWAY] + answers[STORE_UNKNOWN], 0);
    for (size_t i = 0; i < 16; i++)
        buffer_free(&messages[i].terms);
}

/* ---- the server's clock and keys -------------------------------------------------------------------------------- */

static uint8_t next_id;

/* A check of one account with one of these limits. */
static void one_check(struct store_check *c, struct buffer *terms, enum algorithm algorithm, uint64_t limit,
                      uint64_t window_us, uint64_t cost, uint64_t widest)
{
    const struct term t = {
        .policy = TEXT("only"), .algorithm = algorithm, .limit = limit, .burst = limit, .window_us = window_us,
        .cost = cost, .account = { (uint8_t)algorithm, (uint8_t)widest, 7 },
    };

    buffer_reset(terms);
    cr_assert_eq(terms_encode(&t, 1, terms), RESULT_OK);
    *c = (struct store_check){ .record = { ++next_id }, .count = 1, .terms = buffer_bytes(terms) };
    c->claims[0] = term_claim(&t, widest);
}

Test(ratelimit_store, every_key_ends_when_it_has_no_more_effect_and_a_denial_or_a_peek_writes_nothing)
{
    static const struct {
        enum algorithm algorithm;
        uint64_t widest, window_s;
        int64_t least_ms, most_ms;      /* of 3 of 10, seconds after it was written at most */
    } CASES[] = {
        { ALGORITHM_ROLLING, 10, 100, 95000, 100001 },
        { ALGORITHM_ROLLING, 10000, 100, 95000, 100001 },
        { ALGORITHM_GCRA, 0, 100, 25000, 30001 },
        { ALGORITHM_FIXED, 0, 86400, 0, 86400001 },             /* whose end is at a moment of the clock, hardly in this test */
    };
    struct buffer terms;
    struct store_check c;
    struct heard h;
    struct reply keys, one;

    buffer_init(&terms, TERMS_MAX);
    open_stores((struct store_redis_options){ 0 });
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        SAY(&one, "FLUSHALL");
        one_check(&c, &terms, CASES[i].algorithm, 10, CASES[i].window_s * SECOND, 3, CASES[i].widest);
        c.peek = true;
        ask(store_redis_store(redis_store), &c, &h);
        cr_expect(h.outcome.answer == STORE_RULED && h.outcome.rulings[0].allowed && !h.outcome.rulings[0].charged);
        SAY(&keys, "KEYS", "*");
        cr_expect_eq(keys.count, 0, "a peek wrote");

        c.peek = false;
        ask(store_redis_store(redis_store), &c, &h);
        cr_expect(h.outcome.rulings[0].charged);
        SAY(&keys, "KEYS", "*");
        cr_expect_eq(keys.count, 2, "an account and a record, not %zu keys", keys.count);
        char before[8192] = "";
        for (size_t k = 0; k < keys.count; k++) {
            bool record = strstr(keys.keys[k], ":m:") != NULL;
            SAY(&one, "PTTL", keys.keys[k]);
            cr_expect(one.integer > (record ? 10000 : CASES[i].least_ms)
                          && one.integer <= (record ? RECORD_MS + 1 : CASES[i].most_ms),
                      "%s ends in %lld ms", keys.keys[k], (long long)one.integer);
            if (!record) {
                SAY(&one, "GETRANGE", keys.keys[k], "0", "-1");
                memcpy(before, one.text, sizeof(before));
            }
        }
        one_check(&c, &terms, CASES[i].algorithm, 10, CASES[i].window_s * SECOND, 8, CASES[i].widest);
        ask(store_redis_store(redis_store), &c, &h);
        cr_expect(h.outcome.answer == STORE_RULED && !h.outcome.rulings[0].allowed && h.outcome.rulings[0].wait_us > 0);
        SAY(&keys, "KEYS", "*");
        cr_expect_eq(keys.count, 2, "a denial wrote");
        for (size_t k = 0; k < keys.count; k++)
            if (!strstr(keys.keys[k], ":m:")) {
                SAY(&one, "GETRANGE", keys.keys[k], "0", "-1");
                cr_expect_arr_eq(before, one.text, sizeof(before), "a denial changed the account");
            }
    }
    buffer_free(&terms);
}

Test(ratelimit_store, a_rolling_account_of_ten_thousand_stays_exact_and_small)
{
    struct buffer terms;
    struct store_check c;
    struct heard h;
    struct reply keys, one;
    char number[8];

    buffer_init(&terms, TERMS_MAX);
    open_stores((struct store_redis_options){ 0 });
    for (unsigned i = 0; i < 10003; i++) {
        one_check(&c, &terms, ALGORITHM_ROLLING, 10000, 3600 * SECOND, 1, 10000);
        bytes_put_u32(c.record, i);
        ask(store_redis_store(redis_store), &c, &h);
        cr_assert(h.outcome.answer == STORE_RULED && h.outcome.rulings[0].allowed == (i < 10000), "check %u", i);
    }
    SAY(&keys, "KEYS", "hlidka:rl:a:*");
    cr_assert_eq(keys.count, 1);
    SAY(&one, "STRLEN", keys.keys[0]);
    snprintf(number, sizeof(number), "%lld", (long long)one.integer);
    cr_expect_eq(one.integer, 14 * 10001, "%s bytes", number);
    buffer_free(&terms);
}

/* ---- faults ------------------------------------------------------------------------------------------------------ */

Test(ratelimit_store, a_library_that_was_lost_is_loaded_again)
{
    struct buffer terms;
    struct store_check c;
    struct heard h;
    struct reply r;

    buffer_init(&terms, TERMS_MAX);
    open_stores((struct store_redis_options){ 0 });
    SAY(&r, "FUNCTION", "FLUSH", "SYNC");
    one_check(&c, &terms, ALGORITHM_GCRA, 10, SECOND, 1, 0);
    ask(store_redis_store(redis_store), &c, &h);
    cr_expect_eq(h.outcome.answer, STORE_AWAY);
    ask(store_redis_store(redis_store), &c, &h);
    cr_expect(h.outcome.answer == STORE_RULED && h.outcome.rulings[0].charged);
    buffer_free(&terms);
}

Test(ratelimit_store, an_answer_that_does_not_come_is_unknown_and_the_same_message_charges_once)
{
    struct buffer terms;
    struct store_check c, again;
    struct heard h;

    buffer_init(&terms, TERMS_MAX);
    open_stores((struct store_redis_options){ .timeout_ms = 1500 });
    one_check(&c, &terms, ALGORITHM_FIXED, 10, 86400 * SECOND, 4, 0);
    again = c;
    db_server_pause(server);
    ask(store_redis_store(redis_store), &c, &h);
    cr_expect_eq(h.outcome.answer, STORE_UNKNOWN);
    ask(store_redis_store(redis_store), &again, &h);
    cr_expect_eq(h.outcome.answer, STORE_AWAY, "not sent while it is down");
    db_server_resume(server);
    cr_assert(db_run_until(&loop, 10000, store_redis_up(redis_store)));
    ask(store_redis_store(redis_store), &again, &h);
    cr_expect_eq(h.outcome.answer, STORE_REPEATED, "it did happen, in the server's own time");
    cr_expect_eq(h.outcome.rulings[0].held, 4);
    cr_expect_eq(*store_redis_restarts(redis_store), 0, "the same server");
    buffer_free(&terms);
}

Test(ratelimit_store, a_server_that_was_restarted_is_noticed)
{
    struct buffer terms;
    struct store_check c;
    struct heard h;

    buffer_init(&terms, TERMS_MAX);
    open_stores((struct store_redis_options){ 0 });
    db_server_kill(server);
    cr_assert(db_run_until(&loop, 5000, !store_redis_up(redis_store)));
    one_check(&c, &terms, ALGORITHM_ROLLING, 10, SECOND, 1, 0);
    ask(store_redis_store(redis_store), &c, &h);
    cr_expect_eq(h.outcome.answer, STORE_AWAY);
    db_server_restart(server);
    cr_assert(db_run_until(&loop, 10000, store_redis_up(redis_store)));
    ask(store_redis_store(redis_store), &c, &h);
    cr_expect_eq(h.outcome.answer, STORE_RULED);
    cr_expect_eq(*store_redis_restarts(redis_store), 1);
    buffer_free(&terms);
}
