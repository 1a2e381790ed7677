#include "events.h"

#include "audit.h"
#include "bus_internal.h"
#include "clock.h"
#include "entropy.h"
#include "log.h"

enum { OUT_MAX = 2000 };                /* events without a report */

void events_init(struct bus *b)
{
    entropy_fill(b->events.instance, sizeof(b->events.instance));
    buffer_init(&b->events.body, ENVELOPE_VALUE_MAX);
}

void events_free(struct bus *b)
{
    buffer_free(&b->events.body);
}

static enum result compose(struct bus *b, const struct audit_event *event, struct delivery *d)
{
    struct envelope_header h = {
        .op = op_audit_event.name,
        .src = b->self,
        .dst = TEXT("audit"),
        .ts = clock_unix_ms(),
        .has_n = true,
        .n = b->events.n,
        .trace = { b->trace_len > 0 ? b->trace : NULL, b->trace_len },
    };
    uint8_t random[10];
    struct mp_writer w = mp_writer_to(&b->events.body);

    entropy_public(random, sizeof(random));
    h.id = uuid_v7(h.ts, random);
    entropy_public(h.nonce, sizeof(h.nonce));
    memcpy(h.n_instance, b->events.instance, sizeof(h.n_instance));
    enum result r = body_encode(op_audit_event.request, event, &w);
    if (!r)
        r = seal_message(b->identity->keyring, ENVELOPE_EVENT, &b->identity->audit->keys[0], &h,
                         buffer_bytes(&b->events.body), false, &d->value);
    secret_wipe(b->events.body.data, b->events.body.len);
    buffer_reset(&b->events.body);
    return r;
}

void bus_event(struct bus *b, const struct audit_event *event, struct bytes key)
{
    rd_kafka_topic_t *topic = b->topics.own[OWN_EVENTS].handle;
    enum result r = RESULT_NOT_FOUND;
    struct delivery *d = NULL;

    if (b->options.own_event) {
        b->options.own_event(b->options.handler_cookie, event);
        return;
    }
    if (b->producer.events_out >= OUT_MAX)
        r = RESULT_FULL;
    else if (topic && b->identity->audit && b->state < BUS_CLOSED)
        r = (d = delivery_new(b, DELIVERY_EVENT)) ? RESULT_OK : RESULT_NO_MEMORY;
    if (!r)
        r = compose(b, event, d);
    if (!r && key.len > 0)
        r = buffer_append(&d->key, key.data, key.len);
    if (r) {
        b->events.dropped++;
        if (b->identity->audit)
            b->events.n++;              /* used up: audit notices by the hole that one is missing */
        log_warn("bus.event_dropped", LOG_TEXT("type", event->type), LOG_RESULT(r));
        if (d)
            delivery_drop(b, d);
        return;
    }
    b->events.n++;
    d->topic = topic;
    delivery_send(b, d);
}
