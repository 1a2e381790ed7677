#include "client.h"

#include <stdlib.h>

#define DRAIN_MS      2000u
#define DRAIN_STEP_MS 5u

void client_free(struct hlidka *c)
{
    hashmap_free(c->calls);
    due_free(&c->due);
    burst_free(&c->burst);
    buffer_free(&c->value);
    buffer_free(&c->body);
    arena_reset(&c->arena);
    if (c->credentials.principals)
        credentials_free(&c->credentials);
    arena_reset(&c->settings);
    free(c);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct hlidka *c = handle->data;

    if (--c->handles > 0)
        return;
    void (*closed)(void *cookie) = c->closed;
    void *cookie = c->closed_cookie;
    client_free(c);
    if (closed)
        closed(cookie);
}

/* librdkafka waits for its threads: not on the loop. */
static void destroy(uv_work_t *work)
{
    client_kafka_destroy(work->data);
}

static void destroyed(uv_work_t *work, int status)
{
    struct hlidka *c = work->data;

    (void)status;                       /* never cancelled */
    uv_close((uv_handle_t *)&c->wake, on_handle_closed);
    uv_close((uv_handle_t *)&c->timer, on_handle_closed);
    uv_close((uv_handle_t *)&c->burst.turn, on_handle_closed);
}

static void on_drain(uv_timer_t *timer)
{
    client_drain(timer->data, client_now_ms());
}

void client_drain(struct hlidka *c, uint64_t now_ms)
{
    if (c->state != CLIENT_DRAINING)
        return;
    client_kafka_serve(c);
    bool looking = c->replies.looking || c->alerts.looking;
    bool leaving = rd_kafka_outq_len(c->producer) > 0 && now_ms < c->drain_until_ms;
    if (!looking && !leaving) {
        c->destroy.data = c;
        if (uv_queue_work(c->loop, &c->destroy, destroy, destroyed) == 0) {
            c->state = CLIENT_DESTROYING;
            return;
        }
    }
    uv_timer_start(&c->timer, on_drain, DRAIN_STEP_MS, 0);
}

void hlidka_close(struct hlidka *c, void (*closed)(void *cookie), void *cookie)
{
    c->state = CLIENT_DRAINING;
    c->closed = closed;
    c->closed_cookie = cookie;
    c->drain_until_ms = client_now_ms() + DRAIN_MS;
    uv_timer_start(&c->timer, on_drain, 0, 0);
    call_end_all(c);
}
