/* common/db/redis.h against a real redis-server that is killed, paused, restarted and asked for passwords. */
#include "redis.h"
#include "db_server.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define TIMEOUT_S 60

static uv_loop_t loop;
static struct buffer why;

struct seen {
    unsigned ups, downs, answered, refused, unknown, closed;
    unsigned unknown_before_down;
    struct redis *redis;
    void (*then)(struct seen *s);       /* called from within each answer */
    char last[256];
    int64_t integer;
};

static void on_state(void *cookie, struct redis *r, bool up)
{
    struct seen *s = cookie;

    (void)r;
    if (up)
        s->ups++;
    else
        s->downs++;
}

static void on_answer(void *cookie, enum redis_outcome outcome, const struct redis_value *v)
{
    struct seen *s = cookie;

    if (outcome == REDIS_UNKNOWN) {
        cr_expect_null(v);
        s->unknown++;
        if (s->downs == 0)
            s->unknown_before_down++;
    } else {
        if (outcome == REDIS_ANSWERED)
            s->answered++;
        else
            s->refused++;
        if (v->kind == REDIS_TEXT || v->kind == REDIS_ERROR)
            snprintf(s->last, sizeof(s->last), "%.*s", TEXT_ARG(v->text));
        s->integer = v->integer;
    }
    if (s->then)
        s->then(s);
}

static void on_closed(void *cookie)
{
    ((struct seen *)cookie)->closed++;
}

static enum result ask_as(struct seen *s, redis_reply_cb *cb, void *cookie, size_t argc, const char *const *argv)
{
    size_t lens[8];

    for (size_t i = 0; i < argc; i++)
        lens[i] = strlen(argv[i]);
    return redis_command(s->redis, cb, cookie, argc, argv, lens);
}

#define ASK(s, ...)                                                                                         \
    ask_as((s), on_answer, (s), sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(char *), (const char *[]){ __VA_ARGS__ })

static void open_with(struct seen *s, const char *url, struct redis_options options)
{
    struct secret *secret;

    cr_assert_eq(secret_from(url, strlen(url), &secret), RESULT_OK);
    options.url = secret;
    options.state = on_state;
    options.cookie = s;
    cr_assert_eq(redis_open(&loop, &options, &s->redis, &why), RESULT_OK);
    secret_free(secret);
}

static void close_all(struct seen *s)
{
    redis_close(s->redis, on_closed, s);
    cr_expect(db_run_until(&loop, 5000, s->closed == 1));
    cr_expect(db_loop_close(&loop), "handles are left on the loop");
    buffer_free(&why);
}

static void setup(void)
{
    if (!db_server_have_redis())
        cr_skip_test("redis-server is not installed");
    db_loop_open(&loop);
    buffer_init(&why, 4096);
}

TestSuite(db_redis, .init = setup, .timeout = TIMEOUT_S);

/* ---- answers ---------------------------------------------------------------------------------------------- */

struct numbered {
    struct seen *seen;
    unsigned at;                        /* the next that must come */
};

static void on_numbered(void *cookie, enum redis_outcome outcome, const struct redis_value *v)
{
    struct numbered *n = cookie;
    char want[16];

    snprintf(want, sizeof(want), "%u", n->at++);
    cr_assert_eq(outcome, REDIS_ANSWERED);
    cr_assert(text_equal(v->text, text_of(want)), "%.*s instead of %s", TEXT_ARG(v->text), want);
}

Test(db_redis, answers_come_in_the_order_of_the_commands)
{
    struct db_server *server = db_redis_start(NULL);
    struct seen s = { 0 };
    struct numbered n = { &s, 0 };
    char text[16];

    open_with(&s, db_server_url(server), (struct redis_options){ .client_name = "test" });
    cr_assert(db_run_until(&loop, 5000, s.ups == 1));
    for (unsigned i = 0; i < 5000; i++) {
        snprintf(text, sizeof(text), "%u", i);
        cr_assert_eq(ask_as(&s, on_numbered, &n, 2, (const char *[]){ "ECHO", text }), RESULT_OK);
        if (i % 700 == 0)
            uv_run(&loop, UV_RUN_NOWAIT);
    }
    cr_assert(db_run_until(&loop, 5000, n.at == 5000));
    cr_expect_eq(redis_stats(s.redis)->pending, 0);
    cr_expect_eq(redis_stats(s.redis)->commands, 5000);
    close_all(&s);
    db_server_stop(server);
}

static void on_nested(void *cookie, enum redis_outcome outcome, const struct redis_value *v)
{
    struct seen *s = cookie;

    s->answered++;
    cr_assert_eq(outcome, REDIS_ANSWERED);
    cr_assert_eq(v->kind, REDIS_ARRAY);
    cr_assert_eq(v->count, 4);
    cr_expect_eq(v->items[0].kind, REDIS_INTEGER);
    cr_expect_eq(v->items[0].integer, -7);
    cr_expect_eq(v->items[1].kind, REDIS_ARRAY);
    cr_assert_eq(v->items[1].count, 2);
    cr_expect(text_equal(v->items[1].items[1].text, TEXT("b\r\n")));
    cr_expect_eq(v->items[1].items[0].kind, REDIS_ARRAY);
    cr_expect_eq(v->items[1].items[0].count, 0);
    cr_expect_eq(v->items[2].kind, REDIS_NIL);
    cr_expect_eq(v->items[3].kind, REDIS_TEXT);
    cr_expect_eq(v->items[3].text.len, 0);
}

Test(db_redis, every_kind_of_reply_is_a_value)
{
    struct db_server *server = db_redis_start(NULL);
    struct seen s = { 0 };

    open_with(&s, db_server_url(server), (struct redis_options){ 0 });
    cr_assert(db_run_until(&loop, 5000, s.ups == 1));
    cr_assert_eq(ask_as(&s, on_nested, &s, 3,
                        (const char *[]){ "EVAL", "return {-7, {{}, 'b\\r\\n'}, false, ''}", "0" }),
                 RESULT_OK);
    cr_assert_eq(ASK(&s, "NOSUCH", "x"), RESULT_OK);
    cr_assert_eq(ASK(&s, "SET", "k", "v"), RESULT_OK);
    cr_assert(db_run_until(&loop, 5000, s.answered == 2));
    cr_expect_eq(s.refused, 1);
    cr_expect_eq(redis_stats(s.redis)->refused, 1);
    cr_expect_str_eq(s.last, "OK");
    close_all(&s);
    db_server_stop(server);
}

Test(db_redis, one_turn_of_the_loop_is_one_write)
{
    struct db_server *server = db_redis_start(NULL);
    struct seen s = { 0 };
    int64_t before;
    /* What the server has read so far, times; the script itself is one read. */
    const char *reads = "local t = redis.call('INFO', 'stats'); "
                        "return tonumber(string.match(t, 'total_reads_processed:(%d+)'))";

    open_with(&s, db_server_url(server), (struct redis_options){ 0 });
    cr_assert(db_run_until(&loop, 5000, s.ups == 1));
    cr_assert_eq(ASK(&s, "EVAL", reads, "0"), RESULT_OK);
    cr_assert(db_run_until(&loop, 5000, s.answered == 1));
    before = s.integer;
    for (unsigned i = 0; i < 500; i++)
        cr_assert_eq(ASK(&s, "PING"), RESULT_OK);
    cr_assert(db_run_until(&loop, 5000, s.answered == 501));
    cr_assert_eq(ASK(&s, "EVAL", reads, "0"), RESULT_OK);
    cr_assert(db_run_until(&loop, 5000, s.answered == 502));
    cr_expect_leq(s.integer - before, 3, "%ld reads for 500 commands", (long)(s.integer - before));
    close_all(&s);
    db_server_stop(server);
}

/* ---- going down and coming back --------------------------------------------------------------------------- */

Test(db_redis, what_was_pending_when_the_server_died_is_unknown_and_it_comes_back)
{
    struct db_server *server = db_redis_start(NULL);
    struct seen s = { 0 };

    open_with(&s, db_server_url(server), (struct redis_options){ .command_timeout_ms = 30000 });
    cr_assert_eq(ASK(&s, "PING"), RESULT_UNAVAILABLE);
    cr_assert(db_run_until(&loop, 5000, s.ups == 1));
    db_server_pause(server);
    for (unsigned i = 0; i < 10; i++)
        cr_assert_eq(ASK(&s, "INCR", "n"), RESULT_OK);
    cr_expect_not(db_run_until(&loop, 100, s.answered > 0));
    db_server_kill(server);
    cr_assert(db_run_until(&loop, 5000, s.unknown == 10));
    cr_expect_eq(s.downs, 1);
    cr_expect_eq(s.unknown_before_down, 0, "it was told down only after the commands");
    cr_expect_eq(ASK(&s, "PING"), RESULT_UNAVAILABLE);
    cr_expect_not(redis_up(s.redis));
    /* Nobody listens: every attempt is refused and the next one comes all the same. */
    cr_assert(db_run_until(&loop, 5000, redis_stats(s.redis)->failures >= 3));
    db_server_restart(server);
    cr_assert(db_run_until(&loop, 10000, s.ups == 2));
    cr_assert_eq(ASK(&s, "PING"), RESULT_OK);
    cr_assert(db_run_until(&loop, 5000, s.answered == 1));
    cr_expect_eq(redis_stats(s.redis)->connects, 2);
    cr_expect_eq(redis_stats(s.redis)->unknown, 10);
    close_all(&s);
    db_server_stop(server);
}

Test(db_redis, an_overdue_reply_gives_the_connection_up)
{
    struct db_server *server = db_redis_start(NULL);
    struct seen s = { 0 };
    uint64_t begun;

    open_with(&s, db_server_url(server), (struct redis_options){ .command_timeout_ms = 200, .connect_timeout_ms = 300 });
    cr_assert(db_run_until(&loop, 5000, s.ups == 1));
    db_server_pause(server);
    begun = uv_hrtime();
    cr_assert_eq(ASK(&s, "PING"), RESULT_OK);
    cr_assert_eq(ASK(&s, "PING"), RESULT_OK);
    cr_assert(db_run_until(&loop, 5000, s.unknown == 2));
    cr_expect_geq((uv_hrtime() - begun) / 1000000, 200);
    cr_expect_leq((uv_hrtime() - begun) / 1000000, 2500);
    cr_expect_eq(redis_stats(s.redis)->timeouts, 1);
    /* The kernel still accepts for a stopped server: such a connection must not count as up. */
    cr_assert(db_run_until(&loop, 5000, redis_stats(s.redis)->failures >= 1));
    cr_expect_not(redis_up(s.redis));
    db_server_resume(server);
    cr_assert(db_run_until(&loop, 10000, s.ups == 2));
    close_all(&s);
    db_server_stop(server);
}

Test(db_redis, time_in_which_this_process_was_stopped_is_no_timeout)
{
    struct db_server *server = db_redis_start(NULL);
    struct seen s = { 0 };

    open_with(&s, db_server_url(server), (struct redis_options){ .command_timeout_ms = 200 });
    cr_assert(db_run_until(&loop, 5000, s.ups == 1));
    cr_assert_eq(ASK(&s, "PING"), RESULT_OK);
    uv_run(&loop, UV_RUN_NOWAIT);
    uv_sleep(600);                      /* the answer lies in the socket meanwhile */
    cr_assert(db_run_until(&loop, 5000, s.answered + s.unknown == 1));
    cr_expect_eq(s.answered, 1);
    close_all(&s);
    db_server_stop(server);
}

/* ---- bounds ----------------------------------------------------------------------------------------------- */

Test(db_redis, more_than_the_bound_is_turned_away_and_costs_nothing)
{
    struct db_server *server = db_redis_start(NULL);
    struct seen s = { 0 };

    open_with(&s, db_server_url(server), (struct redis_options){ .max_pending = 4, .max_out_bytes = 4096 });
    cr_assert(db_run_until(&loop, 5000, s.ups == 1));
    for (unsigned i = 0; i < 4; i++)
        cr_assert_eq(ASK(&s, "PING"), RESULT_OK);
    cr_expect_eq(ASK(&s, "PING"), RESULT_FULL);
    cr_assert(db_run_until(&loop, 5000, s.answered == 4));
    cr_assert_eq(ASK(&s, "PING"), RESULT_OK);
    cr_assert(db_run_until(&loop, 5000, s.answered == 5));

    char large[5000];
    memset(large, 'x', sizeof(large) - 1);
    large[sizeof(large) - 1] = '\0';
    cr_expect_eq(ASK(&s, "ECHO", large), RESULT_FULL);
    cr_expect_eq(redis_stats(s.redis)->full, 2);
    cr_assert_eq(ASK(&s, "PING"), RESULT_OK);
    cr_assert(db_run_until(&loop, 5000, s.answered == 6));
    close_all(&s);
    db_server_stop(server);
}

Test(db_redis, a_reply_over_the_limit_ends_the_connection)
{
    struct db_server *server = db_redis_start(NULL);
    struct seen s = { 0 };

    open_with(&s, db_server_url(server), (struct redis_options){ .max_reply_bytes = 64 * 1024 });
    cr_assert(db_run_until(&loop, 5000, s.ups == 1));
    cr_assert_eq(ASK(&s, "EVAL", "return string.rep('x', 1000000)", "0"), RESULT_OK);
    cr_assert(db_run_until(&loop, 5000, s.unknown == 1));
    cr_assert(db_run_until(&loop, 5000, s.ups == 2));
    cr_assert_eq(ASK(&s, "EVAL", "return string.rep('x', 60000)", "0"), RESULT_OK);
    cr_assert(db_run_until(&loop, 5000, s.answered == 1));
    close_all(&s);
    db_server_stop(server);
}

Test(db_redis, much_more_than_a_socket_takes_arrives_whole)
{
    struct db_server *server = db_redis_start(NULL);
    struct seen s = { 0 };
    size_t len = 1000000;
    char *large = malloc(len);

    cr_assert_not_null(large);
    memset(large, 'x', len);
    open_with(&s, db_server_url(server), (struct redis_options){ .max_out_bytes = 40 * len, .command_timeout_ms = 20000 });
    cr_assert(db_run_until(&loop, 5000, s.ups == 1));
    for (unsigned i = 0; i < 20; i++) {
        cr_assert_eq(redis_command(s.redis, on_answer, &s, 3, (const char *[]){ "SET", "k", large },
                                   (size_t[]){ 3, 1, len }),
                     RESULT_OK);
        if (i % 3 == 0)
            uv_run(&loop, UV_RUN_NOWAIT);
    }
    cr_assert_eq(ASK(&s, "STRLEN", "k"), RESULT_OK);
    cr_assert(db_run_until(&loop, 20000, s.answered == 21));
    cr_expect_eq(s.integer, 1000000);
    cr_expect_eq(redis_stats(s.redis)->out_bytes, 0);
    free(large);
    close_all(&s);
    db_server_stop(server);
}

/* ---- who may come in, and what is prepared ---------------------------------------------------------------- */

Test(db_redis, the_password_and_the_database_come_from_the_url)
{
    struct db_server *server = db_redis_start((const char *[]){ "--requirepass", "p@ss/wörd", NULL });
    struct seen good = { 0 }, bad = { 0 };
    char url[128];

    snprintf(url, sizeof(url), "redis://:wrong@localhost:%u/3", db_server_port(server));
    open_with(&bad, url, (struct redis_options){ 0 });
    snprintf(url, sizeof(url), "redis://:p%%40ss%%2Fw%%c3%%B6rd@localhost:%u/3", db_server_port(server));
    open_with(&good, url, (struct redis_options){ .client_name = "hlidka-test" });
    cr_assert(db_run_until(&loop, 10000, good.ups == 1));
    cr_assert_eq(ASK(&good, "CLIENT", "INFO"), RESULT_OK);
    cr_assert(db_run_until(&loop, 5000, good.answered == 1));
    cr_expect(strstr(good.last, " db=3 ") && strstr(good.last, "name=hlidka-test"), "%s", good.last);
    cr_assert(db_run_until(&loop, 10000, redis_stats(bad.redis)->failures >= 2));
    cr_expect_eq(bad.ups, 0);
    redis_close(bad.redis, on_closed, &bad);
    cr_expect(db_run_until(&loop, 5000, bad.closed == 1));
    close_all(&good);
    db_server_stop(server);
}

static void load_function(void *cookie, struct redis *r)
{
    static const char code[] = "#!lua name=t\nredis.register_function('answer', function() return 42 end)";
    const char *argv[] = { "FUNCTION", "LOAD", "REPLACE", code };
    const size_t lens[] = { 8, 4, 7, sizeof(code) - 1 };

    cr_assert_eq(redis_command(r, on_answer, cookie, 4, argv, lens), RESULT_OK);
}

Test(db_redis, what_setup_loads_is_there_after_every_reconnect)
{
    struct db_server *server = db_redis_start(NULL);
    struct seen s = { 0 };

    open_with(&s, db_server_url(server), (struct redis_options){ .setup = load_function });
    cr_assert(db_run_until(&loop, 5000, s.ups == 1));
    cr_assert_eq(s.answered, 1, "it was up before the function was loaded");
    cr_assert_eq(ASK(&s, "FCALL", "answer", "0"), RESULT_OK);
    cr_assert(db_run_until(&loop, 5000, s.integer == 42));
    db_server_restart(server);
    cr_assert(db_run_until(&loop, 10000, s.ups == 2));
    s.integer = 0;
    cr_assert_eq(ASK(&s, "FCALL", "answer", "0"), RESULT_OK);
    cr_assert(db_run_until(&loop, 5000, s.integer == 42));
    close_all(&s);
    db_server_stop(server);
}

static void reject(void *cookie, struct redis *r)
{
    (void)cookie;
    redis_reject(r, "a replica");
}

static void load_nonsense(void *cookie, struct redis *r)
{
    cr_assert_eq(redis_command(r, on_answer, cookie, 3, (const char *[]){ "FUNCTION", "LOAD", "nonsense" },
                               (size_t[]){ 8, 4, 8 }),
                 RESULT_OK);
}

Test(db_redis, a_server_that_setup_refuses_is_not_up)
{
    struct db_server *server = db_redis_start(NULL);
    struct seen rejected = { 0 }, broken = { 0 };

    open_with(&rejected, db_server_url(server), (struct redis_options){ .setup = reject });
    open_with(&broken, db_server_url(server), (struct redis_options){ .setup = load_nonsense });
    cr_assert(db_run_until(&loop, 10000, redis_stats(rejected.redis)->failures >= 2 && broken.refused >= 2));
    cr_expect_eq(rejected.ups + broken.ups, 0);
    redis_close(broken.redis, on_closed, &broken);
    cr_expect(db_run_until(&loop, 5000, broken.closed == 1));
    close_all(&rejected);
    db_server_stop(server);
}

/* ---- the end ---------------------------------------------------------------------------------------------- */

static void close_now(struct seen *s)
{
    s->then = NULL;
    redis_close(s->redis, on_closed, s);
}

Test(db_redis, closing_from_within_an_answer_ends_the_others_as_unknown)
{
    struct db_server *server = db_redis_start(NULL);
    struct seen s = { .then = close_now };

    open_with(&s, db_server_url(server), (struct redis_options){ 0 });
    cr_assert(db_run_until(&loop, 5000, s.ups == 1));
    for (unsigned i = 0; i < 5; i++)
        cr_assert_eq(ASK(&s, "PING"), RESULT_OK);
    cr_assert(db_run_until(&loop, 5000, s.closed == 1));
    cr_expect_eq(s.answered, 1);
    cr_expect_eq(s.unknown, 4);
    cr_expect(db_loop_close(&loop));
    db_server_stop(server);
}

Test(db_redis, it_closes_in_every_state)
{
    struct db_server *server = db_redis_start(NULL);
    /* At once; while the name is looked up; while connecting; while waiting for the next attempt. */
    static const char *const urls[] = { "redis://localhost:1", "redis://localhost:1", "redis://127.0.0.1:1" };
    char up[64];

    snprintf(up, sizeof(up), "%s", db_server_url(server));
    for (unsigned turns = 0; turns < 12; turns++) {
        struct seen s = { 0 };

        open_with(&s, turns % 4 == 3 ? up : urls[turns % 4], (struct redis_options){ 0 });
        for (unsigned i = 0; i < turns; i++)
            uv_run(&loop, UV_RUN_NOWAIT);
        redis_close(s.redis, on_closed, &s);
        cr_assert(db_run_until(&loop, 5000, s.closed == 1));
    }
    cr_expect(db_loop_close(&loop));
    db_server_stop(server);
}

Test(db_redis, a_url_that_will_not_do_is_refused_with_a_reason)
{
    static const struct {
        const char *url, *reason;
    } cases[] = {
        { "rediss://:secret@localhost:1", "TLS" },
        { "http://localhost", "redis://" },
        { "redis://:secret@localhost:99999", "port" },
        { "redis://:sec%ret@localhost:1", "percent" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct secret *url;
        struct redis *r;

        buffer_reset(&why);
        cr_assert_eq(secret_from(cases[i].url, strlen(cases[i].url), &url), RESULT_OK);
        cr_expect_eq(redis_open(&loop, &(struct redis_options){ .url = url }, &r, &why), RESULT_BAD_CONFIG);
        cr_expect(memmem(why.data, why.len, cases[i].reason, strlen(cases[i].reason)), "%.*s", (int)why.len, why.data);
        cr_expect_null(memmem(why.data, why.len, "sec", 3), "the reason tells the password");
        secret_free(url);
    }
    buffer_free(&why);
    cr_expect(db_loop_close(&loop));
}
