#include "redis_session.h"
#include "backoff.h"
#include "entropy.h"
#include "log.h"

#include <stdio.h>

static void on_link_closed(void *cookie)
{
    redis_release(cookie);
}

void redis_disconnect(struct redis *r)
{
    if (r->resolve)
        resolve_cancel(r->resolve);
    r->resolve = NULL;
    if (r->link)
        redis_link_close(r->link, on_link_closed, r);
    r->link = NULL;
    buffer_free(&r->out);
    r->stats.up = 0;
    r->stats.out_bytes = 0;
}

void redis_fail(struct redis *r, const char *why)
{
    bool was_up = r->state == UP;
    uint32_t random;

    if (r->state == WAITING || r->state == CLOSING)
        return;
    if (was_up)
        log_warn("redis.down", LOG_STR("why", why), LOG_UINT("pending", r->count));
    else if ((r->failures & (r->failures - 1)) == 0)    /* the 1st, 2nd, 3rd, 5th, 9th … */
        log_warn("redis.unreachable", LOG_STR("why", why), LOG_STR("host", r->url.host),
                 LOG_UINT("failures", r->failures + 1));

    redis_disconnect(r);
    r->state = WAITING;
    r->in_setup = false;
    entropy_fill(&random, sizeof(random));
    redis_arm(r, backoff_ms(was_up ? 0 : r->failures, random), 0);
    if (!was_up) {
        r->failures++;
        r->stats.failures++;
    }
    if (was_up && r->options.state)
        r->options.state(r->options.cookie, r, false);
    redis_drain(r);
}

static void go_up(struct redis *r)
{
    r->state = UP;
    r->failures = 0;
    r->stats.up = 1;
    r->stats.connects++;
    (void)uv_timer_stop(&r->timer);
    log_info("redis.up", LOG_STR("host", r->url.host), LOG_UINT("port", r->url.port));
    if (r->options.state)
        r->options.state(r->options.cookie, r, true);
}

void redis_reject(struct redis *r, const char *reason)
{
    r->rejected = reason;
}

/* After each step of SETUP, when the owner has had its say. */
static void setup_next(struct redis *r)
{
    r->in_setup = false;
    if (r->rejected)
        redis_fail(r, r->rejected);
    else if (r->count == 0)
        go_up(r);
}

static void setup_begin(struct redis *r)
{
    /* The password has left; nothing of it stays in ordinary memory. */
    redis_link_forget(r->link);
    buffer_free(&r->out);
    r->state = SETUP;
    r->rejected = NULL;
    if (r->options.setup) {
        r->in_setup = true;
        r->options.setup(r->options.cookie, r);
    }
    if (r->state == SETUP)
        setup_next(r);
}

static void on_reply(void *cookie, const struct redis_value *value)
{
    struct redis *r = cookie;
    enum redis_outcome outcome = value->kind == REDIS_ERROR ? REDIS_REFUSED : REDIS_ANSWERED;
    enum redis_state state = r->state;
    struct redis_link *link = r->link;
    struct redis_pending p;

    if (r->count == 0) {
        redis_fail(r, "a reply that nobody asked for");
        return;
    }
    p = redis_pop(r);
    if (outcome == REDIS_REFUSED)
        r->stats.refused++;
    r->in_setup = state == SETUP;
    if (p.cb)
        p.cb(p.cookie, outcome, value);
    if (state == UP || r->link != link)
        return;
    if (outcome == REDIS_REFUSED)
        redis_fail(r, value->text.data);      /* arena_copy ends it with a NUL */
    else if (state == SETUP)
        setup_next(r);
    else if (r->count == 0)
        setup_begin(r);
}

static enum result handshake_send(struct redis *r, size_t argc, const char *const *argv, const size_t *argvlen)
{
    static redis_reply_cb *const nobody = NULL;         /* on_reply itself looks at the answer */

    return redis_enqueue(r, nobody, NULL, argc, argv, argvlen);
}

static enum result handshake(struct redis *r)
{
    struct bytes password = { NULL, 0 };
    char db[12];
    enum result result = RESULT_OK;

    if (r->url.password) {
        password = secret_bytes(r->url.password);
        if (r->url.user[0])
            result = handshake_send(r, 3, (const char *[]){ "AUTH", r->url.user, (const char *)password.data },
                                    (size_t[]){ 4, strlen(r->url.user), password.len });
        else
            result = handshake_send(r, 2, (const char *[]){ "AUTH", (const char *)password.data },
                                    (size_t[]){ 4, password.len });
    }
    if (!result && r->url.db > 0) {
        snprintf(db, sizeof(db), "%u", r->url.db);
        result = handshake_send(r, 2, (const char *[]){ "SELECT", db }, (size_t[]){ 6, strlen(db) });
    }
    if (!result && r->client_name[0])
        result = handshake_send(r, 3, (const char *[]){ "CLIENT", "SETNAME", r->client_name },
                                (size_t[]){ 6, 7, strlen(r->client_name) });
    /* It answers, and not with LOADING or NOAUTH. */
    if (!result)
        result = handshake_send(r, 1, (const char *[]){ "PING" }, (size_t[]){ 4 });
    return result;
}

static void on_connected(void *cookie)
{
    struct redis *r = cookie;

    r->state = HANDSHAKE;
    if (handshake(r))
        redis_fail(r, "out of memory");
}

static void on_written(void *cookie)
{
    struct redis *r = cookie;

    r->stats.out_bytes = r->out.len;
}

static void on_lost(void *cookie, const char *why)
{
    redis_fail(cookie, why);
}

static void connect_to(struct redis *r, const struct sockaddr_storage *address)
{
    static const struct redis_link_events events = { on_connected, on_reply, on_written, on_lost };

    r->state = CONNECTING;
    if (redis_link_open(r->loop, address, r->options.max_reply_bytes, &events, r, &r->link))
        redis_fail(r, "no socket to connect with");
    else
        r->holders++;
}

static void on_resolved(void *cookie, enum result result, const struct sockaddr_storage *address)
{
    struct redis *r = cookie;

    if (result != RESULT_CLOSED) {
        r->resolve = NULL;
        if (result)
            redis_fail(r, "its name does not resolve");
        else
            connect_to(r, address);
    }
    redis_release(r);
}

void redis_attempt(struct redis *r)
{
    struct sockaddr_storage address;

    r->state = RESOLVING;
    redis_arm(r, r->options.connect_timeout_ms, 0);
    if (resolve_numeric(r->url.host, r->url.port, &address))
        connect_to(r, &address);
    else if (resolve_start(r->loop, r->url.host, r->url.port, r->attempts++, on_resolved, r, &r->resolve))
        redis_fail(r, "its name cannot be looked up");
    else
        r->holders++;
}
