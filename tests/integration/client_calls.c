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

/* A quarter of the deadline, 2 s at most, goes by before a copy is sent: no test that counts them is to be slower. */
#define PATIENT_MS 20000

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
    cr_assert_eq(ask(client, "ratelimit.check", PATIENT_MS, &got), HLIDKA_OK);
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
    cr_assert_eq(ask(client, "ratelimit.check", PATIENT_MS, &got), HLIDKA_OK);
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
    cr_assert_eq(ask(client, "ratelimit.check", 2500, &got), HLIDKA_OK);
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
    cr_assert_eq(ask(client, "ratelimit.check", PATIENT_MS, &got), HLIDKA_OK);
    cr_assert(responder_wait(r, &got.done, 10000));
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

static void lie(struct responder *r, const struct heard *m)
{
    static const uint8_t GARBAGE[] = { 0x93, 0x01, 0xc4, 0x01, 0x80, 0xc4, 0x00 };
    struct envelope_header h = responder_header(m);

    responder_send_raw(r, m, (struct bytes){ GARBAGE, sizeof(GARBAGE) });
    h.re.bytes[0] ^= 1;
    responder_send(r, r->ratelimit, m, h, "to another request");
    h = responder_header(m);
    h.op = TEXT("ratelimit.refund");
    responder_send(r, r->ratelimit, m, h, "of another op");
    h = responder_header(m);
    h.src = TEXT("mallory");
    responder_send(r, r->mallory, m, h, "by mallory in her own name");
    h = responder_header(m);
    h.dst = TEXT("mallory");
    responder_send(r, r->ratelimit, m, h, "to somebody else");
    responder_send(r, r->mallory, m, responder_header(m), "by mallory in ratelimit's name");
    responder_seal(r, r->ratelimit, m, responder_header(m), "tampered with");
    r->value.data[r->value.len - 1] ^= 1;
    responder_send_raw(r, m, buffer_bytes(&r->value));
    responder_answer(r, m, "the truth");
    responder_send_raw(r, m, buffer_bytes(&r->value));
}

WITH_CLIENT(only_the_service_asked_is_believed_and_only_once)
{
    struct result_of got = { 0 };
    struct hlidka_stats stats;

    r->hear = lie;
    cr_assert_eq(ask(client, "ratelimit.check", 8000, &got), HLIDKA_OK);
    cr_assert(responder_wait(r, &got.done, 10000));
    cr_assert_str_eq(got.text, "the truth");
    responder_wait(r, NULL, 300);
    cr_assert_eq(got.done, 1);
    hlidka_stats(client, &stats);
    cr_assert_eq(stats.ignored_malformed, 1);
    cr_assert_eq(stats.ignored_unasked, 2, "another request's, and the second copy");
    cr_assert_eq(stats.ignored_mismatched, 3);
    cr_assert_eq(stats.ignored_unknown_key, 1);
    cr_assert_eq(stats.ignored_not_authentic, 1);
}

/* ---- many, cancelled, closed -------------------------------------------------------------------------------------- */

#define MANY 2000u

static volatile unsigned all_answered;

static void count_done(void *cookie, const struct hlidka_reply *reply)
{
    unsigned *count = cookie;

    cr_assert_eq(reply->outcome, HLIDKA_OK, "%s", hlidka_status_text(reply->outcome));
    if (++*count == MANY)
        all_answered = 1;
}

WITH_CLIENT(thousands_are_in_flight_at_once)
{
    unsigned count = 0;
    struct hlidka_stats stats;

    r->hear = answer;
    all_answered = 0;
    for (unsigned i = 0; i < MANY; i++)
        cr_assert_eq(hlidka_call(client, &(struct hlidka_request){ .op = "crypto.key.status", .deadline_ms = 30000 },
                                 count_done, &count, NULL), HLIDKA_OK);
    cr_assert(responder_wait(r, &all_answered, 30000));
    hlidka_stats(client, &stats);
    cr_assert_eq(stats.answered, MANY);
    cr_assert_eq(stats.in_flight, 0);
}

Test(client_calls, what_is_in_flight_is_bounded, .timeout = 60)
{
    struct responder *r = responder_new();
    struct result_of got[3] = { { 0 } };

    r->options.in_flight_max = 2;
    struct hlidka *client = responder_client(r);
    cr_assert_eq(ask(client, "ratelimit.check", 5000, &got[0]), HLIDKA_OK);
    cr_assert_eq(ask(client, "ratelimit.check", 5000, &got[1]), HLIDKA_OK);
    cr_assert_eq(ask(client, "ratelimit.check", 5000, &got[2]), HLIDKA_FULL);
    responder_close(r, client);
    cr_assert_eq(got[0].outcome, HLIDKA_CLOSED);
    cr_assert_eq(got[1].outcome, HLIDKA_CLOSED);
    cr_assert_eq(got[2].done, 0);
    responder_free(r);
}

WITH_CLIENT(a_cancelled_call_is_never_heard_of_again)
{
    struct result_of first = { 0 }, got = { 0 };
    struct hlidka_call *call;
    struct hlidka_stats stats;

    r->hear = answer;
    cr_assert_eq(ask(client, "ratelimit.check", PATIENT_MS, &first), HLIDKA_OK);
    cr_assert(responder_wait(r, &first.done, 12000));
    unsigned heard = r->heard;
    cr_assert_eq(hlidka_call(client, &(struct hlidka_request){ .op = "ratelimit.policies", .deadline_ms = 300 }, keep, &got,
                             &call), HLIDKA_OK);
    hlidka_cancel(client, call);
    for (unsigned i = 0; i < 500 && (hlidka_stats(client, &stats), stats.ignored_unasked == 0); i++)
        responder_wait(r, NULL, 20);
    responder_wait(r, NULL, 500);                               /* in which its copy would be sent, and its deadline end */
    cr_assert_eq(got.done, 0);
    cr_assert_eq(r->heard, heard + 1);
    hlidka_stats(client, &stats);
    cr_assert_geq(stats.ignored_unasked, 1);
    cr_assert_eq(stats.in_flight, 0);
}

WITH_CLIENT(what_is_no_request_is_refused_at_once)
{
    static const uint8_t LONG_AGO[HLIDKA_ID_LEN] = { 0 };
    const struct {
        struct hlidka_request request;
        enum hlidka_status status;
    } CASES[] = {
        { { .op = "check", .deadline_ms = 100 }, HLIDKA_INVALID },
        { { .op = NULL, .deadline_ms = 100 }, HLIDKA_INVALID },
        { { .op = "nobody.check", .deadline_ms = 100 }, HLIDKA_INVALID },
        { { .op = "../x.check", .deadline_ms = 100 }, HLIDKA_INVALID },
        { { .op = "ratelimit.check", .deadline_ms = 0 }, HLIDKA_INVALID },
        { { .op = "ratelimit.check", .deadline_ms = HLIDKA_DEADLINE_MAX_MS + 1 }, HLIDKA_INVALID },
        { { .op = "ratelimit.check", .deadline_ms = 100, .trace = "ABC" }, HLIDKA_INVALID },
        { { .op = "ratelimit.check", .deadline_ms = 100, .body = { NULL, 1 } }, HLIDKA_INVALID },
        { { .op = "ratelimit.check", .deadline_ms = 100, .id = LONG_AGO }, HLIDKA_INVALID },
    };
    struct result_of got = { 0 };
    static uint8_t large[1000000];

    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++)
        cr_assert_eq(hlidka_call(client, &CASES[i].request, keep, &got, NULL), CASES[i].status, "case %zu", i);
    cr_assert_eq(hlidka_call(client, &(struct hlidka_request){
        .op = "crypto.encrypt", .deadline_ms = 100, .body = { large, sizeof(large) } }, keep, &got, NULL), HLIDKA_TOO_LARGE);
    responder_wait(r, NULL, 200);
    cr_assert_eq(got.done, 0);
}

/* ---- keys --------------------------------------------------------------------------------------------------------- */

static void look_at_envelope(struct responder *r, const struct heard *m)
{
    struct heard *seen = r->cookie;
    static uint8_t key[64];

    *seen = *m;
    memcpy(key, m->key.data, m->key.len);
    seen->key.data = key;
    responder_answer(r, m, "seen");
}

WITH_CLIENT(what_must_be_signed_is_and_the_key_says_who)
{
    struct heard seen = { .topic = NULL };
    struct result_of got = { 0 };

    r->hear = look_at_envelope;
    r->cookie = &seen;
    cr_assert_eq(ask(client, "ratelimit.reset", 5000, &got), HLIDKA_OK);
    cr_assert(responder_wait(r, &got.done, 8000));
    cr_assert(seen.envelope.sig.data, "an op marked as signed");
    cr_assert(seen.key.len == 3 && memcmp(seen.key.data, "u-1", 3) == 0);
    got.done = 0;
    cr_assert_eq(ask(client, "ratelimit.check", 5000, &got), HLIDKA_OK);
    cr_assert(responder_wait(r, &got.done, 8000));
    cr_assert_null(seen.envelope.sig.data);
}

WITH_CLIENT(keys_that_are_replaced_are_taken_up_without_a_restart)
{
    struct heard seen = { .topic = NULL };
    struct result_of got = { 0 };
    bool anew = false;

    r->hear = look_at_envelope;
    r->cookie = &seen;
    responder_principals(r, true);
    for (unsigned i = 0; i < 100 && !anew; i++) {               /* it looks at its files once a second */
        got.done = 0;
        cr_assert_eq(ask(client, "ratelimit.check", 5000, &got), HLIDKA_OK);
        cr_assert(responder_wait(r, &got.done, 8000));
        cr_assert_str_eq(got.text, "seen", "under the old key or the new one");
        anew = memcmp(&seen.envelope.header.dkid, &keyring_own(r->ratelimit)->id, 8) == 0;
        responder_wait(r, NULL, anew ? 0 : 100);
    }
    cr_assert(anew, "sealed to the new key");
}

Test(client_calls, a_client_that_cannot_be_says_why, .timeout = 60)
{
    struct responder *r = responder_new();
    struct hlidka *client;
    char why[HLIDKA_WHY_LEN];

    r->options.principal = "nobody";
    cr_assert_eq(hlidka_open(&r->loop, &r->options, &client, why), HLIDKA_BAD_CONFIG);
    cr_assert(strstr(why, "nobody"), "%s", why);
    r->options.principal = "mallory";
    cr_assert_eq(hlidka_open(&r->loop, &r->options, &client, why), HLIDKA_BAD_CONFIG, "not the key listed for her");
    r->options.principal = "backend";
    r->options.properties = &(struct hlidka_property){ "no.such.property", "1" };
    cr_assert_eq(hlidka_open(&r->loop, &r->options, &client, why), HLIDKA_BAD_CONFIG);
    cr_assert(strstr(why, "no.such.property"), "%s", why);
    responder_free(r);
}
