#include "log_store_internal.h"

#include "audit.h"
#include "entropy.h"
#include "log.h"

static const struct pg_statement NOTICE = { "audit_notice", "INSERT INTO notices (sealed) VALUES ($1)", "b" };

static void noted(void *cookie, struct pg_batch *b)
{
    struct log_store *s = cookie;

    s->notices_out--;
    if (pg_outcome(b) != PG_DONE)
        log_error("audit.notice_lost", LOG_STR("outcome", pg_outcome_text(pg_outcome(b))), LOG_STR("sqlstate", pg_sqlstate(b)));
    pg_batch_free(b);
}

static enum result submit(struct log_store *s, struct bytes sealed)
{
    struct pg_batch *b;
    enum result r = pg_batch_new(2 * EVENT_PAYLOAD_MAX, &b);

    return r ? r : log_store_submit(s, b, pg_add(b, &NOTICE, PG_BYTES(sealed)), noted, s);
}

/* What audit says of itself has a type, an outcome and attributes; it is about nobody. */
static enum result write_event(const struct audit_event *e, struct buffer *out)
{
    struct event_attr attrs[EVENT_ATTRS_MAX];
    struct mp_writer w = mp_writer_to(out);

    if (e->attrs.count > EVENT_ATTRS_MAX)
        return RESULT_FULL;
    for (size_t i = 0; i < e->attrs.count; i++)
        attrs[i] = (struct event_attr){ e->attrs.pairs[i].key, e->attrs.pairs[i].value };
    return event_write(&(struct log_event){ .type = e->type, .time = e->time, .outcome = (enum event_outcome)e->outcome,
                                            .attrs = e->has_attrs ? attrs : NULL, .attr_count = e->attrs.count }, &w);
}

void log_store_notice(struct log_store *s, const struct audit_event *e)
{
    struct buffer payload, sealed;
    uint8_t nonce[24];

    buffer_init(&payload, EVENT_PAYLOAD_MAX);
    buffer_init(&sealed, 2 * EVENT_PAYLOAD_MAX);
    entropy_fill(nonce, sizeof(nonce));
    enum result r = s->pg ? write_event(e, &payload) : RESULT_UNAVAILABLE;
    if (!r)
        r = notice_seal(key_bytes(s->keys->notice), nonce, buffer_bytes(&payload), &sealed);
    if (!r)
        r = submit(s, buffer_bytes(&sealed));
    s->notices_out += r == RESULT_OK;
    if (r)
        log_error("audit.notice_lost", LOG_TEXT("type", e->type), LOG_RESULT(r));
    buffer_free(&payload);
    buffer_free(&sealed);
}
