#include "auth.h"
#include "audit.h"
#include "bus_internal.h"
#include "clock.h"
#include "entropy.h"

static enum own_topic_kind topic_of(enum publication kind)
{
    static const enum own_topic_kind TOPICS[] = {
        [PUBLISH_EVENT] = OWN_EVENTS,
        [PUBLISH_REVOCATION] = OWN_REVOCATIONS,
        [PUBLISH_ALERT] = OWN_ALERTS,
        [PUBLISH_CHECKPOINT] = OWN_CHECKPOINTS,
    };

    return TOPICS[kind];
}

static enum result seal_to(struct bus *b, const struct bus_message *m, const struct principal *receiver, struct buffer *out)
{
    bool event = m->kind == PUBLISH_EVENT;
    struct envelope_header h = {
        .id = m->id,
        .op = event ? op_audit_event.name : op_auth_revoked.name,
        .src = b->self,
        .dst = receiver->name,
        .ts = clock_unix_ms(),
        .trace = m->trace,
    };

    entropy_public(h.nonce, sizeof(h.nonce));
    return seal_message(b->identity->keyring, event ? ENVELOPE_EVENT : ENVELOPE_REVOCATION, &receiver->keys[0], &h, m->body,
                        false, out);
}

static enum result compose(struct bus *b, const struct bus_message *m, struct delivery *d)
{
    const struct principal *receiver = NULL;
    enum result r;

    if (m->kind == PUBLISH_EVENT)
        receiver = b->identity->audit;
    else if (m->kind == PUBLISH_REVOCATION)
        receiver = principals_find(b->identity->principals, b->self);
    if (m->kind == PUBLISH_ALERT || m->kind == PUBLISH_CHECKPOINT)
        r = buffer_append(&d->value, m->body.data, m->body.len);
    else
        r = receiver ? seal_to(b, m, receiver, &d->value) : RESULT_UNAVAILABLE;
    if (!r && m->key.len > 0)
        r = buffer_append(&d->key, m->key.data, m->key.len);
    return r;
}

enum result bus_publish(struct bus *b, const struct bus_message *m, bus_reported *reported, void *cookie, int64_t number)
{
    rd_kafka_topic_t *topic = b->topics.own[topic_of(m->kind)].handle;
    struct delivery *d;

    if (!topic || b->state >= BUS_CLOSED)
        return RESULT_UNAVAILABLE;
    d = delivery_new(b, DELIVERY_OUTBOX);
    if (!d)
        return RESULT_NO_MEMORY;
    enum result r = compose(b, m, d);
    d->topic = topic;
    if (m->kind == PUBLISH_REVOCATION)
        d->to = BROADCAST_PARTITION;
    d->reported = reported;
    d->reported_cookie = cookie;
    d->number = number;
    if (!r)
        r = delivery_try(b, d);
    if (r)
        delivery_drop(b, d);
    return r;
}
