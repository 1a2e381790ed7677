#include "redis_encode.h"
#include "redis_session.h"
#include "refuse.h"

#include <assert.h>
#include <stdlib.h>

void redis_release(struct redis *r)
{
    void (*closed)(void *cookie) = r->closed;
    void *cookie = r->closed_cookie;

    if (--r->holders > 0)
        return;
    redis_url_free(&r->url);
    buffer_free(&r->out);
    free(r->ring);
    free(r);
    if (closed)
        closed(cookie);
}

static void on_handle_closed(uv_handle_t *handle)
{
    redis_release(handle->data);
}

/* ---- pending commands ------------------------------------------------------------------------------------- */

struct redis_pending redis_pop(struct redis *r)
{
    struct redis_pending p = r->ring[r->head];

    r->head = (r->head + 1) % r->ring_cap;
    r->stats.pending = --r->count;
    return p;
}

void redis_drain(struct redis *r)
{
    while (r->count > 0) {
        struct redis_pending p = redis_pop(r);

        r->stats.unknown++;
        if (p.cb)
            p.cb(p.cookie, REDIS_UNKNOWN, NULL);
    }
}

static void tick(struct redis *r)
{
    uint64_t now = uv_now(r->loop), passed = now - r->last_tick_ms;

    r->last_tick_ms = now;
    r->patience_ms += passed < 2 * r->tick_ms ? passed : 2 * r->tick_ms;
    if (r->count == 0) {
        (void)uv_timer_stop(&r->timer);
    } else if (r->ring[r->head].deadline_ms <= r->patience_ms) {
        r->stats.timeouts++;
        redis_fail(r, "a reply is overdue");
    }
}

static void on_timer(uv_timer_t *timer)
{
    struct redis *r = timer->data;

    if (r->state == WAITING)
        redis_attempt(r);
    else if (r->state == UP)
        tick(r);
    else
        redis_fail(r, "connecting took too long");
}

void redis_arm(struct redis *r, uint64_t after_ms, uint64_t every_ms)
{
    int status = uv_timer_start(&r->timer, on_timer, after_ms, every_ms);

    assert(status == 0);            /* fails only on a closing handle */
    (void)status;
}

enum result redis_enqueue(struct redis *r, redis_reply_cb *cb, void *cookie, size_t argc, const char *const *argv,
                          const size_t *argvlen)
{
    size_t cap = r->options.max_out_bytes;
    enum result result;

    r->out.limit = cap - (redis_link_writing(r->link) < cap ? redis_link_writing(r->link) : cap);
    if (r->count == r->ring_cap || r->out.len > r->out.limit)
        return RESULT_FULL;
    result = redis_encode(&r->out, argc, argv, argvlen);
    if (result)
        return result == RESULT_TOO_LARGE ? RESULT_FULL : result;

    r->ring[(r->head + r->count) % r->ring_cap] =
        (struct redis_pending){ cb, cookie, r->patience_ms + r->options.command_timeout_ms + r->tick_ms };
    r->stats.pending = ++r->count;
    r->stats.out_bytes = r->out.len + redis_link_writing(r->link);
    if (r->state == UP && !uv_is_active((uv_handle_t *)&r->timer)) {
        r->last_tick_ms = uv_now(r->loop);
        redis_arm(r, r->tick_ms, r->tick_ms);
    }
    return RESULT_OK;
}

enum result redis_command(struct redis *r, redis_reply_cb *cb, void *cookie, size_t argc, const char *const *argv,
                          const size_t *argvlen)
{
    enum result result;

    if (r->state == CLOSING)
        return RESULT_CLOSED;
    if (r->state != UP && !(r->state == SETUP && r->in_setup))
        return RESULT_UNAVAILABLE;
    if (r->count >= r->options.max_pending)
        result = RESULT_FULL;
    else
        result = redis_enqueue(r, cb, cookie, argc, argv, argvlen);
    if (result == RESULT_FULL)
        r->stats.full++;
    else if (!result)
        r->stats.commands++;
    return result;
}

/* ---- the loop's turn -------------------------------------------------------------------------------------- */

static void on_prepare(uv_prepare_t *prepare)
{
    struct redis *r = prepare->data;

    if (r->out.len == 0 || !r->link || redis_link_writing(r->link) > 0)
        return;
    if (redis_link_write(r->link, &r->out))
        redis_fail(r, "writing failed");
    else
        r->stats.out_bytes = redis_link_writing(r->link);
}

static enum result set_options(struct redis *r, const struct redis_options *options, struct buffer *why)
{
    const char *name = options->client_name ? options->client_name : "";
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
    struct bytes url = secret_bytes(options->url);

    if (strlen(name) >= sizeof(r->client_name) || name[strspn(name, allowed)] != '\0')
        return refuse(RESULT_BAD_CONFIG, why, "the Redis client name is too long or not of [A-Za-z0-9_.-]");
    memcpy(r->client_name, name, strlen(name) + 1);
    r->options = *options;
    r->options.url = NULL;
    r->options.client_name = NULL;
    if (!r->options.command_timeout_ms)
        r->options.command_timeout_ms = 500;
    if (!r->options.connect_timeout_ms)
        r->options.connect_timeout_ms = 2000;
    if (!r->options.max_pending)
        r->options.max_pending = 8192;
    if (!r->options.max_out_bytes)
        r->options.max_out_bytes = 8 * 1024 * 1024;
    if (!r->options.max_reply_bytes)
        r->options.max_reply_bytes = 1024 * 1024;
    r->tick_ms = r->options.command_timeout_ms / TICKS_PER_TIMEOUT;
    if (r->tick_ms < 5)
        r->tick_ms = 5;
    return redis_url_parse((struct text){ (const char *)url.data, url.len }, &r->url, why);
}

enum result redis_open(struct uv_loop_s *loop, const struct redis_options *options, struct redis **out,
                       struct buffer *why)
{
    struct redis *r = calloc(1, sizeof(*r));
    enum result result;

    if (!r)
        return RESULT_NO_MEMORY;
    r->loop = loop;
    result = set_options(r, options, why);
    if (result)
        goto fail_redis;
    buffer_init(&r->out, r->options.max_out_bytes);
    r->ring_cap = r->options.max_pending + HANDSHAKE_MAX;
    r->ring = calloc(r->ring_cap, sizeof(*r->ring));
    result = RESULT_NO_MEMORY;
    if (!r->ring)
        goto fail_url;
    result = RESULT_INTERNAL;
    if (uv_timer_init(loop, &r->timer) != 0 || uv_prepare_init(loop, &r->prepare) != 0 ||
        uv_prepare_start(&r->prepare, on_prepare) != 0)
        goto fail_ring;                 /* none of the three fails in any libuv 1.x */
    r->timer.data = r->prepare.data = r;
    r->holders = 2;
    r->state = WAITING;
    redis_arm(r, 0, 0);
    *out = r;
    return RESULT_OK;

fail_ring:
    free(r->ring);
fail_url:
    redis_url_free(&r->url);
fail_redis:
    free(r);
    return result;
}

bool redis_up(const struct redis *r)
{
    return r->state == UP;
}

const struct redis_stats *redis_stats(const struct redis *r)
{
    return &r->stats;
}

void redis_close(struct redis *r, void (*closed)(void *cookie), void *cookie)
{
    assert(r->state != CLOSING);
    r->state = CLOSING;
    r->closed = closed;
    r->closed_cookie = cookie;
    redis_disconnect(r);
    uv_close((uv_handle_t *)&r->timer, on_handle_closed);
    uv_close((uv_handle_t *)&r->prepare, on_handle_closed);
    redis_drain(r);
}
