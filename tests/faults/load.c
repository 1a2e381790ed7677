/*
 * Load with a ledger (load/ledger.h): sends ratelimit.check for users that nobody had before, through libhlidka's safe
 * retry, while somebody else breaks things. It ends after --seconds or --count, or on SIGTERM; when the faults are over
 * it peeks every user, settles the ledger and writes a JSON report.
 *
 * Of the allowed requests every --repeat-every'th is asked again with its id, every second of them by another
 * partition: it must get the same answer, and the settling shows that it was not charged again.
 *
 * Exit codes: 0 all is as it must be, 1 a breach, 2 it could not run.
 */
#include "clock.h"
#include "entropy.h"
#include "hlidka.h"
#include "load/ledger.h"
#include "load/options.h"
#include "uuid.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#define CONNECT_MS      20000u
#define REPEAT_AGE_MS   3500u           /* of an id: a repeat must arrive within 5 s of T */
#define REPEAT_WAIT_MS  1200u
#define PEEK_WAIT_MS    4000u
#define PEEKS_AT_ONCE   128u
#define PEEK_ATTEMPTS   12u
#define PEEKS_MS        120000u
#define PER_TICK_MAX    512u

enum phase { CONNECTING, LOADING, DRAINING, SETTLING, PEEKING, CLOSING };

struct load {
    struct load_options opt;
    struct ledger *ledger;
    struct hlidka *client;
    uv_loop_t loop;
    uv_timer_t tick;
    uv_signal_t term, intr;
    enum phase phase;
    uint64_t begun_us, phase_us;
    uint64_t begun_unix_ms, ended_unix_ms;
    uint32_t tag;                       /* makes this run's users new */
    uint32_t *active;                   /* opt.users of them */
    uint64_t turn;
    uint64_t out;                       /* calls whose end is to come */
    uint64_t not_sent;
    struct repeat *repeats, **repeats_end;
    uint64_t repeated, repeated_same, repeated_unanswered, repeated_storeless;
    uint32_t peek_next, peeked;
    uint64_t peeks_again;
};

/* An allowed request to be asked again, with the answer that it had. */
struct repeat {
    struct repeat *next;
    struct load *load;
    struct uuid id;
    uint32_t user;
    size_t len;
    uint8_t result[];
};

struct peek {
    struct load *load;
    uint32_t user;
    unsigned attempts;
};

static uint64_t now_us(void)
{
    return clock_boot_ns() / 1000;
}

static void *must(void *memory)
{
    if (!memory)
        load_die("memory", "none left");
    return memory;
}

static void enter(struct load *l, enum phase phase)
{
    l->phase = phase;
    l->phase_us = now_us();
}

/* ---- requests ---------------------------------------------------------------------------------------------------- */

/* Half of the users stay within the limit, where a charge too many shows; half go over it, where one let in does. */
static unsigned share(const struct load *l, uint32_t user)
{
    unsigned fits = l->opt.limit / l->opt.cost;

    return l->opt.each ? l->opt.each : user % 2 ? fits * 4 / 3 : fits * 2 / 5;
}

static uint32_t next_user(struct load *l)
{
    uint32_t *user = &l->active[l->turn++ % l->opt.users];

    if ((*user == UINT32_MAX || l->ledger->users[*user].sent >= share(l, *user)) && !ledger_user(l->ledger, user))
        load_die("users", "too many, or no memory");
    return *user;
}

static enum hlidka_status call(struct load *l, uint32_t user, const char *mode, struct hlidka_request *q, hlidka_done done,
                               void *cookie)
{
    struct hlidka_body *body = hlidka_body_new();
    char name[48];

    snprintf(name, sizeof(name), "faults-%08" PRIx32 "-%" PRIu32, l->tag, user);
    hlidka_put_text(body, "user_id", name);
    hlidka_put_text(body, "tier", "free");
    hlidka_put_text(body, "endpoint", l->opt.endpoint);
    hlidka_put_uint(body, "cost", l->opt.cost);
    hlidka_put_text(body, "mode", mode);
    q->op = "ratelimit.check";
    q->body = hlidka_body_bytes(body);
    enum hlidka_status s = hlidka_call(l->client, q, done, cookie, NULL);
    hlidka_body_free(body);
    l->out += s == HLIDKA_OK;
    return s;
}

/* A Kafka key of no meaning: any partition, and so any instance. */
static struct hlidka_bytes random_key(uint8_t key[8])
{
    entropy_fill(key, 8);
    return (struct hlidka_bytes){ key, 8 };
}

static bool from_store(struct hlidka_bytes result)
{
    struct hlidka_value source = hlidka_get(result, "source");

    return source.type == HLIDKA_TEXT && source.len == strlen("store") && memcmp(source.text, "store", source.len) == 0;
}

/* ---- asking again ------------------------------------------------------------------------------------------------ */

static void repeat_later(struct load *l, uint32_t user, const struct hlidka_reply *reply)
{
    struct repeat *r = must(malloc(sizeof(*r) + reply->result.len));

    *r = (struct repeat){ .load = l, .user = user, .len = reply->result.len };
    memcpy(r->id.bytes, reply->id, sizeof(r->id.bytes));
    memcpy(r->result, reply->result.data, reply->result.len);
    *l->repeats_end = r;
    l->repeats_end = &r->next;
}

static void on_repeated(void *cookie, const struct hlidka_reply *reply)
{
    struct repeat *r = cookie;
    struct load *l = r->load;

    l->out--;
    if (reply->outcome == HLIDKA_REFUSED && reply->status != 503)
        ledger_breach(l->ledger, "user %" PRIu32 ": asked again with its id and refused: %u %s", r->user, reply->status,
                      reply->code);
    else if (reply->outcome != HLIDKA_OK)
        l->repeated_unanswered++;
    else if (!from_store(reply->result))
        l->repeated_storeless++;        /* the record was out of reach: the policy speaks */
    else if (reply->result.len == r->len && memcmp(reply->result.data, r->result, r->len) == 0)
        l->repeated_same++;
    else
        ledger_breach(l->ledger, "user %" PRIu32 ": asked again with its id and answered otherwise", r->user);
    free(r);
}

static void send_repeats(struct load *l)
{
    struct repeat *r;

    while ((r = l->repeats) != NULL) {
        uint8_t key[8];
        struct hlidka_request q = { .id = r->id.bytes, .deadline_ms = REPEAT_WAIT_MS };
        if (l->repeated % 2)
            q.key = random_key(key);
        if (!(l->repeats = r->next))
            l->repeats_end = &l->repeats;
        if (clock_unix_ms() - uuid_time_ms(&r->id) > REPEAT_AGE_MS ||
            call(l, r->user, "consume", &q, on_repeated, r) != HLIDKA_OK)
            free(r);
        else
            l->repeated++;
    }
}

/* ---- asking ------------------------------------------------------------------------------------------------------ */

static enum end end_of(struct load *l, const struct hlidka_reply *reply)
{
    bool allowed;

    switch (reply->outcome) {
    case HLIDKA_OK:
        allowed = hlidka_get(reply->result, "allowed").boolean;
        if (from_store(reply->result))
            return allowed ? END_ALLOWED : END_DENIED;
        return allowed ? END_STORELESS_ALLOWED : END_STORELESS_DENIED;
    case HLIDKA_REFUSED:
        if (reply->status == 503)
            return END_UNAVAILABLE;
        ledger_breach(l->ledger, "refused: %u %s", reply->status, reply->code);
        return END_REFUSED;
    default:
        return END_TIMEOUT;
    }
}

static void on_answered(void *cookie, const struct hlidka_reply *reply)
{
    struct ask *a = cookie;
    struct load *l = a->owner;
    bool first = a->end == END_NONE;

    ledger_ended(l->ledger, a, end_of(l, reply), now_us() - l->begun_us);
    if (!first)
        return;
    l->out--;
    if (a->end == END_ALLOWED && l->opt.repeat_every && l->ledger->ends[END_ALLOWED] % l->opt.repeat_every == 0)
        repeat_later(l, a->user, reply);
}

/* False when the client takes no more now. */
static bool ask(struct load *l)
{
    uint8_t key[8];
    struct hlidka_request q = { .deadline_ms = l->opt.deadline_ms };
    uint32_t user = next_user(l);
    struct ask *a = must(ledger_sent(l->ledger, user, now_us() - l->begun_us));

    a->owner = l;
    if (l->opt.scatter)
        q.key = random_key(key);
    if (call(l, user, "consume", &q, on_answered, a) == HLIDKA_OK)
        return true;
    ledger_unsent(l->ledger);
    l->not_sent++;
    return false;
}

static void stop_asking(struct load *l)
{
    l->ended_unix_ms = clock_unix_ms();
    enter(l, DRAINING);
}

static void send_due(struct load *l)
{
    uint64_t passed_us = now_us() - l->begun_us, end = l->opt.count ? l->opt.count : UINT64_MAX;
    uint64_t due = l->opt.rate ? passed_us * l->opt.rate / 1000000 : UINT64_MAX;

    if (due > end)
        due = end;
    for (unsigned n = 0; n < PER_TICK_MAX && l->ledger->sent < due && l->out < l->opt.in_flight; n++)
        if (!ask(l))
            break;
    if (passed_us >= l->opt.seconds * UINT64_C(1000000) || l->ledger->sent >= end)
        stop_asking(l);
}

/* ---- peeking ----------------------------------------------------------------------------------------------------- */

/* What the account holds, by the row of the one enforcing policy; false when the answer does not say. */
static bool held(const struct load *l, const struct hlidka_reply *reply, uint64_t *charged)
{
    struct hlidka_value row;
    struct hlidka_cursor at = hlidka_walk(hlidka_get(reply->result, "limits").bytes);

    if (reply->outcome != HLIDKA_OK || !from_store(reply->result))
        return false;
    while (hlidka_next(&at, NULL, &row)) {
        struct hlidka_value limit = hlidka_get(row.bytes, "limit"), remaining = hlidka_get(row.bytes, "remaining");
        if (hlidka_get(row.bytes, "shadow").boolean || limit.uint != l->opt.limit || remaining.type != HLIDKA_UINT)
            continue;
        *charged = limit.uint - remaining.uint;
        return true;
    }
    return false;
}

static void send_peek(struct load *l, struct peek *p);

static void on_peeked(void *cookie, const struct hlidka_reply *reply)
{
    struct peek *p = cookie;
    struct load *l = p->load;
    uint64_t charged;

    l->out--;
    if (held(l, reply, &charged)) {
        ledger_settle(l->ledger, p->user, charged);
    } else if (l->phase == PEEKING && ++p->attempts < PEEK_ATTEMPTS) {
        l->peeks_again++;
        send_peek(l, p);
        return;
    } else if (l->phase == PEEKING) {
        ledger_breach(l->ledger, "user %" PRIu32 " cannot be peeked: %s %u %s", p->user, hlidka_status_text(reply->outcome),
                      reply->status, reply->code);
    }
    l->peeked++;
    free(p);
}

static void send_peek(struct load *l, struct peek *p)
{
    struct hlidka_request q = { .deadline_ms = PEEK_WAIT_MS };
    enum hlidka_status s = call(l, p->user, "peek", &q, on_peeked, p);

    if (s != HLIDKA_OK)
        load_die("peek", hlidka_status_text(s));
}

static void peek_more(struct load *l)
{
    while (l->peek_next < l->ledger->user_count && l->out < PEEKS_AT_ONCE) {
        struct peek *p = must(malloc(sizeof(*p)));
        *p = (struct peek){ l, l->peek_next++, 0 };
        send_peek(l, p);
    }
}

/* ---- the report -------------------------------------------------------------------------------------------------- */

static json_t *client_stats(const struct load *l)
{
    struct hlidka_stats s;

    hlidka_stats(l->client, &s);
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "resends", (json_int_t)s.resends,
                     "undelivered", (json_int_t)s.undelivered,
                     "unasked", (json_int_t)s.ignored_unasked, "malformed", (json_int_t)s.ignored_malformed,
                     "mismatched", (json_int_t)s.ignored_mismatched, "unknown_key", (json_int_t)s.ignored_unknown_key,
                     "not_authentic", (json_int_t)s.ignored_not_authentic);
}

static void write_report(const struct load *l)
{
    json_t *report = must(ledger_report(l->ledger));
    json_t *more = must(json_pack(
        "{s:I, s:I, s:I, s:o, s:{s:I, s:I, s:I, s:I}, s:I}", "begun_unix_ms", (json_int_t)l->begun_unix_ms,
        "ended_unix_ms", (json_int_t)l->ended_unix_ms, "not_sent", (json_int_t)l->not_sent, "client", client_stats(l),
        "repeats", "asked", (json_int_t)l->repeated, "same", (json_int_t)l->repeated_same,
        "unanswered", (json_int_t)l->repeated_unanswered, "storeless", (json_int_t)l->repeated_storeless,
        "peeks_again", (json_int_t)l->peeks_again));

    if (json_object_update(report, more) || json_dump_file(report, l->opt.report, JSON_COMPACT))
        load_die(l->opt.report, "cannot be written");
    json_decref(more);
    json_decref(report);
}

/* ---- phases ------------------------------------------------------------------------------------------------------ */

static void on_closed(void *cookie)
{
    struct load *l = cookie;

    uv_close((uv_handle_t *)&l->tick, NULL);
    uv_close((uv_handle_t *)&l->term, NULL);
    uv_close((uv_handle_t *)&l->intr, NULL);
}

static void finish(struct load *l)
{
    if (l->ledger->sent != l->ledger->ended)
        ledger_breach(l->ledger, "%" PRIu64 " requests were sent, %" PRIu64 " ended", l->ledger->sent, l->ledger->ended);
    if (l->peeked < l->ledger->user_count)
        ledger_breach(l->ledger, "%" PRIu32 " of %" PRIu32 " users were peeked in time", l->peeked, l->ledger->user_count);
    write_report(l);
    enter(l, CLOSING);
    hlidka_close(l->client, on_closed, l);
}

static bool passed(const struct load *l, uint64_t ms)
{
    return now_us() - l->phase_us >= ms * 1000;
}

static void begin(struct load *l)
{
    l->begun_us = now_us();
    l->begun_unix_ms = clock_unix_ms();
    puts("loading");                    /* whoever started us waits for this line */
    fflush(stdout);
    enter(l, LOADING);
}

static void on_tried(void *cookie, const struct hlidka_reply *reply)
{
    struct load *l = cookie;

    l->out--;
    if (reply->outcome == HLIDKA_OK)
        begin(l);
}

/* One request of nobody's first: what a new connection costs is not the latency that faults are compared with. */
static void connecting(struct load *l)
{
    struct hlidka_request q = { .deadline_ms = PEEK_WAIT_MS };
    char why[HLIDKA_WHY_LEN] = "no answer";

    if (hlidka_is_ready(l->client, why) && l->out == 0)
        call(l, UINT32_MAX, "peek", &q, on_tried, l);
    else if (passed(l, CONNECT_MS))
        load_die("not ready", why);
}

static void on_tick(uv_timer_t *timer)
{
    struct load *l = timer->data;

    switch (l->phase) {
    case CONNECTING:
        connecting(l);
        break;
    case LOADING:
        send_repeats(l);
        send_due(l);
        break;
    case DRAINING:
        send_repeats(l);
        if ((l->out == 0 && !l->repeats) || passed(l, l->opt.deadline_ms + 10000))
            enter(l, SETTLING);
        break;
    case SETTLING:
        if (passed(l, l->opt.settle_ms))
            enter(l, PEEKING);
        break;
    case PEEKING:
        peek_more(l);
        if (l->peeked == l->ledger->user_count || passed(l, PEEKS_MS))
            finish(l);
        break;
    case CLOSING:
        break;
    }
}

static void on_signal(uv_signal_t *signal, int number)
{
    struct load *l = signal->data;

    (void)number;
    if (l->phase == CONNECTING)
        load_die("stopped", "before it began");
    if (l->phase == LOADING)
        stop_asking(l);
}

static void on_notice(void *cookie, const char *text)
{
    (void)cookie;
    fprintf(stderr, "load: %s\n", text);
}

/* ---- setting up -------------------------------------------------------------------------------------------------- */

static void connect_client(struct load *l)
{
    char why[HLIDKA_WHY_LEN];
    const struct hlidka_options options = {
        .brokers = l->opt.brokers, .prefix = l->opt.prefix, .principal = l->opt.principal, .principals_path = l->opt.principals,
        .key_path = l->opt.key, .in_flight_max = l->opt.in_flight + 1024, .notice = on_notice, .cookie = l,
    };

    if (hlidka_open(&l->loop, &options, &l->client, why) != HLIDKA_OK)
        load_die("hlidka_open", why);
}

static void watch(struct load *l, uv_signal_t *handle, int number)
{
    handle->data = l;
    if (uv_signal_init(&l->loop, handle) || uv_signal_start(handle, on_signal, number))
        load_die("signal", "cannot be watched");
}

static void set_up(struct load *l)
{
    if (uv_loop_init(&l->loop) || uv_timer_init(&l->loop, &l->tick))
        load_die("uv", "no loop");
    watch(l, &l->term, SIGTERM);
    watch(l, &l->intr, SIGINT);
    l->tick.data = l;
    entropy_fill(&l->tag, sizeof(l->tag));
    l->repeats_end = &l->repeats;
    l->ledger = must(ledger_new(l->opt.cost, l->opt.limit));
    l->active = must(malloc(l->opt.users * sizeof(*l->active)));
    for (unsigned i = 0; i < l->opt.users; i++)
        l->active[i] = UINT32_MAX;
    connect_client(l);
    enter(l, CONNECTING);
    if (uv_timer_start(&l->tick, on_tick, 0, 1))
        load_die("uv", "no timer");
}

int main(int argc, char **argv)
{
    struct load *l = must(calloc(1, sizeof(*l)));

    if (entropy_start())
        load_die("entropy", "none");
    l->opt = load_options_parse(argc, argv);
    set_up(l);
    uv_run(&l->loop, UV_RUN_DEFAULT);
    int code = l->ledger->breaches ? 1 : 0;
    uv_loop_close(&l->loop);
    ledger_free(l->ledger);
    free(l->active);
    free(l->opt.brokers);
    free(l->opt.prefix);
    free(l->opt.principals);
    free(l->opt.key);
    free(l);
    return code;
}
