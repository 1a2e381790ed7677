#include "client.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "entropy.h"

#define IN_FLIGHT_DEFAULT 4096u
#define IN_FLIGHT_MAX     65536u
#define SETTINGS_MAX      65536u
#define DECODED_MAX       (1u << 20)    /* what is made of one answer beside its bytes */
#define BATCH             512           /* messages to a turn of the loop */

const char *hlidka_status_text(enum hlidka_status s)
{
    switch (s) {
#define X(name, text)    \
    case HLIDKA_##name:  \
        return text;
        HLIDKA_STATUS_LIST(X)
#undef X
    }
    return "unknown status";
}

uint64_t client_now_ms(void)
{
    return clock_boot_ns() / 1000000;
}

void client_notice(struct hlidka *c, const char *format, ...)
{
    char text[512];
    va_list args;

    if (!c->notice)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    c->notice(c->cookie, text);
}

/* ---- turning ---------------------------------------------------------------------------------------------------- */

static void reload(struct hlidka *c)
{
    struct credentials fresh;
    struct buffer why;
    enum result r;

    if (!credentials_stale(&c->credentials, &c->files))
        return;
    buffer_init(&why, HLIDKA_WHY_LEN);
    r = credentials_load(&c->files, c->self, &fresh, &why);
    if (r) {
        credentials_seen(&c->credentials, &c->files);
        client_notice(c, "keys and principals stay as they were: %.*s", (int)why.len, (const char *)why.data);
    } else {
        credentials_free(&c->credentials);
        c->credentials = fresh;
        client_notice(c, "keys and principals have been read again");
    }
    buffer_free(&why);
}

static void on_timer(uv_timer_t *timer)
{
    struct hlidka *c = timer->data;
    uint64_t now_ms = client_now_ms();

    if (c->state != CLIENT_OPEN) {
        client_drain(c, now_ms);
        return;
    }
    if (now_ms >= c->tick_ms) {
        c->tick_ms = now_ms + CLIENT_TICK_MS;
        reload(c);
        /* A queue tells only when it stops being empty; should one such word be lost, it is a second's delay. */
        uv_async_send(&c->wake);
    }
    reader_tick(&c->replies, now_ms);
    reader_tick(&c->alerts, now_ms);
    call_serve_due(c, now_ms);
    client_arm(c);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t next_look(const struct reader *r, uint64_t otherwise)
{
    return r->client && !r->attached && !r->looking ? earlier(r->next_look_ms, otherwise) : otherwise;
}

void client_arm(struct hlidka *c)
{
    const struct due_entry *first = due_first(&c->due);
    uint64_t now_ms = client_now_ms(), at_ms = c->tick_ms;

    if (c->state != CLIENT_OPEN)
        return;
    at_ms = next_look(&c->replies, at_ms);
    at_ms = next_look(&c->alerts, at_ms);
    if (first)
        at_ms = earlier(first->at_ms, at_ms);
    uv_update_time(c->loop);
    uv_timer_start(&c->timer, on_timer, at_ms > now_ms ? at_ms - now_ms : 0, 0);
}

static void take_message(struct hlidka *c, const rd_kafka_message_t *m)
{
    struct reader *r = m->rkt == c->replies.handle ? &c->replies : &c->alerts;

    if (m->err) {
        reader_failed(r, m);
        return;
    }
    r->failing_since_ms = 0;
    struct bytes value = { m->payload, m->len };
    if (!value.data)
        c->stats.ignored_malformed++;   /* a tombstone */
    else if (r == &c->replies)
        call_take_reply(c, value);
    else
        alert_take(c, value);
}

static void on_wake(uv_async_t *wake)
{
    struct hlidka *c = wake->data;
    unsigned taken = 0;

    while (c->state == CLIENT_OPEN && taken < BATCH) {
        rd_kafka_message_t *m = rd_kafka_consume_queue(c->messages, 0);
        if (!m)
            break;
        take_message(c, m);
        rd_kafka_message_destroy(m);
        taken++;
    }
    if (c->state == CLIENT_DESTROYING)
        return;
    if (taken == BATCH)
        uv_async_send(&c->wake);        /* the loop's other work has its turn first */
    client_kafka_serve(c);
    if (taken > 0)
        client_arm(c);
}

/* ---- opening ---------------------------------------------------------------------------------------------------- */

/* A setting copied; NULL stays NULL. */
static bool keep(struct hlidka *c, const char *value, const char **out)
{
    *out = value ? arena_copy(&c->settings, text_of(value)) : NULL;
    return !value || *out;
}

static enum result keep_options(struct hlidka *c, const struct hlidka_options *o, struct buffer *why)
{
    const char *self;

    if (!o->brokers || !o->principal || !o->principals_path || !o->key_path)
        return buffer_printf(why, "brokers, principal, principals_path and key_path are needed\n") ? RESULT_NO_MEMORY
                                                                                                  : RESULT_BAD_CONFIG;
    if (o->in_flight_max > IN_FLIGHT_MAX)
        return buffer_printf(why, "in_flight_max: at most %u\n", IN_FLIGHT_MAX) ? RESULT_NO_MEMORY : RESULT_BAD_CONFIG;
    if (!keep(c, o->prefix ? o->prefix : "hlidka.", &c->prefix) || !keep(c, o->principal, &self) ||
        !keep(c, o->principals_path, &c->files.principals) || !keep(c, o->key_path, &c->files.key) ||
        !keep(c, o->sign_path, &c->files.sign))
        return RESULT_NO_MEMORY;
    c->self = text_of(self);
    c->ready = o->ready;
    c->notice = o->notice;
    c->cookie = o->cookie;
    return RESULT_OK;
}

static enum result open_replies(struct hlidka *c, struct buffer *why)
{
    char topic[CLIENT_TOPIC_MAX + 1];
    int len = snprintf(topic, sizeof(topic), "%sreplies.%.*s", c->prefix, TEXT_ARG(c->self));
    enum result r = len < 0 || (size_t)len >= sizeof(topic) ? RESULT_TOO_LARGE : reader_open(&c->replies, c, topic, false);

    if (r && r != RESULT_NO_MEMORY)
        return buffer_printf(why, "%s: no such topic can be\n", topic) ? RESULT_NO_MEMORY : RESULT_BAD_CONFIG;
    return r;
}

static enum result open_tables(struct hlidka *c, unsigned in_flight)
{
    uint8_t seed[16];

    entropy_fill(seed, sizeof(seed));
    entropy_fill(c->instance, sizeof(c->instance));
    buffer_init(&c->value, ENVELOPE_VALUE_MAX);
    buffer_init(&c->body, ENVELOPE_VALUE_MAX);
    arena_init(&c->arena, NULL, 0, DECODED_MAX);
    enum result r = hashmap_new(sizeof(struct uuid), in_flight, seed, &c->calls);
    return r ? r : due_init(&c->due, in_flight);
}

static enum result open_client(struct hlidka *c, const struct hlidka_options *o, struct buffer *why)
{
    enum result r = entropy_start();

    if (!r)
        r = keep_options(c, o, why);
    if (!r)
        r = credentials_load(&c->files, c->self, &c->credentials, why);
    if (!r)
        r = burst_open(c);
    if (!r)
        r = open_tables(c, o->in_flight_max ? o->in_flight_max : IN_FLIGHT_DEFAULT);
    if (!r)
        r = client_kafka_open(c, o, why);
    if (!r)
        r = open_replies(c, why);
    return r;
}

/* Last, and without a failure after it: an open handle can only be closed by the loop, a turn later. */
static enum result start(struct hlidka *c)
{
    if (uv_async_init(c->loop, &c->wake, on_wake))
        return RESULT_INTERNAL;
    uv_timer_init(c->loop, &c->timer);
    burst_loop(c);
    c->handles = 3;
    c->wake.data = c->timer.data = c;
    client_kafka_watch(c);
    c->tick_ms = client_now_ms() + CLIENT_TICK_MS;
    reader_tick(&c->replies, client_now_ms());
    client_arm(c);
    return RESULT_OK;
}

static enum hlidka_status open_status(enum result r, const struct buffer *why, char out[HLIDKA_WHY_LEN])
{
    if (out && why->len > 0)
        snprintf(out, HLIDKA_WHY_LEN, "%.*s", (int)why->len - 1, (const char *)why->data);
    else if (out)
        snprintf(out, HLIDKA_WHY_LEN, "%s", result_text(r));
    return r == RESULT_OK ? HLIDKA_OK : r == RESULT_NO_MEMORY ? HLIDKA_NO_MEMORY : HLIDKA_BAD_CONFIG;
}

enum hlidka_status hlidka_open(struct uv_loop_s *loop, const struct hlidka_options *o, struct hlidka **out,
                               char why_text[HLIDKA_WHY_LEN])
{
    struct hlidka *c = calloc(1, sizeof(*c));
    struct buffer why;

    buffer_init(&why, HLIDKA_WHY_LEN);
    if (!c)
        return open_status(RESULT_NO_MEMORY, &why, why_text);
    arena_init(&c->settings, NULL, 0, SETTINGS_MAX);
    c->loop = loop;
    enum result r = open_client(c, o, &why);
    if (!r)
        r = start(c);
    if (r) {
        client_kafka_destroy(c);
        client_free(c);
    } else {
        *out = c;
    }
    enum hlidka_status s = open_status(r, &why, why_text);
    buffer_free(&why);
    return s;
}

/* ---- looking ---------------------------------------------------------------------------------------------------- */

bool hlidka_is_ready(const struct hlidka *c, char why[HLIDKA_WHY_LEN])
{
    /* While the pool looks, `why` of the reader is the pool's to write. */
    if (!c->replies.attached && why)
        snprintf(why, HLIDKA_WHY_LEN, "%s", c->replies.looking ? "still looking for the brokers" : c->replies.why);
    return c->replies.attached;
}

void hlidka_stats(const struct hlidka *c, struct hlidka_stats *out)
{
    *out = c->stats;
    out->in_flight = hashmap_count(c->calls);
}
