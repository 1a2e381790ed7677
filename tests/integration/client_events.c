/* Events to audit, alerts from it, and the blocking wrapper. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>

#include "hlidka_sync.h"
#include "mp_writer.h"
#include "responder.h"

/* ---- events ------------------------------------------------------------------------------------------------------- */

struct events {
    volatile unsigned three;
    unsigned count;
    uint64_t n[3];
    uint8_t instance[8];
};

static void hear_event(struct responder *r, const struct heard *m)
{
    struct events *e = r->cookie;
    const struct envelope_header *h = &m->envelope.header;

    cr_assert(strcmp(m->topic, "audit.events") == 0 && text_equal(h->op, TEXT("event")));
    cr_assert(h->has_n && e->count < 3);
    cr_assert(e->count == 0 || memcmp(e->instance, h->n_instance, 8) == 0);
    memcpy(e->instance, h->n_instance, 8);
    e->n[e->count++] = h->n;
    cr_assert_eq(hlidka_get((struct hlidka_bytes){ m->body.data, m->body.len }, "time").uint, 1700000000000);
    e->three = e->count == 3;
}

Test(client_events, events_are_sealed_to_audit_and_numbered_without_gaps, .timeout = 60)
{
    struct responder *r = responder_new();
    struct hlidka *client = responder_client(r);
    struct hlidka_body *body = hlidka_body_new();
    struct events events = { 0 };

    r->hear = hear_event;
    r->cookie = &events;
    hlidka_put_text(body, "type", "app.lesson");
    hlidka_put_uint(body, "time", 1700000000000);
    hlidka_put_text(body, "outcome", "success");
    hlidka_put_text(body, "user_id", "u-1");
    for (unsigned i = 0; i < 3; i++)
        cr_assert_eq(hlidka_event(client, hlidka_body_bytes(body), NULL), HLIDKA_OK);
    cr_assert_eq(hlidka_event(client, (struct hlidka_bytes){ "\xc1", 1 }, NULL), HLIDKA_INVALID);
    cr_assert(responder_wait(r, &events.three, 10000));
    for (unsigned i = 0; i < 3; i++)
        cr_assert_eq(events.n[i], i);
    hlidka_body_free(body);
    responder_close(r, client);
    responder_free(r);
}

/* ---- alerts ------------------------------------------------------------------------------------------------------- */

static void send_alert_of(struct responder *r, struct keyring *signer, const char *rule, uint64_t n, bool tampered)
{
    struct buffer body, value;
    uint8_t sig[64];

    buffer_init(&body, 1024);
    buffer_init(&value, 1024);
    struct mp_writer w = mp_writer_to(&body);
    mp_put_map(&w, 3);
    mp_put_text(&w, TEXT("n"));
    mp_put_uint(&w, n);
    mp_put_text(&w, TEXT("rule"));
    mp_put_text(&w, text_of(rule));
    mp_put_text(&w, TEXT("count"));
    mp_put_uint(&w, 10);
    cr_assert_not(sign_detached(signer, TEXT("hlidka-alert-v1\n"), buffer_bytes(&body), sig));
    body.data[body.len - 1] ^= tampered;
    w = mp_writer_to(&value);
    mp_put_array(&w, 4);
    mp_put_uint(&w, 1);
    mp_put_bin(&w, body.data, body.len);
    mp_put_bin(&w, keyring_signer(signer)->id.bytes, 8);
    mp_put_bin(&w, sig, sizeof(sig));
    cr_assert_not(w.status);
    responder_produce(r, "audit.alerts", (int32_t)(n % RESPONDER_PARTITIONS), buffer_bytes(&value));
    buffer_free(&body);
    buffer_free(&value);
}

static void send_alert(struct responder *r, struct keyring *signer, uint64_t n, bool tampered)
{
    send_alert_of(r, signer, "brute-force-user", n, tampered);
}

struct alarms {
    volatile unsigned both, watched;
    unsigned count, watchdogs;
    uint64_t sum;
};

static void hear_alert(void *cookie, const struct hlidka_alert *alert)
{
    struct alarms *a = cookie;

    if (strcmp(alert->rule, "watchdog") == 0) {         /* n is not its own */
        cr_expect(!alert->has_n && alert->n == 2);
        a->watchdogs++;
        a->watched = 1;
        return;
    }
    cr_assert(alert->has_n && alert->count == 10);
    cr_assert_str_eq(alert->rule, "brute-force-user");
    cr_assert_str_eq(alert->user_id, "");
    a->sum += alert->n;
    a->both = ++a->count == 2;
}

Test(client_events, only_alerts_that_audit_signed_are_heard, .timeout = 60)
{
    struct responder *r = responder_new();
    struct hlidka *client = responder_client(r);
    struct alarms alarms = { 0 };
    struct hlidka_stats stats;

    cr_assert_eq(hlidka_tail_alerts(client, hear_alert, &alarms), HLIDKA_OK);
    cr_assert_eq(hlidka_tail_alerts(client, hear_alert, &alarms), HLIDKA_INVALID, "once");
    for (unsigned i = 0; i < 100 && !alarms.watched; i++) {     /* from now on, which begins when the brokers have said where */
        send_alert_of(r, r->audit, "watchdog", 2, false);
        responder_wait(r, &alarms.watched, 100);
    }
    cr_assert(alarms.watched);
    send_alert(r, r->mallory, 7, false);
    send_alert(r, r->audit, 8, true);
    responder_produce(r, "audit.alerts", 0, text_bytes(TEXT("no msgpack")));
    send_alert(r, r->audit, 1, false);
    send_alert(r, r->audit, 2, false);
    cr_assert(responder_wait(r, &alarms.both, 10000));
    for (unsigned i = 0; i < 100 && (hlidka_stats(client, &stats), stats.alerts_refused < 3); i++)
        responder_wait(r, NULL, 100);
    responder_wait(r, NULL, 300);
    cr_assert_eq(alarms.sum, 3);
    hlidka_stats(client, &stats);
    cr_assert_eq(stats.alerts, alarms.count + alarms.watchdogs);
    cr_assert_eq(stats.alerts_refused, 3);
    responder_close(r, client);
    responder_free(r);
}

/* ---- the blocking wrapper ----------------------------------------------------------------------------------------- */

#define THREADS 4
#define CALLS   25

struct callers {
    struct responder *r;
    pthread_t threads[THREADS], opener;
    struct hlidka_sync *client;
    volatile unsigned done;
    unsigned good[THREADS];
};

struct caller {
    struct callers *all;
    unsigned index;
};

static void *call_many(void *cookie)
{
    struct caller *me = cookie;

    for (unsigned i = 0; i < CALLS; i++) {
        struct hlidka_answer *answer = NULL;
        const struct hlidka_request request = { .op = "ratelimit.policies", .deadline_ms = 10000 };
        if (hlidka_sync_call(me->all->client, &request, &answer) == HLIDKA_OK) {
            struct hlidka_value text = hlidka_get(hlidka_answer_reply(answer)->result, "text");
            me->all->good[me->index] += text.len == 5 && memcmp(text.text, "hello", 5) == 0;
        }
        hlidka_answer_free(answer);
    }
    return NULL;
}

/* Off the test's thread, which is the service's. */
static void *open_call_close(void *cookie)
{
    struct callers *all = cookie;
    struct caller callers[THREADS];
    char why[HLIDKA_WHY_LEN];

    if (hlidka_sync_open(&all->r->options, 15000, &all->client, why) == HLIDKA_OK) {
        for (unsigned i = 0; i < THREADS; i++) {
            callers[i] = (struct caller){ all, i };
            pthread_create(&all->threads[i], NULL, call_many, &callers[i]);
        }
        for (unsigned i = 0; i < THREADS; i++)
            pthread_join(all->threads[i], NULL);
        hlidka_sync_close(all->client);
    }
    all->done = 1;
    return NULL;
}

static void say_hello(struct responder *r, const struct heard *m)
{
    responder_answer(r, m, "hello");
}

Test(client_events, threads_that_block_each_get_their_own_answer, .timeout = 60)
{
    struct responder *r = responder_new();
    struct callers all = { .r = r };

    r->hear = say_hello;
    cr_assert_eq(pthread_create(&all.opener, NULL, open_call_close, &all), 0);
    cr_assert(responder_wait(r, &all.done, 40000));
    pthread_join(all.opener, NULL);
    for (unsigned i = 0; i < THREADS; i++)
        cr_assert_eq(all.good[i], CALLS);
    responder_free(r);
}

Test(client_events, without_brokers_the_blocking_wrapper_says_so_in_time, .timeout = 60)
{
    struct responder *r = responder_new();
    struct hlidka_sync *client;
    char why[HLIDKA_WHY_LEN];

    r->options.brokers = "127.0.0.1:1";
    cr_assert_eq(hlidka_sync_open(&r->options, 500, &client, why), HLIDKA_TIMEOUT);
    cr_assert(why[0]);
    responder_free(r);
}
