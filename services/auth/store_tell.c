/* What an effect gives rise to, written in its transaction: events for audit, revocations for all instances. */
#include "store_people.h"

void event_begin(struct event *e, const struct change *change, struct text type, enum audit_outcome outcome)
{
    e->body = (struct audit_event){
        .type = type,
        .time = request_now_ms(change->rq),
        .outcome = outcome,
        .user_id = change->user_id,
    };
}

static void attr(struct event *e, struct text name, struct mp_value value)
{
    size_t at = e->body.attrs.count;

    if (at == EVENT_ATTRS_MAX)
        return;
    e->attrs[at] = (struct scalar_pair){ name, value };
    e->body.attrs.count = at + 1;
    e->body.has_attrs = true;
}

void event_text(struct event *e, struct text name, struct text value)
{
    if (value.data)
        attr(e, name, (struct mp_value){ .type = MP_STR, .str = value });
}

void event_uint(struct event *e, struct text name, uint64_t value)
{
    attr(e, name, (struct mp_value){ .type = MP_UINT, .uint = value });
}

void event_bool(struct event *e, struct text name, bool value)
{
    attr(e, name, (struct mp_value){ .type = MP_BOOL, .boolean = value });
}

void event_took(struct event *e, const struct change *change)
{
    uint64_t asked_ms = uuid_time_ms(request_id(change->rq)), now_ms = request_now_ms(change->rq);

    event_uint(e, TEXT("took_ms"), now_ms > asked_ms ? now_ms - asked_ms : 0);
}

void event_by(struct event *e, const struct change *change)
{
    event_text(e, TEXT("by"), request_source(change->rq));
}

void event_session(struct event *e, const struct uuid *session)
{
    e->body.session_id = *session;
    e->body.has_session_id = true;
}

void event_device(struct event *e, const struct auth_device *d)
{
    e->body.user_agent = d->info;
    e->body.device_id = d->id;
    if (d->has_ip) {
        e->body.ip = d->ip;
        e->body.has_ip = true;
    }
    event_text(e, TEXT("device_type"), enum_auth_device_type.values[d->type]);
}

enum result event_write(struct change *change, struct pg_batch *writes, struct event *e)
{
    e->body.attrs.pairs = e->attrs;
    return outgoing_event(change->people->options.durable, writes, &e->body, request_trace(change->rq));
}

enum result revoked_write(struct change *change, struct pg_batch *writes, const struct uuid *session)
{
    struct auth_revoked body = { .user_id = change->user_id, .time = request_now_ms(change->rq) };

    if (session) {
        body.session_id = *session;
        body.has_session_id = true;
    }
    return outgoing_revoked(change->people->options.durable, writes, &body, request_trace(change->rq));
}
