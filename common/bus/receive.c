#include "receive.h"

#include "audit.h"
#include "auth.h"
#include "event_types.h"

#define EVENT_AHEAD_MS 60000u
#define EVENT_AGE_MS   (UINT64_C(8) * 24 * 60 * 60 * 1000)

/* One message on its way through the steps. Each step returns true to go on, or has written the verdict. */
struct passage {
    const struct receiver *r;
    uint64_t now_ms;
    struct arena *arena;
    struct verdict *v;
};

const char *dead_reason_text(enum dead_reason r)
{
    static const char *const texts[] = {
#define X(upper, lower) #lower,
        DEAD_REASON_LIST(X)
#undef X
    };

    return r < DEAD_REASONS ? texts[r] : "unknown";
}

static bool dead(struct passage *p, enum dead_reason reason)
{
    p->v->kind = VERDICT_DEAD;
    p->v->reason = reason;
    return false;
}

static bool refuse(struct passage *p, enum fault_code code)
{
    p->v->kind = VERDICT_REFUSE;
    p->v->fault = (struct fault){ .code = code, .retry_after_ms = -1 };
    return false;
}

static bool failed(struct passage *p)
{
    p->v->kind = VERDICT_FAILED;
    return false;
}

/* ---- 1 to 3: is it sound, for us, and from whom it says ------------------------------------------------------- */

static bool framed(struct passage *p, struct bytes value)
{
    enum result r = envelope_frame(value, &p->v->envelope);

    if (r) {
        p->v->unframed = true;
        return dead(p, r == RESULT_TOO_LARGE ? DEAD_TOO_LARGE : DEAD_MALFORMED);
    }
    return !envelope_parse(&p->v->envelope, p->r->kind) || dead(p, DEAD_MALFORMED);
}

static bool addressed(struct passage *p, const struct principal_key **sender_key)
{
    const struct envelope_header *h = &p->v->envelope.header;

    p->v->source = principals_find(p->r->principals, h->src);
    if (!p->v->source)
        return dead(p, DEAD_UNKNOWN_PRINCIPAL);
    if (!text_equal(h->dst, p->r->self))
        return dead(p, DEAD_WRONG_DESTINATION);
    *sender_key = principal_key_find(p->v->source, &h->skid);
    return (*sender_key && keyring_has(p->r->keyring, &h->dkid)) || dead(p, DEAD_UNKNOWN_KEY);
}

static bool authentic(struct passage *p, const struct principal_key *sender_key)
{
    const struct envelope *e = &p->v->envelope;
    enum result r = open_box(p->r->keyring, SEAL_RESPONDER, sender_key, e, p->v->body);

    if (!r && e->sig.data)
        r = seal_verify(p->v->source, e);
    if (r == RESULT_NO_MEMORY)
        return failed(p);
    return !r || dead(p, r == RESULT_TOO_LARGE ? DEAD_TOO_LARGE : DEAD_NOT_AUTHENTIC);
}

/* ---- 4: does it belong here ----------------------------------------------------------------------------------- */

static bool names_service(struct text op, struct text service)
{
    return text_starts(op, service) && (op.len == service.len || op.data[service.len] == '.');
}

static bool reply_address_valid(const struct passage *p)
{
    const struct envelope_header *h = &p->v->envelope.header;
    const struct text replies = TEXT("replies.");
    struct text prefix = p->r->prefix, rest = h->reply_topic;

    if (!text_starts(rest, prefix))
        return false;
    rest = (struct text){ rest.data + prefix.len, rest.len - prefix.len };
    if (!text_starts(rest, replies))
        return false;
    rest = (struct text){ rest.data + replies.len, rest.len - replies.len };
    return text_equal(rest, h->src) && h->reply_partition < p->r->partitions(p->r->cookie, h->reply_topic);
}

static bool request_belongs(struct passage *p)
{
    const struct envelope_header *h = &p->v->envelope.header;

    if (h->ttl > p->r->ttl_max_ms)
        return dead(p, DEAD_MALFORMED);
    if (!names_service(h->op, p->r->service))
        return dead(p, DEAD_WRONG_TOPIC);
    if (!reply_address_valid(p))
        return dead(p, DEAD_BAD_REPLY_ADDRESS);
    p->v->answerable = true;
    return true;
}

/* The type of an event that is not decoded yet; false when it cannot be read. */
static bool event_type(struct bytes body, struct text *out)
{
    struct mp_value map, key, value;
    bool found = false;

    if (body.len == 0 || mp_check(body, BODY_DEPTH_MAX))
        return false;

    struct mp_reader in = mp_reader_of(body);
    if (mp_next(&in, &map) || map.type != MP_MAP)
        return false;
    for (uint32_t i = 0; i < map.count; i++) {
        if (mp_next(&in, &key) || key.type != MP_STR)
            return false;
        if (!text_equal(key.str, TEXT("type"))) {
            if (mp_skip(&in))
                return false;
            continue;
        }
        if (found || mp_next(&in, &value) || value.type != MP_STR)
            return false;
        *out = value.str;
        found = true;
    }
    return found;
}

/* The grant first: that a type is known here is nothing to tell to whom may not send it. */
static bool event_belongs(struct passage *p)
{
    struct text type;

    if (!text_equal(p->v->envelope.header.op, op_audit_event.name))
        return dead(p, DEAD_WRONG_TOPIC);
    if (!event_type(buffer_bytes(p->v->body), &type))
        return dead(p, DEAD_INVALID_EVENT);
    if (!principal_may_event(p->v->source, type))
        return dead(p, DEAD_FORBIDDEN_TYPE);
    return event_type_known(type) || dead(p, DEAD_INVALID_EVENT);
}

static bool revocation_belongs(struct passage *p)
{
    const struct envelope_header *h = &p->v->envelope.header;

    return (text_equal(h->op, op_auth_revoked.name) && text_equal(h->src, p->r->self)) || dead(p, DEAD_WRONG_TOPIC);
}

/* ---- 5 and 6: the clock --------------------------------------------------------------------------------------- */

/* Whether a lies more than `by` after b; peers write what they like up to 2^64-1, so nothing is added. */
static bool after_by(uint64_t a, uint64_t b, uint64_t by)
{
    return a > b && a - b > by;
}

static bool request_fresh(struct passage *p)
{
    const struct envelope_header *h = &p->v->envelope.header;
    uint64_t made = uuid_time_ms(&h->id);

    if (after_by(h->ts, p->now_ms, p->r->ahead_ms) || after_by(made, p->now_ms, p->r->ahead_ms) ||
        after_by(h->ts, made, p->r->age_ms))
        return refuse(p, FAULT_STALE_MESSAGE);
    if (after_by(p->now_ms, h->ts, h->ttl)) {
        p->v->kind = VERDICT_DROP;
        return false;
    }
    return true;
}

static bool event_fresh(struct passage *p)
{
    uint64_t made = uuid_time_ms(&p->v->envelope.header.id);

    return (!after_by(made, p->now_ms, EVENT_AHEAD_MS) && !after_by(p->now_ms, made, EVENT_AGE_MS)) || dead(p, DEAD_STALE);
}

/* ---- 7 and 8: may they, and what do they want ----------------------------------------------------------------- */

static bool granted(struct passage *p)
{
    struct text name = p->v->envelope.header.op;
    const struct op *op = ops_find(name);
    bool is_signed = op && op->flags & OP_SIGNED;

    if (!principal_may(p->v->source, name, is_signed))
        return refuse(p, FAULT_FORBIDDEN);
    return !is_signed || p->v->envelope.sig.data || refuse(p, FAULT_SIGNATURE_REQUIRED);
}

static enum result decode(struct passage *p)
{
    const struct schema *s = p->v->op->request;

    p->v->decoded = arena_alloc(p->arena, 1, s->size > 0 ? s->size : 1);
    if (!p->v->decoded)
        return RESULT_NO_MEMORY;
    return body_decode(s, buffer_bytes(p->v->body), p->arena, p->v->decoded, &p->v->errors);
}

static void judge_request(struct passage *p)
{
    if (!request_belongs(p) || !request_fresh(p) || !granted(p))
        return;
    p->v->op = p->r->find_op(p->r->cookie, p->v->envelope.header.op);
    if (!p->v->op) {
        refuse(p, FAULT_UNKNOWN_OP);
        return;
    }
    switch (decode(p)) {
    case RESULT_OK:
        p->v->kind = VERDICT_SERVE;
        break;
    case RESULT_NO_MEMORY:              /* more lists than a message is given room for */
        refuse(p, FAULT_TOO_LARGE);
        break;
    default:
        refuse(p, FAULT_INVALID_REQUEST);
        p->v->fault.errors = &p->v->errors;
    }
}

static void judge_notice(struct passage *p, const struct op *op)
{
    p->v->op = op;
    if (decode(p))
        dead(p, DEAD_INVALID_EVENT);
    else
        p->v->kind = VERDICT_EVENT;
}

void receive(const struct receiver *r, struct bytes value, uint64_t now_ms, struct buffer *body, struct arena *arena, struct verdict *out)
{
    struct passage p = { .r = r, .now_ms = now_ms, .arena = arena, .v = out };
    const struct principal_key *sender_key;

    memset(out, 0, sizeof(*out));
    out->body = body;
    if (!framed(&p, value) || !addressed(&p, &sender_key) || !authentic(&p, sender_key))
        return;

    switch (r->kind) {
    case ENVELOPE_REQUEST:
        judge_request(&p);
        break;
    case ENVELOPE_EVENT:
        if (event_belongs(&p) && event_fresh(&p))
            judge_notice(&p, &op_audit_event);
        break;
    case ENVELOPE_REVOCATION:
        if (revocation_belongs(&p))
            judge_notice(&p, &op_auth_revoked);
        break;
    case ENVELOPE_REPLY:                /* a client's: nothing that is received here */
        dead(&p, DEAD_WRONG_TOPIC);
        break;
    }
}
