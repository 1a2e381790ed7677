/*
 * While one transaction of audit's writer is on its way the next is composed (leader.h). A transaction is kept on its way by a
 * lock on the records, which what is read meanwhile does not need; then it fails, or nobody learns what became of it.
 */
#include "audit_scene.h"
#include "clock.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

DB_TEMPLATE_BEFORE
DB_TEMPLATE_AFTER

TestSuite(audit_overlap, .init = scene_up, .fini = scene_down, .timeout = 90);

enum { SECOND = FEED_BATCH_MAX / 2 + 50 };      /* events: worth a transaction of their own while another is on its way */

/* ---- a transaction that is kept on its way ----------------------------------------------------------------------- */

static struct pg_txn *holder;

static void on_held(void *cookie, struct pg_txn *txn, struct pg_batch *b)
{
    holder = txn;
    pg_batch_free(b);
    *(bool *)cookie = true;
}

static void on_released(void *cookie, struct pg_batch *b)
{
    cr_assert_eq(pg_outcome(b), PG_DONE);
    pg_batch_free(b);
    *(bool *)cookie = true;
}

/* For seconds if need be: who waits for it has ten (db_pg_test.h), and the bounds below are well within. */
static void hold(const struct pg_statement *how)
{
    struct pg_batch *b = pg_test_batch();
    bool held = false;

    cr_assert_eq(pg_add(b, how), RESULT_OK);
    cr_assert_eq(pg_begin(audit_scene.t.one, b, 5000, on_held, &held), RESULT_OK);
    cr_assert(db_run_until(&audit_scene.t.loop, 5000, held));
    cr_assert(holder);
}

static void release(void)
{
    static const struct pg_statement NOTHING = { "overlap_nothing", "SELECT 1", "" };
    struct pg_batch *b = pg_test_batch();
    bool released = false;

    cr_assert_eq(pg_add(b, &NOTHING), RESULT_OK);
    cr_assert_eq(pg_commit(holder, b, 5000, on_released, &released), RESULT_OK);
    cr_assert(db_run_until(&audit_scene.t.loop, 5000, released));
}

static const struct pg_statement LOCK = { "overlap_lock", "LOCK TABLE records IN SHARE MODE", "" };
static const struct pg_statement TAKEN = { "overlap_taken",
    "UPDATE lease SET epoch = epoch + 1, holder = '00000000-0000-0000-0000-000000000009',"
    " until = clock_timestamp() + interval '2 seconds'", "" };
static const struct pg_statement POISON = { "overlap_poison",
    "ALTER TABLE records ADD CONSTRAINT poison CHECK (type <> 'app.poison') NOT VALID", "" };

/* ---- the two ------------------------------------------------------------------------------------------------------ */

/* It leads, and has nothing of its own to say for this minute. */
static void lead(struct instance *a)
{
    scene_start(a, 1);
    scene_send_events(1, "app.test", "u-first");
    cr_assert(scene_run_until(a, 1, 10000, scene_stored() == 1));
}

/* What has been sent is composed, and on its way. */
static void first_leaves(struct instance *a)
{
    unsigned before = a->feed.batches;

    cr_assert(scene_run_until(a, 1, 4000, a->feed.batches == before + 1 && !a->feed.busy));
    cr_assert_eq(a->feed.least, FEED_BATCH_MAX / 2);
}

/* What has been sent since is composed, and waits. */
static void second_waits(struct instance *a)
{
    cr_assert(scene_run_until(a, 1, 4000, !a->feed.busy && a->feed.least == FEED_BATCH_MAX));
}

static void two_on_their_way(struct instance *a)
{
    lead(a);
    hold(&LOCK);
    scene_send_events(100, "app.test", "u-1");
    first_leaves(a);
    scene_send_events(SECOND, "app.test", "u-2");
    second_waits(a);
    cr_assert_eq(scene_stored(), 1);
}

/* As the feed has been told, which is later than others can see it in the table. */
static int64_t told(const struct instance *a)
{
    int64_t n = 0;

    for (unsigned p = 0; p < AUDIT_FEED_PARTITIONS; p++)
        n += a->feed.stored[p];
    return n;
}

/* All that was sent, once; and whoever comes next finds the tree as the records are. */
static void assert_all_stored(struct instance *a)
{
    struct instance next;

    cr_assert(scene_run_until(a, 1, 30000, scene_stored() == (int64_t)scene_sent()));
    cr_expect_eq(scene_number("SELECT count(*) FROM records WHERE src = 'backend'"), (int64_t)scene_sent());
    cr_expect_eq(scene_number("SELECT sum(next)::int8 FROM offsets"), (int64_t)scene_sent());
    scene_assert_sound();
    scene_stop(a);
    scene_start(&next, 2);
    cr_assert(scene_run_until(&next, 1, 10000, leader_epoch(next.leader) != 0));
    scene_stop(&next);
}

/* ---- the tests ---------------------------------------------------------------------------------------------------- */

Test(audit_overlap, what_is_composed_meanwhile_follows_at_once)
{
    struct instance a;

    two_on_their_way(&a);
    int64_t epoch = leader_epoch(a.leader);
    release();
    cr_assert(scene_run_until(&a, 1, 5000, told(&a) == (int64_t)scene_sent()));
    cr_expect_eq(scene_stored(), (int64_t)scene_sent());
    cr_expect_eq(leader_epoch(a.leader), epoch, "nothing had to begin again");
    cr_expect_eq(a.feed.begun, 1);
    for (unsigned p = 0; p < AUDIT_FEED_PARTITIONS; p++)
        cr_expect_eq(a.feed.stored[p], (int64_t)audit_scene.topic.count[p]);
    assert_all_stored(&a);
}

Test(audit_overlap, where_the_first_is_refused_the_second_is_thrown_away)
{
    struct instance a;

    lead(&a);
    hold(&POISON);
    scene_send_events(40, "app.test", "u-1");
    (void)audit_topic_add(&audit_scene.topic, 1, "backend", "app.poison", "u-1");
    first_leaves(&a);
    scene_send_events(SECOND, "app.test", "u-2");
    second_waits(&a);
    release();
    cr_assert(scene_run_until(&a, 1, 60000, scene_number("SELECT sum(next)::int8 FROM offsets") == (int64_t)scene_sent()));
    cr_expect_eq(scene_stored(), (int64_t)scene_sent() - 1);
    cr_assert(scene_run_until(&a, 1, 5000, a.feed.rejected == 1));
    cr_expect_eq(audit_scene.topic.items[1][a.feed.rejected_at].event->type.data[4], 'p', "the one to blame, and no other");
    scene_assert_sound();
    scene_stop(&a);
}

Test(audit_overlap, where_the_first_is_lost_before_it_commits_both_come_again)
{
    struct instance a;

    two_on_their_way(&a);
    cr_assert(scene_run_until(&a, 1, 4000,
                              scene_number("SELECT count(pg_terminate_backend(pid)) FROM pg_locks WHERE NOT granted") > 0));
    cr_assert(scene_run_until(&a, 1, 5000, leader_epoch(a.leader) == 0));
    cr_expect_eq(scene_stored(), 1);
    release();
    assert_all_stored(&a);
}

#define WAITS_FOR_STANDBY "FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
#define THE_ONE           " AND application_name = 'one'"

static void on_written(void *cookie, struct pg_batch *b)
{
    pg_batch_free(b);
    *(bool *)cookie = true;
}

/*
 * Until nobody's COMMIT is answered any more. The server's own processes hear of the setting each in their time, so somebody
 * writes until it is left waiting, and is ended.
 */
static void hold_answers(void)
{
    static const struct pg_statement WRITE = { "overlap_write", "SELECT pg_logical_emit_message(true, 'overlap', 'written')::text", "" };
    bool written = true;

    scene_change("ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
    scene_change("SELECT count(pg_reload_conf())");
    while (written) {
        struct pg_batch *b = pg_test_batch();
        written = false;
        cr_assert_eq(pg_add(b, &WRITE), RESULT_OK);
        cr_assert_eq(pg_submit(audit_scene.t.one, b, 30000, on_written, &written), RESULT_OK);
        cr_assert(db_run_until(&audit_scene.t.loop, 10000, written || scene_number("SELECT count(*) " WAITS_FOR_STANDBY THE_ONE) > 0));
    }
    scene_change("SELECT count(pg_terminate_backend(pid)) " WAITS_FOR_STANDBY THE_ONE);
    cr_assert(db_run_until(&audit_scene.t.loop, 10000, written));
}

/* The server has committed, and its connection ends before it has said so: a standby that is not there holds up the answer. */
Test(audit_overlap, where_the_first_is_committed_and_nobody_says_so_nothing_comes_twice)
{
    struct instance a;

    lead(&a);
    int64_t epoch = leader_epoch(a.leader);
    hold_answers();
    scene_send_events(100, "app.test", "u-1");
    first_leaves(&a);
    scene_send_events(SECOND, "app.test", "u-2");
    second_waits(&a);
    scene_change("ALTER SYSTEM RESET synchronous_standby_names");
    cr_assert(scene_run_until(&a, 1, 5000, scene_number("SELECT count(pg_terminate_backend(pid)) " WAITS_FOR_STANDBY) > 0));
    scene_change("SELECT count(pg_reload_conf())");
    cr_assert(scene_run_until(&a, 1, 5000, leader_epoch(a.leader) == 0));
    cr_expect_eq(scene_stored(), 101, "the first has been committed, and the second never was");
    cr_assert(scene_run_until(&a, 1, 15000, leader_epoch(a.leader) > epoch));
    assert_all_stored(&a);
}

Test(audit_overlap, where_the_first_finds_the_lease_gone_the_second_is_thrown_away)
{
    struct instance a, b;

    lead(&a);
    hold(&TAKEN);                                               /* the fence of the first waits to see who has it */
    scene_send_events(100, "app.test", "u-1");
    first_leaves(&a);
    scene_send_events(SECOND, "app.test", "u-2");
    second_waits(&a);
    release();
    cr_assert(scene_run_until(&a, 1, 5000, leader_epoch(a.leader) == 0));
    cr_expect_eq(scene_stored(), 1);
    a.paused = true;
    scene_start(&b, 2);
    cr_assert(scene_run_until(&b, 1, 10000, leader_epoch(b.leader) != 0));
    assert_all_stored(&b);
    scene_stop(&a);
}

/* What the first has made, the second finds though it is stored nowhere yet: events, other bodies under their ids, subjects. */
Test(audit_overlap, what_the_first_has_is_known_to_the_second)
{
    struct instance a;
    size_t distinct;

    lead(&a);
    int64_t epoch = leader_epoch(a.leader);
    scene_change("INSERT INTO queried VALUES ('ops', 5, 3, 3)");
    hold(&LOCK);
    scene_send_events(60, "app.test", "u-new");
    struct feed_item *other = audit_topic_add(&audit_scene.topic, 0, "backend", "app.other", "u-new");
    other->id = audit_scene.topic.items[0][5].id;                     /* a conflict within the first, and another with the second */
    distinct = scene_sent() - 1;
    first_leaves(&a);
    for (unsigned i = 0; i < 10; i++)
        audit_scene.topic.items[1][audit_scene.topic.count[1]++] = audit_scene.topic.items[1][i];
    audit_scene.topic.items[0][audit_scene.topic.count[0]++] = *other;
    struct feed_item *another = audit_topic_add(&audit_scene.topic, 2, "backend", "app.another", "u-new");
    another->id = audit_scene.topic.items[2][3].id;
    scene_send_events(SECOND, "app.test", "u-new");
    second_waits(&a);
    release();
    cr_assert(scene_run_until(&a, 1, 10000, scene_number("SELECT sum(next)::int8 FROM offsets") == (int64_t)scene_sent()));
    cr_expect_eq(scene_stored(), (int64_t)distinct + SECOND);
    cr_expect_eq(leader_epoch(a.leader), epoch, "the store had nothing to refuse");
    cr_expect_eq(scene_number("SELECT count(*) FROM records WHERE type = 'log.conflict'"), 2);
    cr_expect_eq(scene_number("SELECT count(*) FROM subjects WHERE kind = 'u'"), 2);
    cr_expect_eq(scene_number("SELECT count(*) FROM records WHERE type = 'audit.queried'"), 1);
    scene_assert_sound();
    scene_stop(&a);
}

/* ---- the end of the process --------------------------------------------------------------------------------------- */

/* Another process's writer, on connections of its own. */
static void lead_until_killed(void)
{
    struct instance a;
    struct pg_options o = { .application_name = "killed", .schema = "hlidka" };
    struct secret *url;
    struct buffer why;

    buffer_init(&why, 1000);
    if (uv_loop_init(&audit_scene.t.loop) || secret_from(db_server_url(audit_scene.t.server), strlen(db_server_url(audit_scene.t.server)), &url))
        _exit(1);
    o.url = url;
    if (pg_open(&audit_scene.t.loop, &o, &audit_scene.t.pg, &why) || !db_run_until(&audit_scene.t.loop, 5000, pg_up(audit_scene.t.pg)))
        _exit(1);
    scene_start(&a, 7);
    (void)scene_run_until(&a, 1, 60000, false);
    _exit(1);
}

Test(audit_overlap, a_writer_that_is_killed_with_two_on_their_way_loses_and_doubles_nothing)
{
    struct instance b;

    scene_send_events(2 * FEED_BATCH_MAX + 500, "app.test", "u-1");
    cr_assert_leq(scene_sent(), (size_t)AUDIT_FEED_PARTITIONS * AUDIT_FEED_EVENTS);
    hold(&LOCK);
    pid_t child = fork();
    if (child == 0)
        lead_until_killed();
    cr_assert_gt(child, 0);
    cr_assert(db_run_until(&audit_scene.t.loop, 8000, scene_number("SELECT count(*) FROM pg_locks WHERE NOT granted") == 1));
    (void)db_run_until(&audit_scene.t.loop, 100, false);              /* the second is composed, or is about to be */
    cr_assert_eq(kill(child, SIGKILL), 0);
    cr_assert_eq(waitpid(child, NULL, 0), child);
    release();
    cr_assert(db_run_until(&audit_scene.t.loop, 5000,
                           scene_number("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'killed'") == 0));
    int64_t stored = scene_stored();                            /* whether the server had been sent all of the first */
    cr_expect(stored == 0 || stored == FEED_BATCH_MAX, "%lld", (long long)stored);
    scene_start(&b, 2);
    assert_all_stored(&b);
}
