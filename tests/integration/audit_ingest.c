/* audit's writer (leader.h, cycle.h, log_store.h) against a real postgres: one at a time, whatever happens. */
#include "audit_scene.h"
#include "clock.h"
#include "log_query.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

DB_TEMPLATE_BEFORE
DB_TEMPLATE_AFTER

TestSuite(audit_ingest, .init = scene_up, .fini = scene_down, .timeout = 60);

/* ---- the tests ------------------------------------------------------------------------------------------------ */

Test(audit_ingest, every_event_is_one_record_with_its_offset)
{
    struct instance a;

    scene_start(&a, 1);
    scene_send_events(1500, "app.test", "u-1");
    cr_assert(scene_run_until(&a, 1, 20000, scene_stored() == 1500));
    scene_assert_sound();
    cr_assert_eq(scene_number("SELECT sum(next)::int8 FROM offsets"), 1500);
    cr_assert_eq(scene_number("SELECT count(*) FROM nodes"), 5);
    cr_assert_eq(scene_number("SELECT count(DISTINCT subject) FROM records WHERE type <> 'log.tick'"), 1);
    scene_stop(&a);
}

Test(audit_ingest, what_comes_again_is_no_second_record)
{
    struct instance a, b;

    scene_start(&a, 1);
    scene_send_events(300, "app.test", "");
    audit_scene.topic.items[0][audit_scene.topic.count[0]++] = audit_scene.topic.items[0][3];       /* within the topic, too */
    cr_assert(scene_run_until(&a, 1, 20000, scene_number("SELECT sum(next)::int8 FROM offsets") == 301));
    scene_stop(&a);

    scene_change("DELETE FROM offsets");                              /* rewound */
    scene_start(&b, 2);
    cr_assert(scene_run_until(&b, 1, 20000, scene_number("SELECT sum(next)::int8 FROM offsets") == 301));
    cr_assert_eq(scene_number("SELECT count(*) FROM records WHERE type <> 'log.tick'"), 300);
    scene_assert_sound();
    scene_stop(&b);
}

Test(audit_ingest, another_body_under_the_same_id_is_one_conflict)
{
    struct instance a;

    scene_start(&a, 1);
    scene_send_events(3, "app.test", "u-1");
    for (unsigned i = 0; i < 3; i++) {
        struct feed_item *item = audit_topic_add(&audit_scene.topic, i, "backend", "app.other", "u-1");
        item->id = audit_scene.topic.items[0][0].id;
        item->body = text_bytes(TEXT("the same other body"));
    }
    (void)audit_topic_add(&audit_scene.topic, 0, "ops", "app.test", "u-1")->id;
    audit_scene.topic.items[0][audit_scene.topic.count[0] - 1].id = audit_scene.topic.items[0][0].id;       /* another source's is another event */
    cr_assert(scene_run_until(&a, 1, 20000, scene_number("SELECT sum(next)::int8 FROM offsets") == 7));
    cr_assert_eq(scene_stored(), 4);
    cr_assert_eq(scene_number("SELECT count(*) FROM records WHERE type = 'log.conflict' AND src = 'audit'"), 1);
    cr_assert_eq(scene_number("SELECT count(*) FROM records WHERE type <> 'log.tick'"), 5);
    scene_assert_sound();
    scene_stop(&a);
}

Test(audit_ingest, one_of_two_writes_and_the_other_takes_over)
{
    struct instance both[2];

    scene_start(&both[0], 1);
    scene_start(&both[1], 2);
    scene_send_events(50, "app.test", "u-1");
    cr_assert(scene_run_until(both, 2, 20000, scene_stored() == 50));
    cr_assert_eq((leader_epoch(both[0].leader) != 0) + (leader_epoch(both[1].leader) != 0), 1);
    struct instance *first = leader_epoch(both[0].leader) ? &both[0] : &both[1], *other = first == both ? &both[1] : both;

    first->paused = true;                                       /* as by SIGSTOP, for longer than its lease */
    int64_t epoch = leader_epoch(first->leader);
    cr_assert(scene_run_until(both, 2, 10000, leader_epoch(other->leader) > epoch));
    scene_send_events(50, "app.test", "u-1");
    cr_assert(scene_run_until(both, 2, 20000, scene_stored() == 100));

    first->paused = false;                                      /* a zombie, with a batch in its hands */
    cr_assert_eq(leader_epoch(first->leader), epoch, "it does not know yet");
    audit_feed_pump(&first->feed);
    cr_assert(first->feed.busy);
    cr_assert(scene_run_until(both, 2, 10000, leader_epoch(first->leader) == 0));
    scene_send_events(50, "app.test", "u-1");
    cr_assert(scene_run_until(both, 2, 20000, scene_stored() == 150));
    cr_assert_eq(scene_number("SELECT count(*) FROM records WHERE type <> 'log.tick'"), 150);
    scene_assert_sound();
    scene_stop(&both[0]);
    scene_stop(&both[1]);
}

/* The batch that comes while the writer asks what the log has to say of itself is not the one it has written then. */
Test(audit_ingest, a_batch_that_comes_in_the_middle_of_something_else_waits_and_is_written)
{
    struct instance a;

    scene_start(&a, 1);
    cr_assert(scene_run_until(&a, 1, 5000, leader_epoch(a.leader) != 0));
    for (unsigned i = 1; i <= 20; i++) {
        (void)scene_run_until(&a, 1, 30, false);
        audit_scene.later_ms += i % 2 ? 700 : 1100;                         /* its own, or the lease, is due at the next tick … */
        scene_send_events(3, "app.test", "u-1");                      /* … which the batch follows at once */
        cr_assert(scene_run_until(&a, 1, 5000, scene_stored() == 3 * i), "round %u: %lld stored", i, (long long)scene_stored());
    }
    scene_assert_sound();
    scene_stop(&a);
}

Test(audit_ingest, a_stopped_writer_gives_its_lease_back)
{
    struct instance a, b;

    scene_start(&a, 1);
    cr_assert(scene_run_until(&a, 1, 5000, leader_epoch(a.leader) != 0));
    scene_stop(&a);
    cr_assert_eq(scene_number("SELECT (until < clock_timestamp())::int::int8 FROM lease"), 1);
    scene_start(&b, 2);
    cr_assert(scene_run_until(&b, 1, 5000, leader_epoch(b.leader) != 0));
    scene_stop(&b);
}

Test(audit_ingest, an_event_that_postgres_refuses_is_found_and_left_out_alone)
{
    struct instance a;

    scene_change("ALTER TABLE records ADD CONSTRAINT poison CHECK (type <> 'app.poison')");
    scene_start(&a, 1);
    scene_send_events(40, "app.test", "u-1");
    (void)audit_topic_add(&audit_scene.topic, 1, "backend", "app.poison", "u-1");
    scene_send_events(41, "app.test", "u-1");
    cr_assert(scene_run_until(&a, 1, 40000, scene_number("SELECT sum(next)::int8 FROM offsets") == (int64_t)scene_sent()));
    cr_assert_eq(scene_stored(), 81);
    cr_assert(scene_run_until(&a, 1, 5000, a.feed.rejected == 1));
    cr_assert_eq(audit_scene.topic.items[1][a.feed.rejected_at].event->type.data[4], 'p');
    scene_assert_sound();
    scene_stop(&a);
}

Test(audit_ingest, postgres_away_for_a_while_loses_and_doubles_nothing)
{
    struct instance a;

    scene_start(&a, 1);
    scene_send_events(600, "app.test", "u-1");
    cr_assert(scene_run_until(&a, 1, 20000, a.feed.batches >= 1));    /* in the middle of it */
    db_server_kill(audit_scene.t.server);
    cr_assert(scene_run_until(&a, 1, 10000, leader_epoch(a.leader) == 0));
    scene_send_events(600, "app.test", "u-1");
    db_server_restart(audit_scene.t.server);
    cr_assert(scene_run_until(&a, 1, 30000, pg_up(audit_scene.t.pg) && leader_epoch(a.leader) != 0));
    cr_assert(scene_run_until(&a, 1, 20000, scene_stored() == 1200));
    cr_assert_eq(scene_number("SELECT count(*) FROM records WHERE type <> 'log.tick'"), 1200);
    scene_assert_sound();
    scene_stop(&a);
}

/* ---- what the log says itself ---- */

Test(audit_ingest, a_number_that_stays_away_is_a_gap_and_a_repeated_one_too)
{
    struct instance a, b;
    static const uint64_t N[] = { 0, 1, 4, 2 };

    scene_start(&a, 1);
    for (size_t i = 0; i < 4; i++) {
        struct feed_item *item = audit_topic_add(&audit_scene.topic, (unsigned)i % 3, "auth", "auth.login", "u-1");
        item->has_n = true;
        item->n = N[i];
    }
    cr_assert(scene_run_until(&a, 1, 20000, scene_stored() == 4));
    scene_stop(&a);

    scene_start(&b, 2);                                               /* who comes next remembers */
    cr_assert(scene_run_until(&b, 1, 5000, leader_epoch(b.leader) != 0));
    audit_scene.later_ms = 50000;                               /* and what all this takes: no minute yet */
    cr_assert_not(scene_run_until(&b, 1, 700, scene_number("SELECT count(*) FROM records WHERE type = 'log.gap'") > 0));
    audit_scene.later_ms = 61000;
    cr_assert(scene_run_until(&b, 1, 5000, scene_number("SELECT count(*) FROM records WHERE type = 'log.gap'") == 1));
    struct feed_item *again = audit_topic_add(&audit_scene.topic, 0, "auth", "auth.login", "u-1");
    again->has_n = true;
    again->n = 1;
    cr_assert(scene_run_until(&b, 1, 5000, scene_number("SELECT count(*) FROM records WHERE type = 'log.gap'") == 2));
    b.feed.gap = true;
    cr_assert(scene_run_until(&b, 1, 5000, scene_number("SELECT count(*) FROM records WHERE type = 'log.gap'") == 3));
    scene_assert_sound();
    scene_stop(&b);
}

Test(audit_ingest, a_source_with_more_instances_than_can_be_counted_holds_nothing_up)
{
    enum { EVENTS = 2 * PRODUCERS_MAX };
    struct instance a;

    for (unsigned i = 0; i < EVENTS; i++) {
        struct feed_item *item = audit_topic_add(&audit_scene.topic, i % AUDIT_FEED_PARTITIONS, "backend", "app.test", "u-1");
        item->has_n = true;
        bytes_put_u32(item->n_instance, i);
    }
    scene_start(&a, 1);
    cr_assert(scene_run_until(&a, 1, 20000, scene_stored() == EVENTS));
    cr_expect_geq(scene_number("SELECT count(*) FROM producers"), PRODUCERS_EACH);
    cr_expect(leader_epoch(a.leader) != 0);
    scene_stop(&a);
}

/* Addresses become longer when they are redacted. */
Test(audit_ingest, events_that_swell_are_taken_in_smaller_batches)
{
    enum { EVENTS = 2048, ATTRS = 16 };
    static const char *const NAMES[ATTRS] = { "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p" };
    static struct scalar_pair attrs[ATTRS];
    struct instance a;

    for (size_t i = 0; i < ATTRS; i++)
        attrs[i] = (struct scalar_pair){ text_of(NAMES[i]), { .type = MP_STR, .str = TEXT(
            "a@b.cz a@b.cz a@b.cz a@b.cz a@b.cz a@b.cz a@b.cz a@b.cz a@b.cz a@b.cz") } };
    for (unsigned i = 0; i < EVENTS; i++) {
        const struct feed_item *item = audit_topic_add(&audit_scene.topic, i % AUDIT_FEED_PARTITIONS, "backend", "app.test", "u-1");
        struct audit_event *e = (struct audit_event *)item->event;
        e->has_attrs = true;
        e->attrs = (struct scalar_map){ attrs, ATTRS };
    }
    scene_start(&a, 1);
    cr_assert(scene_run_until(&a, 1, 30000, scene_stored() == EVENTS));
    scene_assert_sound();
    scene_stop(&a);
}

Test(audit_ingest, notices_and_queries_are_recorded_by_the_writer)
{
    struct scalar_pair attr = { TEXT("reason"), { .type = MP_STR, .str = TEXT("malformed") } };
    struct audit_event e = { .type = TEXT("bus.rejected"), .time = clock_unix_ms(), .outcome = AUDIT_DENIED,
                             .attrs = { &attr, 1 }, .has_attrs = true };
    struct instance a;

    scene_start(&a, 1);
    log_store_notice(&a.store, &e);
    scene_change("INSERT INTO queried VALUES ('ops', 5, 3, 3)");
    cr_assert(scene_run_until(&a, 1, 10000, scene_number("SELECT count(*) FROM records WHERE src = 'audit' AND type <> 'log.tick'") == 2));
    cr_assert_eq(scene_number("SELECT count(*) FROM records WHERE type IN ('bus.rejected', 'audit.queried')"), 2);
    cr_assert_eq(scene_number("SELECT (SELECT count(*) FROM notices) + (SELECT count(*) FROM queried)"), 0);
    scene_assert_sound();
    scene_stop(&a);
}

Test(audit_ingest, too_many_new_subjects_share_the_key_of_their_source)
{
    struct instance a;
    static char users[20][16];

    scene_start(&a, 1);
    for (unsigned i = 0; i < 20; i++) {
        snprintf(users[i], sizeof(users[i]), "u-%u", i);
        (void)audit_topic_add(&audit_scene.topic, 0, "backend", "app.test", users[i]);
    }
    cr_assert(scene_run_until(&a, 1, 20000, scene_stored() == 20));
    /* Five in a minute (six or more if it turned meanwhile), and the source's own. */
    cr_assert_leq(scene_number("SELECT count(*) FROM subjects WHERE kind = 'u'"), 10);
    cr_assert_eq(scene_number("SELECT count(*) FROM subjects WHERE kind = 's'"), 1);
    cr_assert_eq(scene_number("SELECT count(DISTINCT user_hash) FROM records"), 20);
    scene_assert_sound();
    scene_stop(&a);
}

/* ---- what somebody else changed ---- */

struct answer {
    bool over;
    enum store_outcome outcome;
    uint64_t tampered;
    size_t count, erased;
};

static void on_page(void *cookie, enum store_outcome o, const struct page *page)
{
    struct answer *a = cookie;

    a->over = true;
    a->outcome = o;
    a->tampered = page->tampered;
    a->count = page->count;
    for (size_t i = 0; i < page->count; i++)
        a->erased += page->found[i].erased;
}

static struct answer query(struct instance *i)
{
    struct query q = { .to = INT64_MAX, .below = INT64_MAX, .limit = 500, .bytes = 800000 };
    struct answer a = { 0 };

    cr_assert_eq(log_store_query(&i->store, &q, 5000, on_page, &a), RESULT_OK);
    cr_assert(db_run_until(&audit_scene.t.loop, 5000, a.over));
    return a;
}

Test(audit_ingest, one_changed_byte_is_found_and_named)
{
    static const struct {
        const char *change, *back;
    } cases[] = {
        { "UPDATE records SET sealed = set_byte(sealed, 70, get_byte(sealed, 70) # 1) WHERE seq = 7", NULL },
        { "UPDATE records SET hash = set_byte(hash, 0, get_byte(hash, 0) # 1) WHERE seq = 7", NULL },
        { "UPDATE records SET tag = set_byte(tag, 15, get_byte(tag, 15) # 1) WHERE seq = 7", NULL },
        { "UPDATE records SET type = 'app.tess' WHERE seq = 7", "UPDATE records SET type = 'app.test' WHERE seq = 7" },
        { "UPDATE records SET src = 'ops' WHERE seq = 7", "UPDATE records SET src = 'backend' WHERE seq = 7" },
        { "UPDATE records SET time = time + 1 WHERE seq = 7", "UPDATE records SET time = time - 1 WHERE seq = 7" },
        { "UPDATE records SET received = received + 1 WHERE seq = 7", "UPDATE records SET received = received - 1 WHERE seq = 7" },
        { "UPDATE records SET outcome = 1 WHERE seq = 7", "UPDATE records SET outcome = 0 WHERE seq = 7" },
        { "UPDATE subjects SET wrapped = set_byte(wrapped, 30, get_byte(wrapped, 30) # 1)", NULL },
    };
    struct instance a;

    scene_start(&a, 1);
    scene_send_events(20, "app.test", "u-1");
    cr_assert(scene_run_until(&a, 1, 20000, scene_stored() == 20));
    cr_assert_eq(query(&a).count, 20);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        scene_change(cases[i].change);
        struct answer found = query(&a);
        bool of_all = strstr(cases[i].change, "subjects") != NULL;
        cr_assert(found.outcome == STORE_TAMPERED && found.tampered == (of_all ? 19u : 7u), "%s: %llu", cases[i].change,
                  (unsigned long long)found.tampered);
        scene_change(cases[i].back ? cases[i].back : cases[i].change);
        cr_assert_eq(query(&a).outcome, STORE_DONE, "%s", cases[i].change);
    }
    scene_change("DELETE FROM subjects WHERE kind = 'u'");
    struct answer erased = query(&a);
    cr_assert(erased.outcome == STORE_DONE && erased.erased == 20, "who has no key is erased");
    scene_stop(&a);
}

Test(audit_ingest, nobody_writes_on_a_log_that_was_changed)
{
    static const char *const CHANGES[][2] = {
        { "UPDATE records SET hash = set_byte(hash, 0, get_byte(hash, 0) # 1) WHERE seq = 599", NULL },
        { "UPDATE nodes SET hash = set_byte(hash, 0, get_byte(hash, 0) # 1) WHERE index = 1", NULL },
        { "UPDATE log SET roots = set_byte(roots, 40, get_byte(roots, 40) # 1)", NULL },
        { "UPDATE log SET size = size - 1", "UPDATE log SET size = size + 1" },
        { "UPDATE records SET seq = 1000 WHERE seq = 550", "UPDATE records SET seq = 550 WHERE seq = 1000" },
    };
    struct instance a;

    scene_start(&a, 1);
    scene_send_events(600, "app.test", "u-1");
    cr_assert(scene_run_until(&a, 1, 20000, scene_stored() == 600));
    scene_stop(&a);
    for (size_t i = 0; i < sizeof(CHANGES) / sizeof(CHANGES[0]); i++) {
        struct instance b;

        scene_change(CHANGES[i][0]);
        scene_start(&b, 2);
        cr_assert(scene_run_until(&b, 1, 10000, leader_fault(b.leader) != NULL), "%s", CHANGES[i][0]);
        cr_assert_eq(leader_epoch(b.leader), 0);
        scene_stop(&b);
        scene_change(CHANGES[i][1] ? CHANGES[i][1] : CHANGES[i][0]);
        scene_change("UPDATE lease SET until = '-infinity'");
    }
    scene_start(&a, 3);
    cr_assert(scene_run_until(&a, 1, 5000, leader_epoch(a.leader) != 0), "as it was, it is written again");
    scene_stop(&a);
}
