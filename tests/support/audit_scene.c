#include "audit_scene.h"

#include "clock.h"
#include "migrate.h"

#include <criterion/criterion.h>
#include <stdio.h>

struct audit_scene audit_scene;

static uint64_t now_ms(void)
{
    return clock_unix_ms() + audit_scene.later_ms;
}

static uint64_t boot_ms(void)
{
    return clock_boot_ns() / 1000000 + audit_scene.later_ms;
}

/* ---- an instance ---------------------------------------------------------------------------------------------- */

void scene_start(struct instance *i, uint8_t name)
{
    *i = (struct instance){ .store = { .pg = audit_scene.t.pg, .keys = &audit_scene.keys, .self = { { name } } }, .feed = { .topic = &audit_scene.topic } };
    cr_assert_eq(leader_new(&(struct leader_options){ .store = &i->store, .feed = audit_feed_hooks(&i->feed),
                                                      .newcomers_per_minute = 5, .now_ms = now_ms, .boot_ms = boot_ms },
                            &i->leader), RESULT_OK);
    i->feed.leader = i->leader;
}

static void on_stopped(void *cookie)
{
    *(bool *)cookie = true;
}

void scene_stop(struct instance *i)
{
    bool stopped = false;

    leader_stop(i->leader, on_stopped, &stopped);
    cr_assert(db_run_until(&audit_scene.t.loop, 5000, stopped));
    leader_free(i->leader);
}

bool scene_turn(struct instance *instances, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (instances[i].paused)
            continue;
        leader_tick(instances[i].leader);
        audit_feed_pump(&instances[i].feed);
    }
    return false;
}

/* ---- looking -------------------------------------------------------------------------------------------------- */

/* Statements are known to the pool by their address: one for each literal. */
static const struct pg_statement *statement(const char *sql)
{
    static struct pg_statement made[128];
    static char names[128][16];
    static size_t count;

    for (size_t i = 0; i < count; i++)
        if (made[i].sql == sql)
            return &made[i];
    cr_assert_lt(count, 128);
    snprintf(names[count], sizeof(names[0]), "number_%zu", count);
    made[count] = (struct pg_statement){ names[count], sql, "" };
    return &made[count++];
}

int64_t scene_number(const char *sql)
{
    struct pg_batch *b = pg_test_batch();

    cr_assert_eq(pg_add(b, statement(sql)), RESULT_OK);
    cr_assert_eq(pg_test_run(&audit_scene.t, b), PG_DONE, "%s: %s", sql, pg_sqlstate(b));
    int64_t n = pg_rows(b, 0) > 0 ? pg_int(b, 0, 0, 0) : -1;
    pg_batch_free(b);
    return n;
}

void scene_change(const char *sql)
{
    (void)scene_number(sql);
}

int64_t scene_stored(void)
{
    return scene_number("SELECT count(*) FROM seen");
}

size_t scene_sent(void)
{
    return audit_scene.topic.count[0] + audit_scene.topic.count[1] + audit_scene.topic.count[2];
}

void scene_send_events(size_t count, const char *type, const char *user)
{
    for (size_t i = 0; i < count; i++)
        (void)audit_topic_add(&audit_scene.topic, (unsigned)(i % AUDIT_FEED_PARTITIONS), "backend", type, user);
}

void scene_assert_sound(void)
{
    cr_assert_eq(scene_number("SELECT count(*) - coalesce(max(seq) + 1, 0) FROM records"), 0);
    cr_assert_eq(scene_number("SELECT size - (SELECT count(*) FROM records) FROM log"), 0);
    cr_assert_eq(scene_number("SELECT count(*) - size / 256 FROM log, nodes WHERE height = 8 GROUP BY size UNION ALL SELECT 0 LIMIT 1"), 0);
    cr_assert_eq(scene_number("SELECT count(*) FROM records r LEFT JOIN subjects s ON s.id = r.subject WHERE s.id IS NULL"), 0);
}

static void on_migrated(void *cookie, enum result r, unsigned applied, struct text why)
{
    cr_assert_eq(r, RESULT_OK, "%.*s", TEXT_ARG(why));
    (void)applied;
    *(bool *)cookie = true;
}

void scene_up(void)
{
    static const char *const DIRS[] = { "common/db/schema", "services/audit/schema" };
    struct migrations m;
    struct secret *url;
    struct buffer why;
    bool migrated = false;

    pg_test_start(&audit_scene.t);
    buffer_init(&why, 1000);
    cr_assert_eq(secret_from(db_server_url(audit_scene.t.server), strlen(db_server_url(audit_scene.t.server)), &url), RESULT_OK);
    cr_assert_eq(migrations_load(DIRS, 2, &m, &why), RESULT_OK);
    cr_assert_eq(migrate_run(&audit_scene.t.loop, url, "hlidka", &m, 20000, on_migrated, &migrated, &why), RESULT_OK);
    cr_assert(db_run_until(&audit_scene.t.loop, 20000, migrated));
    migrations_free(&m);
    secret_free(url);
    buffer_free(&why);
#define X(name) cr_assert_eq(secret_from("0123456789abcdef-" #name "-0123456789abcdef", 32, &audit_scene.keys.name), RESULT_OK);
    AUDIT_KEY_LIST(X)
#undef X
    memset(audit_scene.topic.count, 0, sizeof(audit_scene.topic.count));
    audit_scene.later_ms = 0;
}

void scene_down(void)
{
    audit_keys_free(&audit_scene.keys);
    pg_test_stop(&audit_scene.t);
}
