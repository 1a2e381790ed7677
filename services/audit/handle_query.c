#include "auditor.h"

#include "audit.h"
#include "cursor.h"
#include "entropy.h"
#include "query_filters.h"
#include "log_query.h"

#include <stdio.h>

#define TIMEOUT_MS 5000
#define RETRY_MS 500
#define FILTERS_MAX 512
/* Of payloads: with what each record adds in clear they stay below a reply's 1,000,000. */
#define PAYLOAD_BYTES 800000

struct asked {
    struct auditor *auditor;
    struct request *rq;
    uint8_t filters[FILTERS_MAX];
    size_t filters_len;
    struct subject_hash user, ip;
    char type_most[66];                 /* a prefix and what lies behind all that begins with it */
    struct query query;
};

/* ---- what is asked -------------------------------------------------------------------------------------------- */

/* The filters, and nothing else, in one form: what a cursor goes with. */
static enum result write_filters(const struct audit_query_request *in, struct asked *a)
{
    struct buffer b = { .data = a->filters, .cap = FILTERS_MAX, .limit = FILTERS_MAX };
    struct mp_writer w = mp_writer_to(&b);
    char ip[IP_TEXT_MAX + 1];

    mp_put_text(&w, op_audit_query.name);
    mp_put_uint(&w, in->from);
    mp_put_uint(&w, in->to);
    mp_put_text(&w, in->type);
    mp_put_text(&w, in->user_id);
    mp_put_text(&w, in->has_ip ? (struct text){ ip, ip_format(&in->ip, ip) } : (struct text){ 0 });
    mp_put_uint(&w, in->has_outcome ? 1 + (uint64_t)in->outcome : 0);
    a->filters_len = b.len;
    return w.status;
}

static void set_type(struct text type, struct asked *a)
{
    bool prefix = type.len > 0 && type.data[type.len - 1] == '*';
    size_t len = prefix ? type.len - 1 : type.len;

    if (prefix && len == 0)
        return;                         /* every type there is */
    a->query.type_least = (struct text){ type.data, len };
    a->query.type_most = a->query.type_least;
    if (prefix) {                       /* types are of [a-z0-9_.], all of which lie before ~ */
        memcpy(a->type_most, type.data, len);
        a->type_most[len] = '~';
        a->query.type_most = (struct text){ a->type_most, len + 1 };
    }
}

static void set_subjects(const struct audit_query_request *in, struct asked *a)
{
    const uint8_t *key = key_bytes(a->auditor->keys.lookup);
    char ip[IP_TEXT_MAX + 1];

    if (in->user_id.data) {
        subject_hash(key, (struct subject){ SUBJECT_USER, in->user_id }, &a->user);
        a->query.user = &a->user;
    }
    if (in->has_ip) {
        subject_hash(key, (struct subject){ SUBJECT_IP, { ip, ip_format(&in->ip, ip) } }, &a->ip);
        a->query.ip = &a->ip;
    }
}

static void set_query(const struct audit_query_request *in, struct asked *a)
{
    struct text src = request_source(a->rq);

    a->query = (struct query){
        .from = in->from,
        .to = in->to,
        .has_outcome = in->has_outcome,
        .outcome = (enum event_outcome)in->outcome,     /* of the same order */
        .below = INT64_MAX,
        .limit = in->limit,
        .bytes = PAYLOAD_BYTES,
        .src = text_equal(src, TEXT("audit")) ? (struct text){ 0 } : src,
        .minute = request_now_ms(a->rq) / 60000,
        .filters = (in->type.data ? FILTER_TYPE : 0u) | (in->user_id.data ? FILTER_USER_ID : 0u) |
                   (in->has_ip ? FILTER_IP : 0u) | (in->has_outcome ? FILTER_OUTCOME : 0u),
    };
    if (in->type.data)
        set_type(in->type, a);
    set_subjects(in, a);
}

_Static_assert((int)AUDIT_SUCCESS == (int)OUTCOME_SUCCESS && (int)AUDIT_FAILURE == (int)OUTCOME_FAILURE &&
               (int)AUDIT_DENIED == (int)OUTCOME_DENIED, "outcomes of the wire and of the log");

/* ---- what is found -------------------------------------------------------------------------------------------- */

static enum result show_attrs(struct arena *arena, const struct log_event *e, struct audit_recorded_event *out)
{
    struct scalar_pair *pairs = arena_alloc(arena, e->attr_count > 0 ? e->attr_count : 1, sizeof(*pairs));

    if (!pairs)
        return RESULT_NO_MEMORY;
    for (size_t i = 0; i < e->attr_count; i++)
        pairs[i] = (struct scalar_pair){ e->attrs[i].name, e->attrs[i].value };
    out->has_attrs = true;
    out->attrs = (struct scalar_map){ pairs, e->attr_count };
    return RESULT_OK;
}

static enum result show(struct arena *arena, const struct found *f, struct audit_recorded_event *out)
{
    const struct log_event *e = &f->event;

    *out = (struct audit_recorded_event){
        .seq = f->entry.seq, .src = f->entry.src, .received = f->entry.received, .type = f->entry.type, .time = f->entry.time,
        .erased = f->erased, .has_erased = f->erased,
    };
    if (f->erased)
        return RESULT_OK;
    out->has_outcome = true;
    out->outcome = (enum audit_outcome)e->outcome;
    out->user_id = e->user_id;
    out->user_agent = e->user_agent;
    out->device_id = e->device_id;
    out->endpoint = e->endpoint;
    out->tier = e->tier;
    out->has_session_id = e->session_id.data != NULL;
    out->has_ip = e->ip.data != NULL;
    if ((out->has_session_id && uuid_parse(e->session_id, &out->session_id)) || (out->has_ip && ip_parse(e->ip, &out->ip)))
        return RESULT_MALFORMED;
    return e->attrs ? show_attrs(arena, e, out) : RESULT_OK;
}

static void reply(struct asked *a, const struct page *page)
{
    struct arena arena;
    char cursor[CURSOR_TEXT_LEN + 1];
    uint8_t nonce[CURSOR_NONCE_LEN];
    struct audit_query_result result = { .events = { .count = page->count } };
    enum result r = RESULT_OK;

    arena_init(&arena, NULL, 0, 4 * 1024 * 1024);
    result.events.items = arena_alloc(&arena, page->count + 1, sizeof(*result.events.items));
    if (!result.events.items)
        r = RESULT_NO_MEMORY;
    for (size_t i = 0; i < page->count && !r; i++)
        r = show(&arena, &page->found[i], &result.events.items[i]);
    if (!r && page->more) {
        entropy_fill(nonce, sizeof(nonce));
        r = cursor_make(key_bytes(a->auditor->keys.cursor), (struct bytes){ a->filters, a->filters_len }, nonce,
                        page->found[page->count - 1].entry.seq, cursor);
        result.cursor = text_of(cursor);
    }
    if (r)
        request_fail(a->rq, FAULT_INTERNAL, NULL);
    else
        request_reply(a->rq, &result);
    arena_reset(&arena);
}

static void found(void *cookie, enum store_outcome o, const struct page *page)
{
    struct asked *a = cookie;
    char *detail;

    switch (o) {
    case STORE_DONE:
        reply(a, page);
        break;
    case STORE_TAMPERED:
        detail = arena_alloc(request_arena(a->rq), 64, 1);
        if (detail)
            snprintf(detail, 64, "record %llu is not what was written", (unsigned long long)page->tampered);
        request_fail(a->rq, FAULT_INTERNAL, detail);
        break;
    default:
        request_fail_retry(a->rq, FAULT_UNAVAILABLE, RETRY_MS, NULL);
    }
}

void audit_refuse_cursor(struct request *rq)
{
    struct field_errors errors = { 0 };

    field_errors_add(&errors, TEXT("/cursor"), FIELD_BAD_FORMAT);
    request_fail_fields(rq, &errors);
}

void handle_query(void *service, struct request *rq)
{
    struct auditor *auditor = service;
    const struct audit_query_request *in = request_body(rq);
    struct asked *a = arena_alloc(request_arena(rq), 1, sizeof(*a));
    uint64_t left = request_left_ms(rq);

    if (!a) {
        request_fail(rq, FAULT_INTERNAL, NULL);
        return;
    }
    a->auditor = auditor;
    a->rq = rq;
    set_query(in, a);
    if (write_filters(in, a)) {
        request_fail(rq, FAULT_INTERNAL, NULL);
        return;
    }
    if (in->cursor.data && cursor_read(key_bytes(auditor->keys.cursor), (struct bytes){ a->filters, a->filters_len }, in->cursor,
                                       &a->query.below)) {
        audit_refuse_cursor(rq);
        return;
    }
    if (log_store_query(&auditor->store, &a->query, left < TIMEOUT_MS ? left + 1 : TIMEOUT_MS, found, a))
        request_fail_retry(rq, FAULT_UNAVAILABLE, RETRY_MS, NULL);
}
