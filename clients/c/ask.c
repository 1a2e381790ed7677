/* A request as the caller gives it, checked and made into a call. */
#include "client.h"

#include <stdlib.h>

#include "clock.h"
#include "entropy.h"
#include "ops.h"

#define REFUSAL_MAX 65536u              /* bytes of a kept 503 */

/* "ratelimit.check": lower-case letters, digits, _ and dots; the first part is the service. */
static bool read_op(struct hlidka_call *call, const char *op)
{
    size_t len = op ? strlen(op) : 0;
    const char *dot = len > 0 && len <= ENVELOPE_OP_MAX ? strchr(op, '.') : NULL;

    if (!dot || dot == op || (size_t)(dot - op) > ENVELOPE_NAME_MAX || dot[1] == '\0' ||
        strspn(op, "abcdefghijklmnopqrstuvwxyz0123456789_.") != len)
        return false;
    memcpy(call->op, op, len + 1);
    call->asked.op = (struct text){ call->op, len };
    call->asked.dst = (struct text){ call->op, (size_t)(dot - op) };
    return true;
}

static bool read_trace(struct hlidka_call *call, const char *trace)
{
    size_t len = trace ? strlen(trace) : 0;

    if (len > ENVELOPE_TRACE_MAX || (trace && strspn(trace, "0123456789abcdef-") != len))
        return false;
    if (len > 0)
        memcpy(call->trace, trace, len + 1);
    return true;
}

/* An empty map, where the caller gives none. */
static enum hlidka_status read_body(struct hlidka *c, struct hlidka_call *call, struct hlidka_bytes body)
{
    static const uint8_t EMPTY[] = { 0x80 };
    const void *data = body.data ? body.data : EMPTY;
    size_t len = body.data ? body.len : sizeof(EMPTY);

    if ((!body.data && body.len > 0) || (body.data && body.len == 0))
        return HLIDKA_INVALID;
    if (len > ENVELOPE_VALUE_MAX)
        return HLIDKA_TOO_LARGE;
    if (c->bodies + len > CLIENT_BODIES_MAX)
        return HLIDKA_FULL;
    call->body = malloc(len);
    if (!call->body)
        return HLIDKA_NO_MEMORY;
    memcpy(call->body, data, len);
    call->body_len = len;
    return HLIDKA_OK;
}

static bool read_times(struct hlidka_call *call, const struct hlidka_request *q, uint64_t now_ms, const struct call_draw *draw)
{
    const struct retry_limits limits = retry_limits_of(call->asked.dst);
    uint64_t unix_ms = clock_unix_ms(), age_ms = 0;

    if (q->deadline_ms < 1 || q->deadline_ms > HLIDKA_DEADLINE_MAX_MS)
        return false;
    if (q->id) {
        memcpy(call->id.bytes, q->id, sizeof(call->id.bytes));
        uint64_t made_ms = uuid_time_ms(&call->id);
        age_ms = made_ms < unix_ms ? unix_ms - made_ms : 0;
    } else {
        call->id = uuid_v7(unix_ms, draw->id);
    }
    return retry_begin(&call->retry, &limits, now_ms, q->deadline_ms, age_ms);
}

static void read_key(struct hlidka_call *call, struct hlidka_bytes key, const struct call_draw *draw)
{
    if (key.data) {
        call->key.len = key.len < ROUTE_KEY_MAX ? key.len : ROUTE_KEY_MAX;
        memcpy(call->key.bytes, key.data, call->key.len);
    } else {
        route_key_request(call->asked.dst, (struct bytes){ call->body, call->body_len }, draw->key, &call->key);
    }
}

static enum hlidka_status read_request(struct hlidka *c, struct hlidka_call *call, const struct hlidka_request *q,
                                       uint64_t now_ms, const struct call_draw *draw)
{
    enum hlidka_status s;

    if (!read_op(call, q->op) || !(call->topic = client_kafka_requests(c, call->asked.dst)) ||
        !read_trace(call, q->trace) || !read_times(call, q, now_ms, draw) ||
        !principals_find(c->credentials.principals, call->asked.dst))
        return HLIDKA_INVALID;
    if ((s = read_body(c, call, q->body)))
        return s;
    read_key(call, q->key, draw);
    const struct op *op = ops_find(call->asked.op);
    call->is_signed = op && (op->flags & OP_SIGNED) && keyring_signer(c->credentials.keyring);
    /* Sealed once for nothing but its size, where that is in doubt: the caller learns it here and now. */
    if (call->body_len > ENVELOPE_VALUE_MAX - 2 * ENVELOPE_HEADER_MAX && call_seal(c, call, now_ms, draw))
        return HLIDKA_TOO_LARGE;
    return HLIDKA_OK;
}

static enum hlidka_status enter(struct hlidka *c, struct hlidka_call *call)
{
    switch (hashmap_put(c->calls, call->id.bytes, call)) {
    case RESULT_OK:
        break;
    case RESULT_EXISTS:
        return HLIDKA_INVALID;          /* that id waits already */
    case RESULT_FULL:
        return HLIDKA_FULL;
    default:
        return HLIDKA_NO_MEMORY;
    }
    if (due_add(&c->due, &call->due, call->retry.ends_ms)) {
        hashmap_remove(c->calls, call->id.bytes);
        return HLIDKA_FULL;
    }
    c->bodies += call->body_len;
    return HLIDKA_OK;
}

enum hlidka_status hlidka_call(struct hlidka *c, const struct hlidka_request *q, hlidka_done done, void *cookie,
                               struct hlidka_call **out)
{
    uint64_t now_ms = client_now_ms();
    struct call_draw draw;
    enum hlidka_status s;

    if (c->state != CLIENT_OPEN)
        return HLIDKA_CLOSED;
    struct hlidka_call *call = calloc(1, sizeof(*call));
    if (!call)
        return HLIDKA_NO_MEMORY;
    buffer_init(&call->refusal, REFUSAL_MAX);
    call->done = done;
    call->cookie = cookie;
    entropy_public(&draw, sizeof(draw));
    if ((s = read_request(c, call, q, now_ms, &draw)) || (s = enter(c, call))) {
        call_free(call);
        return s;
    }
    c->stats.calls++;
    if (c->replies.attached)
        call_send(c, call, now_ms, &draw);
    client_arm(c);
    if (out)
        *out = call;
    return HLIDKA_OK;
}
