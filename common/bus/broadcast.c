#include "broadcast.h"

#include "auth.h"
#include "bus_internal.h"
#include "clock.h"
#include "entropy.h"
#include "kafka_conf.h"
#include "log.h"

enum {
    SERVE_MAX = 256,                    /* messages before the loop sees to its other work */
    SILENCE_MS = 10000,                 /* nothing read back for so long: begin again */
    BEATS_OUT_MAX = 4,
    ARENA_MAX = 64 * 1024,
};

static const struct kafka_property OWN[] = {
    { "enable.auto.commit", "false" },
    { "auto.offset.reset", "error" },           /* a jump is ours to make, and to tell */
    { "queued.max.messages.kbytes", "1024" },
};

enum result broadcast_open(struct bus *b, struct buffer *why)
{
    struct broadcast *c = &b->broadcast;
    struct kafka_identity who = { b->options.brokers, b->options.instance, b->group };

    c->next = -1;
    buffer_init(&c->body, ENVELOPE_VALUE_MAX);
    arena_init(&c->arena, NULL, 0, ARENA_MAX);
    if (!b->options.listener)
        return RESULT_OK;
    return kafka_reader_new(&who, b, bus_on_error, OWN, sizeof(OWN) / sizeof(OWN[0]), &c->rk, &c->queue, why);
}

void broadcast_free(struct bus *b)
{
    buffer_free(&b->broadcast.body);
    arena_reset(&b->broadcast.arena);
}

/* ---- where we read -------------------------------------------------------------------------------------------- */

/* At the end of the topic. What is read first is told as `lost`: until then anything may have gone by. */
static void begin(struct bus *b, uint64_t now)
{
    struct broadcast *c = &b->broadcast;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR__FAIL;

    if (list) {
        const char *topic = b->topics.own[OWN_REVOCATIONS].name;
        rd_kafka_topic_partition_list_add(list, topic, BROADCAST_PARTITION)->offset = RD_KAFKA_OFFSET_END;
        err = rd_kafka_assign(c->rk, list);
        rd_kafka_topic_partition_list_destroy(list);
    }
    if (err)
        log_error("bus.broadcast_assign", LOG_STR("error", rd_kafka_err2name(err)));
    c->next = -1;
    c->begun_ns = now;
}

void broadcast_tick(struct bus *b)
{
    struct broadcast *c = &b->broadcast;
    uint64_t now = clock_boot_ns();

    if (!c->rk || b->state != BUS_RUNNING || b->topics.own[OWN_REVOCATIONS].partitions != 1)
        return;
    if (c->begun_ns == 0) {
        begin(b, now);
        return;
    }
    /* A batch that cannot be read, a topic made anew: whatever it is, the end of the topic is past it. */
    if (!b->consumer.down && now - c->begun_ns >= SILENCE_MS * NS_PER_MS &&
        heartbeats_age(&c->heartbeats, now) >= SILENCE_MS * NS_PER_MS) {
        log_warn("bus.broadcast_silent", LOG_UINT("beats_out", c->beats_out));
        begin(b, now);
    }
}

/* ---- heartbeats ----------------------------------------------------------------------------------------------- */

/* Sealed from ourselves to ourselves, like every revocation. */
static enum result compose(struct bus *b, struct delivery *d, struct uuid *id)
{
    const struct principal *self = principals_find(b->identity->principals, b->self);
    struct auth_revoked beat = { .time = clock_unix_ms(), .instance = { b->events.instance, sizeof(b->events.instance) } };
    struct envelope_header h = { .op = op_auth_revoked.name, .src = b->self, .dst = b->self, .ts = beat.time };
    struct buffer *body = &b->broadcast.body;
    struct mp_writer w = mp_writer_to(body);
    uint8_t random[10];

    if (!self)
        return RESULT_NOT_FOUND;
    entropy_fill(random, sizeof(random));
    h.id = *id = uuid_v7(h.ts, random);
    entropy_fill(h.nonce, sizeof(h.nonce));
    buffer_reset(body);
    enum result r = body_encode(op_auth_revoked.request, &beat, &w);
    if (!r)
        r = seal_message(b->identity->keyring, ENVELOPE_REVOCATION, &self->keys[0], &h, buffer_bytes(body), false, &d->value);
    if (!r)
        r = buffer_append(&d->key, b->events.instance, sizeof(b->events.instance));
    return r;
}

static void on_beat(uv_timer_t *timer)
{
    struct bus *b = timer->data;
    struct broadcast *c = &b->broadcast;
    rd_kafka_topic_t *topic = b->topics.own[OWN_REVOCATIONS].handle;
    struct delivery *d;
    struct uuid id;

    /* Of those that the broker has not confirmed a few are enough: more would all be too old by then. */
    if (!topic || c->begun_ns == 0 || c->beats_out >= BEATS_OUT_MAX)
        return;
    uint64_t now = clock_boot_ns();     /* before it is made, let alone sent: never younger than it is */
    enum result r = (d = delivery_new(b, DELIVERY_HEARTBEAT)) ? compose(b, d, &id) : RESULT_NO_MEMORY;
    if (r) {
        log_warn("bus.heartbeat", LOG_RESULT(r));
        if (d)
            delivery_drop(b, d);
        return;
    }
    heartbeats_made(&c->heartbeats, &id, now);
    c->beats_out++;
    d->topic = topic;
    d->to = BROADCAST_PARTITION;
    delivery_send(b, d);
}

void broadcast_delivered(struct bus *b)
{
    b->broadcast.beats_out--;
}

void broadcast_start(struct bus *b)
{
    if (b->broadcast.rk && uv_timer_start(&b->broadcast.beat, on_beat, HEARTBEAT_PERIOD_MS, HEARTBEAT_PERIOD_MS))
        log_error("bus.timer", LOG_RESULT(RESULT_INTERNAL));
}

void broadcast_stop(struct bus *b)
{
    uv_timer_stop(&b->broadcast.beat);
}

bool broadcast_fresh(const struct bus *b, uint64_t now_ns)
{
    return heartbeats_fresh(&b->broadcast.heartbeats, now_ns);
}

/* ---- messages ------------------------------------------------------------------------------------------------- */

static void tell_lost(struct bus *b)
{
    b->broadcast.lost++;
    b->options.listener->lost(b->options.handler_cookie);
}

static void obey(struct bus *b, const struct verdict *v)
{
    const struct auth_revoked *r = v->decoded;

    if (r->instance.data) {
        heartbeats_read(&b->broadcast.heartbeats, &v->envelope.header.id);
        return;
    }
    b->broadcast.revocations++;
    b->options.listener->revoked(b->options.handler_cookie, r);
}

/*
 * Refused, and yet perhaps a revocation in earnest, of whom cannot be told: one in words of a later version, or one of an
 * instance that uses a key of ours before we know it (keys are being replaced). Who forges the latter gets memory
 * forgotten, which costs readings and grants nothing.
 */
static bool may_have_revoked(const struct bus *b, const struct verdict *v)
{
    return v->reason == DEAD_INVALID_EVENT
           || (v->reason == DEAD_UNKNOWN_KEY && text_equal(v->envelope.header.src, b->self));
}

static void take(struct bus *b, const rd_kafka_message_t *m)
{
    struct broadcast *c = &b->broadcast;
    struct receiver receiver = b->receiver;
    struct verdict *v = &b->verdict;

    if (m->offset != c->next)
        tell_lost(b);
    c->next = m->offset + 1;
    receiver.kind = ENVELOPE_REVOCATION;
    buffer_reset(&c->body);
    arena_reset(&c->arena);
    receive(&receiver, (struct bytes){ m->payload, m->payload ? m->len : 0 }, clock_unix_ms(), &c->body, &c->arena, v);
    switch (v->kind) {
    case VERDICT_EVENT:
        obey(b, v);
        break;
    case VERDICT_DEAD:
        c->refused++;
        dead_queue_note(b, m, v, false);
        if (may_have_revoked(b, v))
            tell_lost(b);
        break;
    default:                            /* no memory: a revocation has gone by unread */
        tell_lost(b);
    }
}

static void on_message_error(struct bus *b, const rd_kafka_message_t *m)
{
    b->broadcast.errors++;
    log_warn("bus.broadcast_consume", LOG_INT("offset", m->offset), LOG_STR("error", rd_kafka_err2name(m->err)),
             LOG_STR("text", rd_kafka_message_errstr(m)));
    if (m->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET || m->err == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE)
        begin(b, clock_boot_ns());
}

bool broadcast_serve(struct bus *b)
{
    if (!b->broadcast.rk)
        return false;
    for (unsigned n = 0; n < SERVE_MAX; n++) {
        rd_kafka_message_t *m = rd_kafka_consumer_poll(b->broadcast.rk, 0);
        if (!m)
            return false;
        if (m->err)
            on_message_error(b, m);
        else
            take(b, m);
        rd_kafka_message_destroy(m);
    }
    return true;
}

void broadcast_collect(struct bus *b)
{
    uint64_t age = heartbeats_age(&b->broadcast.heartbeats, clock_boot_ns());

    b->broadcast.age_s = age == UINT64_MAX ? -1 : (double)age / 1e9;
}
