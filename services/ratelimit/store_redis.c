#include "store_redis.h"

#include "clock.h"
#include "library.h"
#include "log.h"
#include "store_call.h"

#include <stdlib.h>

#define RUN_ID_LEN 40

struct store_redis {
    struct store store;                 /* first: a store is this */
    struct redis *redis;
    struct text library;
    const char *function;
    char run_id[RUN_ID_LEN + 1];        /* of the server that answered last */
    uint64_t restarts;
    bool reloading;
    struct histogram latency;
    void (*closed)(void *cookie);
    void *closed_cookie;
};

/* ---- answers ------------------------------------------------------------------------------------------------- */

static void on_reloaded(void *cookie, enum redis_outcome outcome, const struct redis_value *v)
{
    struct store_redis *s = cookie;

    s->reloading = false;
    if (outcome == REDIS_REFUSED)
        log_error("store.library_refused", LOG_TEXT("reply", v->text));
}

static void load(struct store_redis *s, redis_reply_cb *cb)
{
    const char *argv[] = { "FUNCTION", "LOAD", "REPLACE", s->library.data };
    const size_t lens[] = { 8, 4, 7, s->library.len };
    enum result r = redis_command(s->redis, cb, s, 4, argv, lens);

    if (r)
        log_warn("store.library_not_sent", LOG_RESULT(r));
    s->reloading = !r && cb == on_reloaded;
}

/* The function runs whole or, refused, not at all: it reads and computes before its first write. */
static void refused(struct store_redis *s, struct text error)
{
    log_warn("store.refused", LOG_TEXT("reply", error));
    if (text_starts(error, TEXT("ERR Function not found")) && !s->reloading)
        load(s, on_reloaded);
}

static void on_answer(void *cookie, enum redis_outcome outcome, const struct redis_value *v)
{
    struct store_check *c = cookie;
    struct store_redis *s = (struct store_redis *)c->store;
    struct store_outcome out = { .answer = STORE_UNKNOWN };

    if (outcome == REDIS_ANSWERED) {
        histogram_add(&s->latency, (clock_boot_ns() - c->began_ns) / 1000);
        if (v->kind != REDIS_TEXT || store_call_take(text_bytes(v->text), c, &out)) {
            log_error("store.malformed_answer", LOG_UINT("kind", v->kind), LOG_UINT("length", v->text.len));
            out = (struct store_outcome){ .answer = STORE_UNKNOWN };
        }
    } else if (outcome == REDIS_REFUSED) {
        refused(s, v->text);
        out.answer = STORE_AWAY;
    }
    c->cb(c->cookie, &out);
}

static void check(struct store *store, struct store_check *c, store_cb *cb, void *cookie)
{
    struct store_redis *s = (struct store_redis *)store;
    struct store_call call;

    store_call_put(&call, s->function, c);
    c->store = store;
    c->cb = cb;
    c->cookie = cookie;
    c->began_ns = clock_boot_ns();
    if (redis_command(s->redis, on_answer, c, call.argc, call.argv, call.lens))
        cb(cookie, &(struct store_outcome){ .answer = STORE_AWAY });
}

/* ---- the connection -------------------------------------------------------------------------------------------- */

/* The value of `name:` in INFO's text, up to the end of its line; len 0: not there. */
static struct text info_value(struct text info, struct text name)
{
    for (size_t at = 0; at + name.len < info.len; at++) {
        struct text from = { info.data + at, info.len - at };

        if ((at == 0 || info.data[at - 1] == '\n') && text_starts(from, name)) {
            struct text value = { from.data + name.len, 0 };

            while (name.len + value.len < from.len && value.data[value.len] != '\r' && value.data[value.len] != '\n')
                value.len++;
            return value;
        }
    }
    return (struct text){ info.data, 0 };
}

static void on_info(void *cookie, enum redis_outcome outcome, const struct redis_value *v)
{
    struct store_redis *s = cookie;

    if (outcome != REDIS_ANSWERED || v->kind != REDIS_TEXT)
        return;
    struct text run_id = info_value(v->text, TEXT("run_id:"));
    if (run_id.len == RUN_ID_LEN && memcmp(s->run_id, run_id.data, RUN_ID_LEN) != 0) {
        if (s->run_id[0]) {
            s->restarts++;
            log_warn("store.restarted", LOG_STR("note", "charges of its last second may be forgotten"),
                     LOG_UINT("restarts", s->restarts));
        }
        memcpy(s->run_id, run_id.data, RUN_ID_LEN);
    }
    struct text policy = info_value(v->text, TEXT("maxmemory_policy:"));
    if (policy.len > 0 && !text_equal(policy, TEXT("noeviction")))
        log_warn("store.evicts", LOG_TEXT("maxmemory_policy", policy),
                 LOG_STR("note", "accounts that are evicted are limits forgotten; set noeviction"));
}

/* An error reply drops the connection, and redis.h says it in the log. */
static void on_loaded(void *cookie, enum redis_outcome outcome, const struct redis_value *v)
{
    (void)cookie;
    (void)outcome;
    (void)v;
}

static void setup(void *cookie, struct redis *r)
{
    static const char *const INFO[] = { "INFO" };
    static const size_t INFO_LENS[] = { 4 };
    struct store_redis *s = cookie;
    enum result failed;

    s->redis = r;
    load(s, on_loaded);
    failed = redis_command(r, on_info, s, 1, INFO, INFO_LENS);
    if (failed)
        log_warn("store.info_not_sent", LOG_RESULT(failed));
}

static void state(void *cookie, struct redis *r, bool up)
{
    (void)cookie;
    (void)r;
    if (up)
        log_info("store.up");
    else
        log_warn("store.down");
}

enum result store_redis_open(struct uv_loop_s *loop, const struct store_redis_options *o, struct store_redis **out,
                             struct buffer *why)
{
    struct store_redis *s = calloc(1, sizeof(*s));
    struct redis_options options = {
        .url = o->url,
        .client_name = o->client_name,
        .command_timeout_ms = o->timeout_ms,
        .setup = setup,
        .state = state,
        .cookie = s,
    };
    enum result r;

    if (!s)
        return RESULT_NO_MEMORY;
    s->store.check = check;
    s->library = o->library.data ? o->library : library_text();
    s->function = o->function ? o->function : "ratelimit_check";
    r = redis_open(loop, &options, &s->redis, why);
    if (r) {
        free(s);
        return r;
    }
    *out = s;
    return RESULT_OK;
}

struct store *store_redis_store(struct store_redis *s)
{
    return &s->store;
}

bool store_redis_up(const struct store_redis *s)
{
    return redis_up(s->redis);
}

const struct redis_stats *store_redis_stats(const struct store_redis *s)
{
    return redis_stats(s->redis);
}

const struct histogram *store_redis_latency(const struct store_redis *s)
{
    return &s->latency;
}

const uint64_t *store_redis_restarts(const struct store_redis *s)
{
    return &s->restarts;
}

static void on_closed(void *cookie)
{
    struct store_redis *s = cookie;
    void (*closed)(void *) = s->closed;
    void *closed_cookie = s->closed_cookie;

    free(s);
    if (closed)
        closed(closed_cookie);
}

void store_redis_close(struct store_redis *s, void (*closed)(void *cookie), void *cookie)
{
    s->closed = closed;
    s->closed_cookie = cookie;
    redis_close(s->redis, on_closed, s);
}
