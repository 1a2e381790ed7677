/*
 * What the rules raise (alert_log.h) as two instances of audit write it, on one postgres: who is fenced has raised nothing,
 * numbers have no gap, and a row ends with its time and with whom it is about.
 */
#include "alert_list.h"
#include "alert_log.h"
#include "audit_feed.h"
#include "durable_scene.h"
#include "outgoing.h"
#include "rules_file.h"

#include "clock.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#define must(condition) cr_assert(condition, "%s", #condition)
#define DAY_MS "86400000"

DB_TEMPLATE_BEFORE
DB_TEMPLATE_AFTER

static struct durable_scene scene;
static struct audit_keys keys;
static struct audit_topic topic;

/* ---- an instance --------------------------------------------------------------------------------------------------- */

struct instance {
    struct log_store store;
    struct audit_feed feed;
    struct alert_log *alerts;
    struct watch watch;
    struct leader *leader;
    bool paused;                        /* as by SIGSTOP: neither ticks nor is given anything */
};

static struct instance both[2];

static uint64_t boot_ms(void)
{
    return clock_boot_ns() / 1000000;
}

static enum result sign(void *cookie, struct text context, struct bytes body, uint8_t key_id[8], uint8_t sig[64])
{
    (void)cookie;
    (void)context;
    (void)body;
    memset(key_id, 1, 8);
    memset(sig, 2, 64);
    return RESULT_OK;
}

static void start(unsigned i, struct rule_set *rules)
{
    struct instance *in = &both[i];

    *in = (struct instance){
        .store = { .pg = durable_pg(scene.durables[i]), .keys = &keys, .self = *durable_self(scene.durables[i]) },
        .feed = { .topic = &topic },
    };
    must(!alert_log_new(&(struct alert_log_options){ .durable = scene.durables[i], .keys = &keys, .sign = sign }, rules, &in->alerts));
    in->watch = alert_log_watch(in->alerts);
    must(!leader_new(&(struct leader_options){ .store = &in->store, .feed = audit_feed_hooks(&in->feed), .watch = &in->watch,
                                               .newcomers_per_minute = 100, .now_ms = clock_unix_ms, .boot_ms = boot_ms },
                     &in->leader));
    in->feed.leader = in->leader;
}

static void on_stopped(void *cookie)
{
    *(bool *)cookie = true;
}

static bool is_true(struct fixture *f, void *cookie)
{
    (void)f;
    return *(bool *)cookie;
}

static void stop(struct instance *in)
{
    bool stopped = false;

    leader_stop(in->leader, on_stopped, &stopped);
    must(fixture_wait(scene.f, is_true, &stopped, 5000));
    leader_free(in->leader);
    alert_log_free(in->alerts);
}

static void turn(void)
{
    for (unsigned i = 0; i < 2; i++) {
        if (both[i].paused)
            continue;
        leader_tick(both[i].leader);
        audit_feed_pump(&both[i].feed);
    }
    fixture_turn(scene.f);
}

#define run_until(condition, ms)                                                                                   \
    ({                                                                                                             \
        uint64_t end_ = boot_ms() + (ms);                                                                          \
        bool held_ = false;                                                                                        \
        while (!(held_ = (condition)) && boot_ms() < end_)                                                         \
            turn();                                                                                                \
        held_;                                                                                                     \
    })

/* ---- the scene ----------------------------------------------------------------------------------------------------- */

static char *schema(void)
{
    static const char *const FILES[] = { "010_log", "020_alerts", "030_alert_subjects" };
    char *sql = NULL, path[96];
    size_t len;
    FILE *all = open_memstream(&sql, &len);

    must(all);
    for (size_t i = 0; i < sizeof(FILES) / sizeof(FILES[0]); i++) {
        snprintf(path, sizeof(path), "services/audit/schema/%s.sql", FILES[i]);
        FILE *file = fopen(path, "r");
        must(file);
        for (int c; (c = fgetc(file)) != EOF;)
            must(fputc(c, all) != EOF);
        fclose(file);
    }
    must(fclose(all) == 0);
    return sql;
}

static void up(void)
{
    static const char *const STREAMS[] = { OUTGOING_ALERTS, NULL };
    struct rule_set *rules[2];
    struct buffer why;
    char *sql = schema();

    buffer_init(&why, 4096);
    for (unsigned i = 0; i < 2; i++)
        must(!rules_load("config/rules", &rules[i], &why));     /* before the scene has a directory of its own */
    buffer_free(&why);
#define X(name) must(!secret_from("0123456789abcdef-" #name "-0123456789abcdef", 32, &keys.name));
    AUDIT_KEY_LIST(X)
#undef X
    memset(topic.count, 0, sizeof(topic.count));
    durable_scene_open(&scene, STREAMS, sql);                   /* without a bus: the outbox keeps what it is given */
    free(sql);
    for (unsigned i = 0; i < 2; i++)
        start(i, rules[i]);
}

static void down(void)
{
    for (unsigned i = 0; i < 2; i++)
        stop(&both[i]);
    durable_scene_close(&scene);
    audit_keys_free(&keys);
}

TestSuite(audit_alerts, .init = up, .fini = down, .timeout = 90);

#define SQL(text)                                                                                                  \
    ({                                                                                                             \
        static const struct pg_statement s_ = { "test_" NAME_(__COUNTER__), text, "" };                            \
        durable_scene_int(&scene, 0, &s_);                                                                         \
    })
#define NAME_(n) NAME__(n)
#define NAME__(n) #n

static int64_t stored(void)
{
    return SQL("SELECT count(*) FROM seen");
}

static int64_t alerts(void)
{
    return SQL("SELECT count(*) FROM alerts");
}

/* Messages about a user on their way to Kafka, whose key names them; watchdogs are others. */
static int64_t outgoing(void)
{
    return SQL("SELECT count(*) FROM outbox WHERE kafka_key IN ('u-1', 'u-2')");
}

static void fail_logins(unsigned count, const char *user)
{
    for (unsigned i = 0; i < count; i++) {
        struct feed_item *item = audit_topic_add(&topic, 0, "auth", "auth.login", user);
        ((struct audit_event *)item->event)->outcome = AUDIT_FAILURE;
    }
}

static void fail_and_wait(unsigned count, const char *user)
{
    int64_t before = stored();

    fail_logins(count, user);
    must(run_until(stored() == before + count, 20000));
}

/* ---- what must hold ------------------------------------------------------------------------------------------------ */

Test(audit_alerts, who_is_fenced_has_raised_nothing)
{
    fail_and_wait(9, "u-1");
    struct instance *first = leader_epoch(both[0].leader) ? &both[0] : &both[1], *other = first == both ? &both[1] : both;
    int64_t epoch = leader_epoch(first->leader);
    must(epoch > 0 && leader_epoch(other->leader) == 0);

    first->paused = true;                                       /* for longer than its lease */
    must(run_until(leader_epoch(other->leader) > epoch, 15000));
    other->paused = true;

    /* The zombie alone has the tenth failure in its hands, and by all that it knows this is an alert. */
    fail_logins(1, "u-1");
    cr_assert_eq(leader_epoch(first->leader), epoch, "it does not know yet");
    first->paused = false;
    audit_feed_pump(&first->feed);
    must(first->feed.busy);
    must(run_until(leader_epoch(first->leader) == 0, 10000));
    cr_expect_eq(stored(), 9);
    cr_expect_eq(alerts(), 0);
    cr_expect_eq(outgoing(), 0);
    cr_expect_eq(SQL("SELECT n FROM alert_log"), 0);

    /* Whoever leads raises it, once and as number 1. */
    other->paused = false;
    must(run_until(stored() == 10, 20000));
    cr_expect_eq(alerts(), 1);
    cr_expect_eq(outgoing(), 1);
    cr_expect_eq(SQL("SELECT n FROM alert_log"), 1);
    cr_expect_eq(SQL("SELECT n FROM alerts"), 1);
}

Test(audit_alerts, the_next_writer_goes_on_with_numbers_and_episodes)
{
    fail_and_wait(10, "u-1");
    cr_assert_eq(alerts(), 1);
    struct instance *first = leader_epoch(both[0].leader) ? &both[0] : &both[1], *other = first == both ? &both[1] : both;

    first->paused = true;
    must(run_until(leader_epoch(other->leader) > 0, 15000));
    fail_and_wait(5, "u-1");
    cr_expect_eq(alerts(), 1, "the same episode");
    cr_expect_eq(SQL("SELECT count FROM alerts"), 15, "replayed, and gone on with");
    fail_and_wait(10, "u-2");
    cr_expect_eq(alerts(), 2);
    cr_expect_eq(SQL("SELECT max(n) FROM alerts"), 2);
    cr_expect_eq(outgoing(), 2);
    first->paused = false;
    must(run_until(leader_epoch(first->leader) == 0, 10000));
    cr_expect_eq(alerts(), 2);
}

static bool waited(uint64_t ms)
{
    uint64_t end = boot_ms() + ms;

    (void)run_until(boot_ms() >= end, ms + 1000);
    return true;
}

/* Whoever takes over reads what a rule may want, and no more: what it has no use for may even be unreadable. */
Test(audit_alerts, a_take_over_skips_what_no_rule_wants)
{
    int64_t before;

    fail_and_wait(5, "u-1");
    before = stored();
    for (unsigned i = 0; i < 2500; i++)                         /* more than a page */
        (void)audit_topic_add(&topic, 1 + i % 2, "backend", i % 2 ? "app.test" : "auth_login", "u-1");
    must(run_until(stored() == before + 2500, 30000));
    fail_and_wait(4, "u-1");
    struct instance *first = leader_epoch(both[0].leader) ? &both[0] : &both[1], *other = first == both ? &both[1] : both;
    /* Not the newest, which every leader checks. */
    (void)SQL("UPDATE records SET sealed = 'spoilt' WHERE type IN ('app.test', 'auth_login') AND seq < 2000");
    first->paused = true;
    must(run_until(leader_epoch(other->leader) > 0, 15000));
    fail_and_wait(1, "u-1");
    cr_expect_eq(alerts(), 1, "nine before, and the tenth");
    cr_expect_eq(SQL("SELECT count FROM alerts"), 10);
}

Test(audit_alerts, an_alert_is_kept_for_30_days_after_its_last_event)
{
    fail_and_wait(10, "u-1");
    fail_and_wait(10, "u-2");
    cr_assert_eq(alerts(), 2);
    log_store_purge(&both[0].store, clock_unix_ms());
    must(waited(300));
    cr_expect_eq(alerts(), 2);
    /* Raised both long ago; one has gone on, and its episode is still to be recalled by the next writer. */
    (void)SQL("UPDATE alerts SET time = time - 40::int8 * " DAY_MS);
    (void)SQL("UPDATE alerts SET received = received - 30::int8 * " DAY_MS " - 1000 WHERE n = 1");
    (void)SQL("UPDATE alerts SET received = received - 30::int8 * " DAY_MS " + 60000 WHERE n = 2");
    log_store_purge(&both[0].store, clock_unix_ms());
    must(waited(300));
    cr_expect_eq(alerts(), 1);
    cr_expect_eq(SQL("SELECT n FROM alerts"), 2);
}

static struct alert_page listed;

static void on_listed(void *cookie, enum store_outcome o, const struct alert_page *page)
{
    cr_expect_eq(o, STORE_DONE);
    listed = *page;
    *(bool *)cookie = true;
}

static void list_below(uint64_t below)
{
    bool over = false;
    struct alert_query q = { .from = 0, .to = INT64_MAX, .below = below, .limit = 10, .bytes = 100000 };

    must(!alert_list_read(&both[0].store, &q, 5000, on_listed, &over));
    must(fixture_wait(scene.f, is_true, &over, 5000));
}

Test(audit_alerts, who_is_erased_is_erased_from_the_alerts_too)
{
    fail_and_wait(10, "u-1");
    fail_and_wait(10, "u-2");
    cr_assert_eq(alerts(), 2);
    list_below(2);
    cr_expect(listed.count == 1 && !listed.lost);
    list_below(1);
    cr_expect(listed.count == 0 && !listed.lost, "the end");
    /* What erasing a subject comes to. */
    (void)SQL("DELETE FROM subjects WHERE hash = (SELECT subject FROM alerts WHERE n = 1)");
    cr_expect_eq(SQL("SELECT count(*) FROM subjects"), 1, "the hash is the one by which the user is found");
    cr_expect_eq(alerts(), 1);
    cr_expect_eq(SQL("SELECT n FROM alerts"), 2);
    list_below(1);
    cr_expect(listed.lost, "a page that followed an alert which is gone is not taken for the end");
    list_below(INT64_MAX);
    cr_expect(listed.count == 1 && !listed.lost);
}

/* ---- two transactions on their way -------------------------------------------------------------------------------- */

static struct pg_txn *holder;

static void on_held(void *cookie, struct pg_txn *txn, struct pg_batch *b)
{
    holder = txn;
    pg_batch_free(b);
    *(bool *)cookie = true;
}

/* Nine failures lie in a transaction that waits for a lock, and the tenth in the one that is composed behind it. */
static void reach_ten_across_two(struct instance *in)
{
    static const struct pg_statement LOCK = { "test_lock", "LOCK TABLE records IN SHARE MODE", "" };
    static const struct pg_statement STAY = { "test_stay", "SET LOCAL idle_in_transaction_session_timeout = 0", "" };
    struct pg_batch *b;
    bool held = false;
    unsigned batches = in->feed.batches;

    must(!pg_batch_new(1000, &b) && !pg_add(b, &LOCK) && !pg_add(b, &STAY) && !pg_begin(in->store.pg, b, 3000, on_held, &held));
    must(fixture_wait(scene.f, is_true, &held, 3000) && holder);
    fail_logins(9, "u-1");
    must(run_until(in->feed.batches == batches + 1 && !in->feed.busy, 4000));
    fail_logins(1, "u-1");
    for (unsigned i = 0; i < FEED_BATCH_MAX / 2; i++)
        (void)audit_topic_add(&topic, 1, "backend", "app.test", "u-3");
    must(run_until(!in->feed.busy && in->feed.least == FEED_BATCH_MAX, 4000));
    cr_assert_eq(alerts(), 0);
}

static struct instance *leads_and_has_written(void)
{
    fail_and_wait(1, "u-2");
    struct instance *in = leader_epoch(both[0].leader) ? &both[0] : &both[1];

    both[in == both].paused = true;
    return in;
}

static void assert_one_alert(void)
{
    must(run_until(stored() == 11 + FEED_BATCH_MAX / 2, 20000));
    cr_expect_eq(alerts(), 1);
    cr_expect_eq(outgoing(), 1);
    cr_expect_eq(SQL("SELECT count FROM alerts"), 10);
    cr_expect_eq(SQL("SELECT n FROM alert_log"), 1);
}

Test(audit_alerts, what_one_transaction_has_counted_counts_for_the_one_that_is_composed_behind_it)
{
    struct instance *in = leads_and_has_written();
    int64_t epoch = leader_epoch(in->leader);

    reach_ten_across_two(in);
    pg_rollback(holder);
    assert_one_alert();
    cr_expect_eq(leader_epoch(in->leader), epoch);
}

Test(audit_alerts, an_alert_of_a_transaction_that_is_thrown_away_is_raised_by_the_next)
{
    struct instance *in = leads_and_has_written();

    reach_ten_across_two(in);
    must(run_until(SQL("SELECT count(pg_terminate_backend(pid)) FROM pg_locks WHERE NOT granted") > 0, 4000));
    must(run_until(leader_epoch(in->leader) == 0, 5000));
    cr_expect_eq(alerts(), 0);
    cr_expect_eq(outgoing(), 0);
    pg_rollback(holder);
    assert_one_alert();
}
