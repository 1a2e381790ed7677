#include "store_redis.h"

#include "clock.h"
#include "library.h"
#include "log.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

/* As in schema/ratelimit.lua. */
#define HEAD_LEN (1 + FINGERPRINT_LEN)
#define CLAIM_LEN (1 + 6 * 7)
#define RULING_LEN (1 + 5 * 7)

#define ACCOUNT_PREFIX "hlidka:rl:a:"
#define RECORD_PREFIX "hlidka:rl:m:"
#define HASH_TEXT_LEN 22                /* base64url of 16 bytes */
#define KEY_LEN (sizeof(ACCOUNT_PREFIX) - 1 + HASH_TEXT_LEN)
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

/* ---- a check as the function reads it ----------------------------------------------------------------------- */

static uint8_t *put(uint8_t *out, uint64_t v)
{
    for (size_t i = 0; i < 7; i++, v >>= 8)
        out[i] = (uint8_t)v;
    return out + 7;
}

static const uint8_t *get(const uint8_t *in, uint64_t *v)
{
    *v = 0;
    for (size_t i = 7; i-- > 0;)
        *v = *v << 8 | in[i];
    return in + 7;
}

static uint8_t *put_claim(uint8_t *out, const struct claim *c)
{
    uint64_t numbers[4] = { c->cost };

    if (c->algorithm == ALGORITHM_GCRA) {
        struct gcra_rule rule = { .limit = c->limit, .burst = c->burst, .window_us = c->window_us };
        struct span adds = gcra_span(&rule, c->cost), room = gcra_span(&rule, c->burst);

        numbers[0] = adds.us;
        numbers[1] = adds.rem;
        numbers[2] = room.us;
        numbers[3] = room.rem;
    }
    *out++ = (uint8_t)((unsigned)c->algorithm | (c->shadow ? 4u : 0) | (c->never ? 8u : 0) | (c->many ? 16u : 0));
    out = put(out, c->window_us);
    out = put(out, c->limit);
    for (size_t i = 0; i < 4; i++)
        out = put(out, numbers[i]);
    return out;
}

static size_t put_request(const struct store_check *c, uint8_t *out)
{
    uint8_t *at = out + HEAD_LEN;
    bool many = false;

    for (size_t i = 0; i < c->count; i++) {
        at = put_claim(at, &c->claims[i]);
        many = many || c->claims[i].many;
    }
    out[0] = (uint8_t)((c->peek ? 1u : 0) | (many ? 2u : 0));
    memcpy(out + 1, c->fingerprint, FINGERPRINT_LEN);
    return (size_t)(at - out);
}

static void put_key(char out[KEY_LEN + 1], const char *prefix, const uint8_t hash[16])
{
    memcpy(out, prefix, KEY_LEN - HASH_TEXT_LEN);
    (void)sodium_bin2base64(out + KEY_LEN - HASH_TEXT_LEN, HASH_TEXT_LEN + 1, hash, 16,
                            sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

/* ---- its answer ------------------------------------------------------------------------------------------------ */

static enum result take_rulings(struct bytes in, size_t count, struct ruling *rulings)
{
    const uint8_t *at = in.data;

    if (in.len != count * RULING_LEN)
        return RESULT_MALFORMED;
    for (size_t i = 0; i < count; i++) {
        struct ruling *r = &rulings[i];

        r->allowed = *at & 1;
        r->charged = *at & 2;
        at = get(at + 1, &r->held);
        at = get(at, &r->rest);
        at = get(at, &r->wait_us);
        at = get(at, &r->at_us);
        at = get(at, &r->born_us);
    }
    return RESULT_OK;
}

static enum result take_answer(const struct store_check *c, const struct redis_value *v, struct store_outcome *out)
{
    if (v->kind != REDIS_TEXT || v->text.len == 0)
        return RESULT_MALFORMED;
    struct bytes rest = { (const uint8_t *)v->text.data + 1, v->text.len - 1 };
    switch (v->text.data[0]) {
    case 'F':
        out->answer = STORE_RULED;
        out->count = c->count;
        return take_rulings(rest, out->count, out->rulings);
    case 'R':
        out->answer = STORE_REPEATED;
        if (terms_decode(rest, out->terms, &out->count, &rest))
            return RESULT_MALFORMED;
        return take_rulings(rest, out->count, out->rulings);
    case 'C':
        out->answer = STORE_CONFLICT;
        return RESULT_OK;
    default:
        return RESULT_MALFORMED;
    }
}

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
        if (take_answer(c, v, &out)) {
            log_error("store.malformed_answer", LOG_UINT("length", v->text.len));
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
    char keys[1 + MATCH_MAX][KEY_LEN + 1], count[8];
    uint8_t request[HEAD_LEN + MATCH_MAX * CLAIM_LEN];
    const char *argv[3 + 1 + MATCH_MAX + 2] = { "FCALL", s->function, count };
    size_t lens[3 + 1 + MATCH_MAX + 2] = { 5, strlen(s->function) };
    size_t argc = 3;

    lens[2] = (size_t)snprintf(count, sizeof(count), "%zu", 1 + c->count);
    put_key(keys[0], RECORD_PREFIX, c->record);
    for (size_t i = 0; i < c->count; i++)
        put_key(keys[1 + i], ACCOUNT_PREFIX, c->claims[i].account);
    for (size_t i = 0; i <= c->count; i++, argc++) {
        argv[argc] = keys[i];
        lens[argc] = KEY_LEN;
    }
    argv[argc] = (const char *)c->terms.data;
    lens[argc++] = c->terms.len;
    argv[argc] = (const char *)request;
    lens[argc++] = put_request(c, request);
    c->store = store;
    c->cb = cb;
    c->cookie = cookie;
    c->began_ns = clock_boot_ns();
    if (redis_command(s->redis, on_answer, c, argc, argv, lens))
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
