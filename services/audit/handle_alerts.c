#include "alert_list.h"
#include "audit.h"
#include "auditor.h"
#include "codec.h"
#include "cursor.h"
#include "entropy.h"
#include "note.h"

#define TIMEOUT_MS 5000
#define RETRY_MS 500
#define FILTERS_MAX 512
#define RULE_MAX 64                     /* no rule has a longer name, or one with U+0000, which PostgreSQL cannot hold */
/* Of bodies: with what each alert adds they stay below a reply's 1,000,000. */
#define BODY_BYTES 700000
#define ARENA_MAX (8u * 1024 * 1024)

struct asked {
    struct auditor *auditor;
    struct request *rq;
    uint8_t filters[FILTERS_MAX];
    size_t filters_len;
};

/* ---- what is found --------------------------------------------------------------------------------------------- */

static enum result show_note(const struct asked *a, const struct kept_alert *k, struct arena *arena, struct audit_listed_alert *out)
{
    struct buffer note;

    if (!k->note.data)
        return RESULT_OK;
    buffer_init(&note, NOTE_MAX + 64);
    enum result r = note_open(key_bytes(a->auditor->keys.note), &k->alert_id, k->note, &note);
    char *copy = r ? NULL : arena_copy(arena, (struct text){ (const char *)note.data, note.len });
    if (!r && !copy)
        r = RESULT_NO_MEMORY;
    out->note = (struct text){ copy, copy ? note.len : 0 };
    buffer_free(&note);
    return r;
}

static enum result show(const struct asked *a, const struct kept_alert *k, struct arena *arena, struct audit_listed_alert *out)
{
    struct field_errors errors;
    struct audit_alert sent;
    enum result r = body_decode(&schema_audit_alert, k->body, arena, &sent, &errors);

    if (r)
        return r;
    *out = (struct audit_listed_alert){
        .alert_id = sent.alert_id, .n = sent.n, .rule = sent.rule, .title = sent.title, .level = sent.level, .time = sent.time,
        .first_seen = sent.first_seen, .last_seen = k->last, .group = sent.group, .count = k->count,
        .seqs = { sent.seqs.items, sent.seqs.count }, .user_id = sent.user_id,
        .attack = { sent.attack.items, sent.attack.count }, .runbook = sent.runbook,
        .state = k->acknowledged ? AUDIT_ACKNOWLEDGED : AUDIT_OPEN,
        .has_acknowledged_at = k->acknowledged, .acknowledged_at = k->acknowledged_at, .acknowledged_by = k->acknowledged_by,
    };
    return show_note(a, k, arena, out);
}

static void reply(const struct asked *a, const struct alert_page *page)
{
    struct arena arena;
    char cursor[CURSOR_TEXT_LEN + 1];
    uint8_t nonce[CURSOR_NONCE_LEN];
    struct audit_alert_list_result result = { .alerts = { .count = page->count } };
    enum result r = RESULT_OK;

    arena_init(&arena, NULL, 0, ARENA_MAX);
    result.alerts.items = arena_alloc(&arena, page->count + 1, sizeof(*result.alerts.items));
    if (!result.alerts.items)
        r = RESULT_NO_MEMORY;
    for (size_t i = 0; i < page->count && !r; i++)
        r = show(a, &page->alerts[i], &arena, &result.alerts.items[i]);
    if (!r && page->more) {
        entropy_fill(nonce, sizeof(nonce));
        r = cursor_make(key_bytes(a->auditor->keys.cursor), (struct bytes){ a->filters, a->filters_len }, nonce,
                        page->alerts[page->count - 1].n, cursor);
        result.cursor = text_of(cursor);
    }
    if (r)
        request_fail(a->rq, FAULT_INTERNAL, NULL);
    else
        request_reply(a->rq, &result);
    arena_reset(&arena);
}

static void found(void *cookie, enum store_outcome o, const struct alert_page *page)
{
    const struct asked *a = cookie;

    if (o == STORE_DONE && page->lost)
        audit_refuse_cursor(a->rq);
    else if (o == STORE_DONE)
        reply(a, page);
    else if (o == STORE_TAMPERED)
        request_fail(a->rq, FAULT_INTERNAL, "an alert is not what was written");
    else
        request_fail_retry(a->rq, FAULT_UNAVAILABLE, RETRY_MS, NULL);
}

/* ---- what is asked --------------------------------------------------------------------------------------------- */

static enum result write_filters(const struct audit_alert_list_request *in, struct asked *a)
{
    struct buffer b = { .data = a->filters, .cap = FILTERS_MAX, .limit = FILTERS_MAX };
    struct mp_writer w = mp_writer_to(&b);

    mp_put_text(&w, op_audit_alert_list.name);
    mp_put_uint(&w, in->from);
    mp_put_uint(&w, in->to);
    mp_put_text(&w, in->rule);
    mp_put_bool(&w, in->rule.data != NULL);
    mp_put_uint(&w, in->has_state ? 1 + (uint64_t)in->state : 0);
    a->filters_len = b.len;
    return w.status;
}

void handle_alert_list(void *service, struct request *rq)
{
    struct auditor *auditor = service;
    const struct audit_alert_list_request *in = request_body(rq);
    struct asked *a = arena_alloc(request_arena(rq), 1, sizeof(*a));
    uint64_t left = request_left_ms(rq);
    struct alert_query q = {
        .from = in->from, .to = in->to, .rule = in->rule, .has_state = in->has_state,
        .acknowledged = in->state == AUDIT_ACKNOWLEDGED, .below = INT64_MAX, .limit = in->limit, .bytes = BODY_BYTES,
    };

    if (!a) {
        request_fail(rq, FAULT_INTERNAL, NULL);
        return;
    }
    a->auditor = auditor;
    a->rq = rq;
    if (in->rule.len > RULE_MAX || (in->rule.len > 0 && memchr(in->rule.data, '\0', in->rule.len))) {
        request_reply(rq, &(struct audit_alert_list_result){ .cursor = { 0 } });
        return;
    }
    if (write_filters(in, a)) {
        request_fail(rq, FAULT_INTERNAL, NULL);
        return;
    }
    if (in->cursor.data && cursor_read(key_bytes(auditor->keys.cursor), (struct bytes){ a->filters, a->filters_len }, in->cursor,
                                       &q.below)) {
        audit_refuse_cursor(rq);
        return;
    }
    if (alert_list_read(&auditor->store, &q, left < TIMEOUT_MS ? left + 1 : TIMEOUT_MS, found, a))
        request_fail_retry(rq, FAULT_UNAVAILABLE, RETRY_MS, NULL);
}

void handle_alert_acknowledge(void *service, struct request *rq)
{
    struct auditor *auditor = service;

    alert_list_acknowledge(auditor->durable, &auditor->keys, rq);
}
