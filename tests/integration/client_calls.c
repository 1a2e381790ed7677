/* libhlidka against a service that the test speaks for: asking, asking again, and what is not taken for an answer. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "responder.h"

struct result_of {
    volatile unsigned done;
    enum hlidka_status outcome;
    unsigned status, sends;
    char text[64], code[64], trace[80], pointer[64];
};

static void keep(void *cookie, const struct hlidka_reply *reply)
{
    struct result_of *to = cookie;
    struct hlidka_value text = hlidka_get(reply->result, "text");

    to->done++;
    to->outcome = reply->outcome;
    to->status = reply->status;
    to->sends = reply->sends;
    snprintf(to->text, sizeof(to->text), "%.*s", (int)text.len, text.text);
    snprintf(to->code, sizeof(to->code), "%s", reply->code);
    snprintf(to->trace, sizeof(to->trace), "%s", reply->trace);
    snprintf(to->pointer, sizeof(to->pointer), "%s", reply->error_count ? reply->errors[0].pointer : "");
}

static enum hlidka_status ask(struct hlidka *client, const char *op, uint32_t deadline_ms, struct result_of *to)
{
    struct hlidka_body *body = hlidka_body_new();

    hlidka_put_text(body, "user_id", "u-1");
    enum hlidka_status s = hlidka_call(client, &(struct hlidka_request){
        .op = op, .body = hlidka_body_bytes(body), .deadline_ms = deadline_ms, .trace = "00-abc-01",
    }, keep, to, NULL);
    hlidka_body_free(body);
    return s;
}

static void answer(struct responder *r, const struct heard *m)
{
    responder_answer(r, m, "hello");
}

#define WITH_CLIENT(name)                                                                       \
    static void name##_body(struct responder *r, struct hlidka *client);                        \
    Test(client_calls, name, .timeout = 60)                                                     \
    {                                                                                           \
        struct responder *r = responder_new();                                                  \
        struct hlidka *client = responder_client(r);                                            \
        name##_body(r, client);                                                                 \
        responder_close(r, client);                                                             \
        responder_free(r);                                                                      \
    }                                                                                           \
    static void name##_body(struct responder *r, struct hlidka *client)

WITH_CLIENT(a_call_gets_its_answer)
{
    struct result_of got = { 0 };

    r->hear = answer;
    cr_assert_eq(ask(client, "ratelimit.check", 5000, &got), HLIDKA_OK);
    cr_assert_eq(got.done, 0, "never from inside the call");
    cr_assert(responder_wait(r, &got.done, 10000));
    cr_assert_eq(got.outcome, HLIDKA_OK);
    cr_assert_eq(got.status, 200);
    cr_assert_str_eq(got.text, "hello");
    cr_assert_str_eq(got.trace, "00-abc-01");
    cr_assert_eq(got.sends, 1);
}

Test(client_calls, a_call_made_before_the_brokers_answered_waits_for_them, .timeout = 60)
{
    struct responder *r = responder_new();
    struct result_of got = { 0 };
    struct hlidka *client;
    char why[HLIDKA_WHY_LEN];

    r->hear = answer;
    cr_assert_eq(hlidka_open(&r->loop, &r->options, &client, why), HLIDKA_OK);
    cr_assert_eq(ask(client, "ratelimit.check", 10000, &got), HLIDKA_OK);
    cr_assert_not(hlidka_is_ready(client, why));
    cr_assert(responder_wait(r, &got.done, 15000));
    cr_assert_eq(got.outcome, HLIDKA_OK);
    cr_assert(hlidka_is_ready(client, why));
    responder_close(r, client);
    responder_free(r);
}

/* ---- asking again ------------------------------------------------------------------------------------------------ */

struct copies {
    unsigned count;
    struct uuid id;
    uint8_t nonce[ENVELOPE_NONCE_LEN];
    uint8_t body[256];
    size_t len;
    uint64_t ts;
};

/* The second copy is the same request with a fresh envelope. */
static void lose_the_first(struct responder *r, const struct heard *m)
{
    struct copies *c = r->cookie;
    const struct envelope_header *h = &m->envelope.header;

    if (c->count++ == 0) {
        c->id = h->id;
        c->ts = h->ts;
        c->len = m->body.len;
        memcpy(c->nonce, h->nonce, sizeof(c->nonce));
        memcpy(c->body, m->body.data, m->body.len);
        return;
    }
    cr_assert_eq(memcmp(&c->id, &h->id, sizeof(c->id)), 0);
    cr_assert(c->len == m->body.len && memcmp(c->body, m->body.data, c->len) == 0);
    cr_assert_neq(memcmp(c->nonce, h->nonce, sizeof(c->nonce)), 0);
    cr_assert_gt(h->ts, c->ts);
    responder_answer(r, m, "at last");
}

WITH_CLIENT(silence_is_asked_again_with_the_same_id_and_body)
{
    struct copies copies = { 0 };
    struct result_of got = { 0 };

    r->hear = lose_the_first;
    r->cookie = &copies;
    cr_assert_eq(ask(client, "crypto.key.status", 4000, &got), HLIDKA_OK);
    cr_assert(responder_wait(r, &got.done, 10000));
    cr_assert_eq(got.outcome, HLIDKA_OK);
    cr_assert_str_eq(got.text, "at last");
    cr_assert_eq(got.sends, 2);
}

static void refuse_twice(struct responder *r, const struct heard *m)
{
    unsigned *count = r->cookie;

    if ((*count)++ < 2)
        responder_refuse(r, m, FAULT_UNAVAILABLE, 30);
    else
        responder_answer(r, m, "recovered");
}

WITH_CLIENT(a_503_is_asked_again_until_it_is_answered)
{
    struct result_of got = { 0 };
    unsigned count = 0;

    r->hear = refuse_twice;
    r->cookie = &count;
    cr_assert_eq(ask(client, "ratelimit.check", 4000, &got), HLIDKA_OK);
    cr_assert(responder_wait(r, &got.done, 10000));
    cr_assert_str_eq(got.text, "recovered");
    cr_assert_eq(got.sends, 3);
}

static void refuse(struct responder *r, const struct heard *m)
{
    responder_refuse(r, m, *(enum fault_code *)r->cookie, -1);
}

WITH_CLIENT(a_503_to_the_end_is_the_answer)
{
    struct result_of got = { 0 };
    enum fault_code code = FAULT_UNAVAILABLE;

    r->hear = refuse;
    r->cookie = &code;
    cr_assert_eq(ask(client, "ratelimit.check", 700, &got), HLIDKA_OK);
    cr_assert(responder_wait(r, &got.done, 10000));
    cr_assert_eq(got.outcome, HLIDKA_REFUSED);
    cr_assert_eq(got.status, 503);
    cr_assert_gt(got.sends, 1);
}

WITH_CLIENT(a_refusal_comes_at_once_with_its_code_and_field_errors)
{
    struct result_of got = { 0 };
    enum fault_code code = FAULT_INVALID_REQUEST;

    r->hear = refuse;
    r->cookie = &code;
    cr_assert_eq(ask(client, "ratelimit.check", 5000, &got), HLIDKA_OK);
    cr_assert(responder_wait(r, &got.done, 3000));
    cr_assert_eq(got.outcome, HLIDKA_REFUSED);
    cr_assert_eq(got.status, 400);
    cr_assert_str_eq(got.code, "invalid_request");
    cr_assert_str_eq(got.pointer, "/endpoint");
    cr_assert_eq(got.sends, 1);
}

WITH_CLIENT(nothing_comes_and_the_deadline_ends_the_wait)
{
    struct result_of got = { 0 };

    cr_assert_eq(ask(client, "ratelimit.check", 600, &got), HLIDKA_OK);
    cr_assert(responder_wait(r, &got.done, 5000));
    cr_assert_eq(got.outcome, HLIDKA_TIMEOUT);
    cr_assert_eq(got.status, 0);
}

/* ---- what is not taken for an answer ------------------------------------------------------------------------------ */

static void lie_and_then_answer(struct responder *r, const struct heard *m)
{
    struct envelope_header h = responder_header(m);
    static const uint8_t GARBAGE[] = { 0x93, 0x01, 0xc4, 0x01, 0x80, 0xc4, 0x00 };
    uint8_t *tampered;

    responder_send_raw(r, m, (struct bytes){ GARBAGE, sizeof(GARBAGE) });           /* malformed */
    h.re.bytes[0] ^= 1;
    responder_send(r, r->ratelimit, m, h, "to another request");                    /* unasked */
    h = responder_header(m);
    h.op = TEXT("ratelimit.refund");
    responder_send(r, r->ratelimit, m, h, "of another op");                         /* mismatched */
    h = responder_header(m);
    h.src = TEXT("mallory");
    responder_send(r, r->mallory, m, h, "from mallory in her own name");            /* mismatched */
    responder_send(r, r->mallory, m, responder_header(m), "from mallory as ratelimit");     /* unknown key */
    responder_send(r, r->ratelimit, m, responder_header(m), "tampered with");       /* not authentic */
    tampered = malloc(r->value.len);
    cr_assert(tampered);
    memcpy(tampered, r->value.data, r->value.len);
    tampered[r->value.len - 1] ^= 1;
    h = responder_header(m);
    responder_send_raw(r, m, (struct bytes){ tampered, r->value.len });
    free(tampered);
}

static void lie(struct responder *r, const struct heard *m)
{
    unsigned *honest = r->cookie;

    if (*honest)
        responder_answer(r, m, "the truth");
    else
        lie_and_then_answer(r, m);
}

Test(client_calls, only_the_service_asked_is_believed, .timeout = 60)
{
    struct responder *r = responder_new();
    struct hlidka *client = responder_client(r);
    struct result_of got = { 0 };
    unsigned honest = 1;

    r->hear = lie;
    r->cookie = &honest;
    cr_assert_eq(ask(client, "ratelimit.check", 5000, &got), HLIDKA_OK);
    cr_assert(responder_wait(r, &got.done, 8000));
    cr_assert_str_eq(got.text, "the truth");
    responder_close(r, client);
    responder_free(r);
}

static void lie_only(struct responder *r, const struct heard *m)
{
    struct envelope_header h = responder_header(m);
    static const uint8_t GARBAGE[] = { 0x93, 0x01, 0xc4, 0x01, 0x80, 0xc4, 0x00 };

    responder_send_raw(r, m, (struct bytes){ GARBAGE, sizeof(GARBAGE) });
    h.re.bytes[0] ^= 1;
    responder_send(r, r->ratelimit, m, h, "to another request");
    h = responder_header(m);
    h.op = TEXT("ratelimit.refund");
    responder_send(r, r->ratelimit, m, h, "of another op");
    h = responder_header(m);
    h.src = TEXT("mallory");
    responder_send(r, r->mallory, m, h, "from mallory in her own name");
    responder_send(r, r->mallory, m, responder_header(m), "from mallory as ratelimit");
}
