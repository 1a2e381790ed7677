#include "client.h"

#include <stdlib.h>

#include "clock.h"
#include "entropy.h"

static struct hlidka_call *call_of(struct due_entry *e)
{
    return (struct hlidka_call *)e;     /* its first member */
}

void call_free(struct hlidka_call *call)
{
    if (call->body)
        secret_wipe(call->body, call->body_len);
    free(call->body);
    buffer_free(&call->refusal);
    free(call);
}

/* Out of every table: from here on the call is the caller's local alone. */
static void detach(struct hlidka *c, struct hlidka_call *call)
{
    due_remove(&c->due, &call->due);
    hashmap_remove(c->calls, call->id.bytes);
    c->bodies -= call->body_len;
}

/* ---- the end ---------------------------------------------------------------------------------------------------- */

static const char *copy(struct arena *a, struct text t)
{
    const char *s = t.data ? arena_copy(a, t) : NULL;

    return s ? s : "";
}

static void fill_errors(struct arena *a, const struct reply_error *from, struct hlidka_reply *to)
{
    size_t count = from->has_errors ? from->errors.count : 0;
    struct hlidka_field_error *errors = arena_alloc(a, count, sizeof(*errors));

    for (size_t i = 0; errors && i < count; i++) {
        const struct field_error *e = &from->errors.items[i];
        errors[i].pointer = copy(a, e->pointer);
        errors[i].code = copy(a, enum_field_code.values[e->code]);
        errors[i].detail = copy(a, e->detail);
    }
    to->errors = errors;
    to->error_count = errors ? count : 0;
}

static void fill_reply(struct arena *a, const struct reply *from, struct text trace, struct hlidka_reply *to)
{
    to->status = (unsigned)from->status;
    to->trace = copy(a, trace);
    if (from->result.data) {
        to->outcome = HLIDKA_OK;
        to->result = (struct hlidka_bytes){ from->result.data, from->result.len };
        return;
    }
    to->outcome = HLIDKA_REFUSED;
    to->code = copy(a, from->error.code);
    to->title = copy(a, from->error.title);
    to->detail = copy(a, from->error.detail);
    if (from->error.has_retry_after_ms && from->error.retry_after_ms <= INT64_MAX)
        to->retry_after_ms = (int64_t)from->error.retry_after_ms;
    fill_errors(a, &from->error, to);
}

/* from is NULL when there is no answer. Frees the call, calls out last. */
static void finish(struct hlidka *c, struct hlidka_call *call, enum hlidka_status outcome, const struct reply *from,
                   const struct buffer *body, struct text trace)
{
    struct hlidka_reply reply = {
        .outcome = outcome, .code = "", .title = "", .detail = "", .trace = "", .retry_after_ms = -1,
        .id = call->id.bytes, .sends = call->sends,
    };

    detach(c, call);
    if (from) {
        fill_reply(&c->arena, from, trace, &reply);
        reply.body = (struct hlidka_bytes){ body->data, body->len };
        c->stats.answered++;
    } else if (outcome == HLIDKA_TIMEOUT) {
        c->stats.timeouts++;
    }
    call->done(call->cookie, &reply);
    call_free(call);
}

/* No time is left: the last 503, if there was one, says more than that nothing came. */
static void give_up(struct hlidka *c, struct hlidka_call *call)
{
    struct reply kept;

    arena_reset(&c->arena);
    if (call->refusal.len > 0 && reply_decode(buffer_bytes(&call->refusal), &c->arena, &kept) == RESULT_OK)
        finish(c, call, HLIDKA_REFUSED, &kept, &call->refusal, TEXT(""));
    else
        finish(c, call, HLIDKA_TIMEOUT, NULL, NULL, TEXT(""));
}

/* ---- sending ---------------------------------------------------------------------------------------------------- */

enum result call_seal(struct hlidka *c, const struct hlidka_call *call, uint64_t now_ms, const struct call_draw *draw)
{
    const struct principal *to = principals_find(c->credentials.principals, call->asked.dst);
    struct envelope_header h = {
        .id = call->id, .op = call->asked.op, .src = c->self, .dst = call->asked.dst, .ts = clock_unix_ms(),
        .ttl = retry_ttl(&call->retry, now_ms), .reply_topic = text_of(c->replies.topic),
        .reply_partition = (uint64_t)c->replies.first,
        .trace = { call->trace[0] ? call->trace : NULL, strlen(call->trace) },
    };

    if (!to)
        return RESULT_NOT_FOUND;        /* was there when the call was made: the file has changed */
    memcpy(h.nonce, draw->nonce, sizeof(h.nonce));
    buffer_reset(&c->value);
    return seal_message(c->credentials.keyring, ENVELOPE_REQUEST, &to->keys[0], &h,
                        (struct bytes){ call->body, call->body_len }, call->is_signed, &c->value);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

void call_send(struct hlidka *c, struct hlidka_call *call, uint64_t now_ms, const struct call_draw *draw)
{
    uint64_t next_ms;

    if (call_seal(c, call, now_ms, draw) == RESULT_OK && burst_add(c, call) == RESULT_OK) {
        if (call->sends++ > 0)
            c->stats.resends++;
        next_ms = retry_after_silence(&call->retry, now_ms, draw->jitter);
    } else {
        next_ms = retry_after_unavailable(&call->retry, now_ms, -1, draw->jitter);
    }
    due_move(&c->due, &call->due, earlier(next_ms, call->retry.ends_ms));
}

void call_unsent(struct hlidka *c, const struct uuid *id)
{
    struct hlidka_call *call = hashmap_get(c->calls, id->bytes);
    uint32_t jitter;

    if (!call)
        return;
    entropy_public(&jitter, sizeof(jitter));
    due_move(&c->due, &call->due,
             earlier(retry_after_unavailable(&call->retry, client_now_ms(), -1, jitter), call->retry.ends_ms));
}

static void send_again(struct hlidka *c, struct hlidka_call *call, uint64_t now_ms)
{
    struct call_draw draw;

    entropy_public(&draw, sizeof(draw));
    call_send(c, call, now_ms, &draw);
}

void call_serve_due(struct hlidka *c, uint64_t now_ms)
{
    struct due_entry *e;

    while (c->state == CLIENT_OPEN && (e = due_first(&c->due)) != NULL && e->at_ms <= now_ms) {
        struct hlidka_call *call = call_of(e);
        if (now_ms >= call->retry.ends_ms)
            give_up(c, call);
        else if (c->replies.attached)
            send_again(c, call, now_ms);
        else
            due_move(&c->due, &call->due, call->retry.ends_ms);
    }
}

static bool send_if_unsent(void *cookie, const void *key, void *value)
{
    struct hlidka *c = cookie;
    struct hlidka_call *call = value;
    uint64_t now_ms = client_now_ms();

    (void)key;
    if (call->sends == 0 && now_ms < call->retry.ends_ms)
        send_again(c, call, now_ms);
    return false;                       /* stays in the map */
}

void call_send_waiting(struct hlidka *c)
{
    hashmap_sweep(c->calls, send_if_unsent, c);
}

void call_end_all(struct hlidka *c)
{
    struct due_entry *e;

    while ((e = due_first(&c->due)) != NULL)
        finish(c, call_of(e), HLIDKA_CLOSED, NULL, NULL, TEXT(""));
}

/* ---- answers ---------------------------------------------------------------------------------------------------- */

static const struct asked *find_asked(void *cookie, const struct uuid *id)
{
    const struct hlidka *c = cookie;
    const struct hlidka_call *call = hashmap_get(c->calls, id->bytes);

    return call ? &call->asked : NULL;
}

static void count_ignored(struct hlidka_stats *s, enum acceptance why)
{
    switch (why) {
    case ACCEPTED:
        break;
    case IGNORED_MALFORMED:
        s->ignored_malformed++;
        break;
    case IGNORED_UNASKED:
        s->ignored_unasked++;
        break;
    case IGNORED_MISMATCHED:
        s->ignored_mismatched++;
        break;
    case IGNORED_UNKNOWN_KEY:
        s->ignored_unknown_key++;
        break;
    case IGNORED_NOT_AUTHENTIC:
        s->ignored_not_authentic++;
        break;
    }
}

/*
 * A 503 is an answer only when asking again has no chance: true when the call goes on. Of several copies under way one
 * may still be answered otherwise, so the last 503 is kept until all of them have come back or time is up.
 */
static bool goes_on(struct hlidka *c, struct hlidka_call *call, const struct reply *reply)
{
    int64_t wish_ms = reply->error.has_retry_after_ms && reply->error.retry_after_ms <= INT32_MAX
                          ? (int64_t)reply->error.retry_after_ms : reply->error.has_retry_after_ms ? INT64_MAX : -1;
    uint32_t jitter;

    entropy_public(&jitter, sizeof(jitter));
    call->refusals++;
    uint64_t next_ms = retry_after_unavailable(&call->retry, client_now_ms(), wish_ms, jitter);
    if (next_ms == RETRY_NEVER && call->refusals >= call->sends)
        return false;
    buffer_reset(&call->refusal);
    if (buffer_append(&call->refusal, c->body.data, c->body.len))
        buffer_reset(&call->refusal);   /* without it the end is a timeout, which is true too */
    due_move(&c->due, &call->due, earlier(next_ms, call->retry.ends_ms));
    return true;
}

void call_take_reply(struct hlidka *c, struct bytes value)
{
    const struct acceptor acceptor = {
        .self = c->self, .principals = c->credentials.principals, .keyring = c->credentials.keyring,
        .find = find_asked, .cookie = c,
    };
    struct accepted got;

    buffer_reset(&c->body);
    arena_reset(&c->arena);
    enum acceptance verdict = accept_reply(&acceptor, value, &c->body, &c->arena, &got);
    if (verdict != ACCEPTED) {
        count_ignored(&c->stats, verdict);
        return;
    }
    struct hlidka_call *call = hashmap_get(c->calls, got.envelope.header.re.bytes);
    if (got.reply.status == 503 && goes_on(c, call, &got.reply))
        return;
    finish(c, call, HLIDKA_OK, &got.reply, &c->body, got.envelope.header.trace);
}

void hlidka_cancel(struct hlidka *c, struct hlidka_call *call)
{
    detach(c, call);
    call_free(call);
}
