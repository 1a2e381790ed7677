#include "alert_log.h"

#include "alerts.h"
#include "entropy.h"
#include "log.h"
#include "outgoing.h"
#include "pg.h"

#include <stdlib.h>

enum {
    RAISED_MAX = 256,                   /* alerts of a transaction: each is a statement of its own in the outbox */
    RECALL_MS = 10000,
    RECALL_MAX = 100000,                /* episodes, the newest; beyond that somebody has other worries */
    MINUTE_MS = 60000,
};

/* Of a rule that reaches less far the detector forgets the rest by itself. */
static const struct pg_statement STATE = { "alert_log_state", "SELECT n, watchdog FROM alert_log", "" };
static const struct pg_statement EPISODES = { "alert_log_episodes",
    "SELECT * FROM (SELECT rule, grp, alert_id, first, last, received, count FROM alerts"
    " WHERE received >= (SELECT received FROM records ORDER BY seq DESC LIMIT 1) - $1::int8"
    " ORDER BY received DESC, n DESC LIMIT $2) newest ORDER BY received", "ii" };
static const struct pg_statement RAISE = { "alert_log_raise",
    "INSERT INTO alerts (alert_id, n, time, rule, body, grp, first, last, received, count, subject)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (alert_id) DO NOTHING", "uiitbbiiiib" };
/* An episode may have gone on more than once; all of it only ever grows. */
static const struct pg_statement GO_ON = { "alert_log_go_on",
    "UPDATE alerts a SET last = greatest(a.last, u.last), received = greatest(a.received, u.received),"
    " count = greatest(a.count, u.count)"
    " FROM (SELECT encode(id, 'hex')::uuid AS id, max(last) AS last, max(received) AS received, max(count) AS count"
    " FROM unnest($1::bytea[], $2::int8[], $3::int8[], $4::int8[]) AS x (id, last, received, count) GROUP BY id) u"
    " WHERE a.alert_id = u.id", "BIII" };
static const struct pg_statement COUNT = { "alert_log_count", "UPDATE alert_log SET n = $1, watchdog = $2", "ii" };

/* Episodes that went on in the transaction at hand, in columns. */
struct continued {
    struct uuid *ids;
    struct bytes *id_bytes;
    int64_t *last, *received, *count;
    size_t used, cap;
};

struct alert_log {
    struct alert_log_options o;
    struct rule_set *rules, *next_rules;
    struct detector *detector;          /* NULL: no memory for it, and nothing can be watched */
    uint64_t n, watchdog;               /* as in alert_log */
    bool counted;                       /* either has changed in this transaction */
    size_t raised;                      /* in this transaction */
    struct continued continued;
    struct pg_batch *writes;            /* of the feed at hand */
    struct buffer body, value;

    void (*recalled)(void *leader, enum result r);
    void *leader;

    struct detector_stats before;       /* of detectors that are gone */
    uint64_t watchdogs;
    uint64_t counters[3];
    double gauges[3];
};

/* ---- what is sent ---------------------------------------------------------------------------------------------- */

static enum result send_body(struct alert_log *a, struct pg_batch *writes, struct text key)
{
    uint8_t key_id[8], sig[64];
    struct bytes body = buffer_bytes(&a->body);
    enum result r = a->o.sign(a->o.cookie, TEXT(ALERT_CONTEXT), body, key_id, sig);

    buffer_reset(&a->value);
    if (!r)
        r = alert_frame(body, key_id, sig, &a->value);
    /* One order for all of them, so that numbers ascend. */
    return r ? r : outgoing_value(a->o.durable, writes, OUTGOING_ALERTS, TEXT(""), text_bytes(key), buffer_bytes(&a->value));
}

static enum result raise(struct alert_log *a, const struct finding *f)
{
    const struct episode *e = f->episode;
    struct pg_batch *writes = a->writes;
    struct bytes subject = { NULL, 0 };
    struct subject_hash hash;
    struct subject whose;

    if (a->raised == RAISED_MAX)
        return RESULT_TOO_LARGE;
    if (alert_subject(f, &whose)) {
        subject_hash(key_bytes(a->o.keys->lookup), whose, &hash);
        subject = (struct bytes){ hash.bytes, sizeof(hash.bytes) };
    }
    buffer_reset(&a->body);
    enum result r = alert_write(f, a->n + 1, key_bytes(a->o.keys->pseudonym), &a->body);
    if (!r)
        r = pg_add(writes, &RAISE, PG_UUID(&e->alert_id), PG_INT((int64_t)a->n + 1), PG_INT((int64_t)f->record->event.time),
                   PG_TEXT(f->rule->name), PG_BYTES(buffer_bytes(&a->body)),
                   PG_BYTES(((struct bytes){ f->group.bytes, DETECTOR_GROUP_LEN })), PG_INT((int64_t)e->first),
                   PG_INT((int64_t)e->last), PG_INT((int64_t)e->received), PG_INT((int64_t)e->count), PG_BYTES(subject));
    if (!r)
        r = send_body(a, writes, alert_key(f));
    if (r)
        return r;
    a->n++;
    a->raised++;
    a->counted = true;
    log_warn("audit.alert", LOG_TEXT("rule", f->rule->name), LOG_UINT("n", a->n), LOG_UINT("count", e->count));
    return RESULT_OK;
}

static enum result grow(struct continued *c)
{
    size_t cap = c->cap ? c->cap * 2 : 64;
    void *ids = realloc(c->ids, cap * sizeof(*c->ids));
    if (ids)
        c->ids = ids;
    void *bytes = realloc(c->id_bytes, cap * sizeof(*c->id_bytes));
    if (bytes)
        c->id_bytes = bytes;
    void *last = realloc(c->last, cap * sizeof(*c->last));
    if (last)
        c->last = last;
    void *received = realloc(c->received, cap * sizeof(*c->received));
    if (received)
        c->received = received;
    void *count = realloc(c->count, cap * sizeof(*c->count));
    if (count)
        c->count = count;
    if (!ids || !bytes || !last || !received || !count)
        return RESULT_NO_MEMORY;
    c->cap = cap;
    return RESULT_OK;
}

static enum result go_on(struct continued *c, const struct episode *e)
{
    enum result r = c->used == c->cap ? grow(c) : RESULT_OK;

    if (r)
        return r;
    c->ids[c->used] = e->alert_id;
    c->last[c->used] = (int64_t)e->last;
    c->received[c->used] = (int64_t)e->received;
    c->count[c->used++] = (int64_t)e->count;
    return RESULT_OK;
}

static enum result found(void *cookie, const struct finding *f)
{
    struct alert_log *a = cookie;

    return f->raised ? raise(a, f) : go_on(&a->continued, f->episode);
}

static enum result watchdog(struct alert_log *a, struct pg_batch *writes, uint64_t minute)
{
    if (minute <= a->watchdog)
        return RESULT_OK;
    buffer_reset(&a->body);
    enum result r = alert_write_watchdog(a->n, minute, key_bytes(a->o.keys->group), &a->body);
    if (!r)
        r = send_body(a, writes, TEXT(ALERT_WATCHDOG));
    if (r)
        return r;
    a->watchdog = minute;
    a->watchdogs++;
    a->counted = true;
    return RESULT_OK;
}

/* ---- the watch ------------------------------------------------------------------------------------------------- */

static void drop_detector(struct alert_log *a)
{
    if (!a->detector)
        return;
    const struct detector_stats *s = detector_stats(a->detector);
    a->before.hits += s->hits;
    a->before.raised += s->raised;
    a->before.evicted += s->evicted;
    detector_free(a->detector);
    a->detector = NULL;
}

static void begin_transaction(struct alert_log *a)
{
    a->raised = 0;
    a->counted = false;
    a->continued.used = 0;
}

static void forget(void *cookie)
{
    struct alert_log *a = cookie;
    uint8_t seed[16];

    drop_detector(a);
    begin_transaction(a);
    if (a->next_rules) {
        rule_set_free(a->rules);
        a->rules = a->next_rules;
        a->next_rules = NULL;
    }
    entropy_fill(seed, sizeof(seed));
    enum result r = detector_new(a->rules, key_bytes(a->o.keys->group), seed, &a->detector);
    if (r)
        log_error("audit.detector", LOG_RESULT(r));
}

static enum result recall_row(struct alert_log *a, struct pg_batch *b, size_t row)
{
    struct bytes group = pg_bytes(b, 1, row, 1);
    struct group_id id;

    if (group.len != DETECTOR_GROUP_LEN)
        return RESULT_MALFORMED;
    memcpy(id.bytes, group.data, DETECTOR_GROUP_LEN);
    return detector_recall(a->detector, pg_text(b, 1, row, 0), &id, &(struct episode){
        .alert_id = pg_uuid(b, 1, row, 2),
        .first = (uint64_t)pg_int(b, 1, row, 3),
        .last = (uint64_t)pg_int(b, 1, row, 4),
        .received = (uint64_t)pg_int(b, 1, row, 5),
        .count = (uint64_t)pg_int(b, 1, row, 6),
    });
}

static void on_recalled(void *cookie, struct pg_batch *b)
{
    struct alert_log *a = cookie;
    enum result r = pg_outcome(b) == PG_DONE ? RESULT_OK : RESULT_UNAVAILABLE;

    if (!r) {
        a->n = (uint64_t)pg_int(b, 0, 0, 0);
        a->watchdog = (uint64_t)pg_int(b, 0, 0, 1);
        for (size_t i = 0; i < pg_rows(b, 1) && !r; i++)
            r = recall_row(a, b, i);
        if (!r && pg_misread(b))
            r = RESULT_MALFORMED;
    }
    pg_batch_free(b);
    if (r)
        log_error("audit.recall", LOG_RESULT(r));
    a->recalled(a->leader, r);
}

static enum result recall(void *cookie, void (*recalled)(void *leader, enum result r), void *leader)
{
    struct alert_log *a = cookie;
    struct pg_batch *b;
    enum result r = a->detector ? pg_batch_new(1024, &b) : RESULT_NO_MEMORY;

    if (r)
        return r;
    a->recalled = recalled;
    a->leader = leader;
    r = pg_add(b, &STATE);
    if (!r)
        r = pg_add(b, &EPISODES, PG_INT((int64_t)rule_set_reach_ms(a->rules)), PG_INT(RECALL_MAX));
    if (!r)
        r = pg_submit(durable_pg(a->o.durable), b, RECALL_MS, on_recalled, a);
    if (r)
        pg_batch_free(b);
    return r;
}

static uint64_t reach_ms(void *cookie)
{
    const struct alert_log *a = cookie;

    return rule_set_reach_ms(a->rules);
}

static const struct rule_types *wanted(void *cookie)
{
    const struct alert_log *a = cookie;

    return &a->rules->types;
}

static void pass(void *cookie, uint64_t received)
{
    const struct alert_log *a = cookie;

    detector_pass(a->detector, received);
}

static enum result replay(void *cookie, const struct log_record *r)
{
    struct alert_log *a = cookie;

    return detector_replay(a->detector, r);
}

static enum result feed(void *cookie, const struct log_record *r, struct pg_batch *writes)
{
    struct alert_log *a = cookie;

    a->writes = writes;
    enum result e = detector_feed(a->detector, r, found, a);
    return e ? e : watchdog(a, writes, r->received / MINUTE_MS);
}

static enum result settle(void *cookie, struct pg_batch *writes, bool *tells)
{
    struct alert_log *a = cookie;
    struct continued *c = &a->continued;
    enum result r = RESULT_OK;

    for (size_t i = 0; i < c->used; i++)
        c->id_bytes[i] = (struct bytes){ c->ids[i].bytes, sizeof(c->ids[i].bytes) };
    if (c->used > 0)
        r = pg_add(writes, &GO_ON, PG_BYTEAS(c->id_bytes, c->used), PG_INTS(c->last, c->used), PG_INTS(c->received, c->used),
                   PG_INTS(c->count, c->used));
    if (!r && a->counted)
        r = pg_add(writes, &COUNT, PG_INT((int64_t)a->n), PG_INT((int64_t)a->watchdog));
    *tells = a->counted;
    begin_transaction(a);
    return r;
}

static void written(void *cookie)
{
    const struct alert_log *a = cookie;

    durable_wake(a->o.durable);
}

struct watch alert_log_watch(struct alert_log *a)
{
    return (struct watch){ forget, recall, reach_ms, wanted, pass, replay, feed, settle, written, a };
}

void alert_log_adopt(struct alert_log *a, struct rule_set *rules)
{
    rule_set_free(a->next_rules);
    a->next_rules = rules;
}

const struct rule_set *alert_log_rules(const struct alert_log *a)
{
    return a->next_rules ? a->next_rules : a->rules;
}

/* ---- life ------------------------------------------------------------------------------------------------------ */

enum result alert_log_new(const struct alert_log_options *options, struct rule_set *rules, struct alert_log **out)
{
    struct alert_log *a = calloc(1, sizeof(*a));

    if (!a)
        return RESULT_NO_MEMORY;
    a->o = *options;
    a->rules = rules;
    buffer_init(&a->body, ALERT_BODY_MAX);
    buffer_init(&a->value, ALERT_BODY_MAX + 256);
    *out = a;
    return RESULT_OK;
}

void alert_log_free(struct alert_log *a)
{
    if (!a)
        return;
    drop_detector(a);
    rule_set_free(a->rules);
    rule_set_free(a->next_rules);
    free(a->continued.ids);
    free(a->continued.id_bytes);
    free(a->continued.last);
    free(a->continued.received);
    free(a->continued.count);
    buffer_free(&a->body);
    buffer_free(&a->value);
    free(a);
}

static void collect(void *cookie)
{
    struct alert_log *a = cookie;
    const struct detector_stats none = { 0 }, *s = a->detector ? detector_stats(a->detector) : &none;

    a->counters[0] = a->before.hits + s->hits;
    a->counters[1] = a->before.raised + s->raised;
    a->counters[2] = a->before.evicted + s->evicted;
    a->gauges[0] = (double)s->groups;
    a->gauges[1] = (double)s->kept;
    a->gauges[2] = (double)a->rules->rule_count;
}

enum result alert_log_metrics(struct alert_log *a, struct metrics *m)
{
    static const struct {
        const char *name, *help;
    } COUNTERS[] = {
        { "hlidka_audit_rule_hits_total", "Times that a record was counted by a rule." },
        { "hlidka_audit_alerts_total", "Alerts raised." },
        { "hlidka_audit_rule_groups_evicted_total", "Groups given up for want of room, whose alerts may be missed." },
    }, GAUGES[] = {
        { "hlidka_audit_rule_groups", "Groups of all rules that are remembered." },
        { "hlidka_audit_rule_hits_kept", "Hits of all groups that are remembered." },
        { "hlidka_audit_rules", "Rules in force." },
    };
    enum result r = metrics_collector(m, collect, a);

    for (size_t i = 0; i < 3 && !r; i++)
        r = metrics_counter(m, COUNTERS[i].name, COUNTERS[i].help, NULL, &a->counters[i]);
    for (size_t i = 0; i < 3 && !r; i++)
        r = metrics_gauge(m, GAUGES[i].name, GAUGES[i].help, NULL, &a->gauges[i]);
    return r ? r : metrics_counter(m, "hlidka_audit_watchdogs_total", "Watchdog alerts written.", NULL, &a->watchdogs);
}
