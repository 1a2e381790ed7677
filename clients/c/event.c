#include "client.h"

#include "clock.h"
#include "entropy.h"

#define EVENT_OP "event"

static enum hlidka_status seal_event(struct hlidka *c, struct bytes body, struct text trace)
{
    const struct principal *audit = principals_find(c->credentials.principals, TEXT("audit"));
    uint8_t random[10];
    struct envelope_header h = {
        .op = TEXT(EVENT_OP), .src = c->self, .dst = TEXT("audit"), .ts = clock_unix_ms(), .trace = trace,
        .has_n = true, .n = c->n,
    };

    if (!audit)
        return HLIDKA_INVALID;
    entropy_public(random, sizeof(random));
    entropy_public(h.nonce, sizeof(h.nonce));
    h.id = uuid_v7(h.ts, random);
    memcpy(h.n_instance, c->instance, sizeof(h.n_instance));
    buffer_reset(&c->value);
    switch (seal_message(c->credentials.keyring, ENVELOPE_EVENT, &audit->keys[0], &h, body, false, &c->value)) {
    case RESULT_OK:
        return HLIDKA_OK;
    case RESULT_TOO_LARGE:
        return HLIDKA_TOO_LARGE;
    case RESULT_OUT_OF_RANGE:
        return HLIDKA_INVALID;          /* the trace */
    case RESULT_NO_MEMORY:
        return HLIDKA_NO_MEMORY;
    default:
        return HLIDKA_INTERNAL;
    }
}

enum hlidka_status hlidka_event(struct hlidka *c, struct hlidka_bytes body, const char *trace)
{
    struct bytes bytes = { body.data, body.len };
    struct route_key key;

    if (c->state != CLIENT_OPEN)
        return HLIDKA_CLOSED;
    if (!body.data || body.len == 0 || mp_check(bytes, ENVELOPE_DEPTH_MAX))
        return HLIDKA_INVALID;
    enum hlidka_status s = seal_event(c, bytes, trace && *trace ? text_of(trace) : (struct text){ NULL, 0 });
    if (s)
        return s;
    /* The number is used up whatever becomes of the event: that is how audit notices that one is missing. */
    c->n++;
    route_key_event(c->self, bytes, &key);
    rd_kafka_resp_err_t err = rd_kafka_producev(
        c->producer, RD_KAFKA_V_RKT(c->events_topic), RD_KAFKA_V_KEY(key.bytes, key.len),
        RD_KAFKA_V_VALUE(c->value.data, c->value.len), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
        RD_KAFKA_V_OPAQUE((void *)(uintptr_t)PRIVATE_EVENT), RD_KAFKA_V_END);
    if (err) {
        c->stats.events_dropped++;
        return HLIDKA_FULL;
    }
    c->stats.events++;
    return HLIDKA_OK;
}
