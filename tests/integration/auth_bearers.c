/* What introspection asks of PostgreSQL (store_bearers.c, store_reuse.c), on a real one. */
#include "db_pg_test.h"
#include "durable_internal.h"
#include "entropy.h"
#include "migrate.h"
#include "store_bearers.h"
#include "store_people.h"
#include "store_reuse.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#define NOW UINT64_C(1700000000000)
#define MINUTE_MS UINT64_C(60000)
#define HOUR_MS (60 * MINUTE_MS)

DB_TEMPLATE_BEFORE
DB_TEMPLATE_AFTER

static struct pg_test t;
static struct durable durable;          /* the pool and the keys of it: nothing here is relayed */
static struct people people;
static struct store_bearers bearers;
static struct store_reuse reuse;

static void on_migrated(void *cookie, enum result r, unsigned applied, struct text why)
{
    (void)applied;
    cr_assert(!r, "%.*s", TEXT_ARG(why));
    *(bool *)cookie = true;
}

static void migrate(void)
{
    struct migrations m;
    struct secret *url;
    struct buffer why;
    bool over = false;

    buffer_init(&why, 1000);
    cr_assert(!migrations_load((const char *[]){ "common/db/schema", "services/auth/schema" }, 2, &m, &why));
    cr_assert(!secret_from(db_server_url(t.server), strlen(db_server_url(t.server)), &url));
    cr_assert(!migrate_run(&t.loop, url, "hlidka", &m, 20000, on_migrated, &over, &why));
    cr_assert(db_run_until(&t.loop, 30000, over));
    secret_free(url);
    migrations_free(&m);
    buffer_free(&why);
}

static void up(void)
{
    uint8_t key[32] = { 7 };

    cr_assert(!entropy_start());
    pg_test_start(&t);
    migrate();
    durable = (struct durable){ .pg = t.pg, .options.schema = "auth" };
    cr_assert(!secret_from(key, sizeof(key), &durable.rows));
    people = (struct people){ .options.durable = &durable };
    cr_assert(!columns_new((struct bytes){ key, sizeof(key) }, &people.columns));
    store_bearers_init(&bearers, &people, 2000);
    store_reuse_init(&reuse, &durable, 2000);
}

static void down(void)
{
    columns_free(people.columns);
    secret_free(durable.rows);
    pg_test_stop(&t);
}

TestSuite(auth_bearers, .init = up, .fini = down, .timeout = 120);

/* ---- people and sessions ---- */

static struct uuid id_of(uint32_t n)
{
    struct uuid id = { { 0 } };

    bytes_put_u32(id.bytes, n);
    return id;
}

static void run(struct pg_batch *b)
{
    enum pg_outcome outcome = pg_test_run(&t, b);

    cr_assert_eq(outcome, PG_DONE, "%s %s %s", pg_outcome_text(outcome), pg_sqlstate(b), pg_constraint(b));
    pg_batch_free(b);
}

static void add_user(const char *user, const char *telegram_id, const char *sealed_for, const char *roles)
{
    static const struct pg_statement ADD = { "add_user",
        "INSERT INTO users (user_id, telegram_hash, telegram_id, roles, tier, created_at) VALUES ($1, $2, $3, $4::text[], 'premium', $5)",
        "tbbtm" };
    struct pg_batch *b = pg_test_batch();
    uint8_t hash[32] = { 0 };
    struct buffer sealed;

    buffer_init(&sealed, 256);
    snprintf((char *)hash, sizeof(hash), "%s", user);
    if (telegram_id)
        cr_assert(!telegram_id_seal(&people, text_of(sealed_for), text_of(telegram_id), &sealed));
    cr_assert(!pg_add(b, &ADD, PG_TEXT(text_of(user)), PG_BYTES(((struct bytes){ telegram_id ? hash : NULL, 32 })),
                      PG_BYTES(((struct bytes){ telegram_id ? sealed.data : NULL, sealed.len })), PG_TEXT(text_of(roles)), PG_TIME_MS(NOW)));
    run(b);
    buffer_free(&sealed);
}

static void add_session(uint32_t n, const char *user, const char *device)
{
    static const struct pg_statement ADD = { "add_session",
        "INSERT INTO sessions (id, user_id, secret_sha256, login_method, login_hash, device_type, device, device_info_hash, "
        "created_at, last_activity) VALUES ($1, $2, $3, 'telegram_widget', $3, $4, $5, $3, $6, $6)", "utbtbm" };
    struct pg_batch *b = pg_test_batch();
    struct uuid id = id_of(n);
    uint8_t hash[32] = { (uint8_t)n, (uint8_t)(n >> 8), 1 }, device_sealed[64] = { 0 };

    cr_assert(!pg_add(b, &ADD, PG_UUID(&id), PG_TEXT(text_of(user)), PG_BYTES(((struct bytes){ hash, 32 })), PG_TEXT(text_of(device)),
                      PG_BYTES(((struct bytes){ device_sealed, sizeof(device_sealed) })), PG_TIME_MS(NOW)));
    run(b);
}

static void change(const struct pg_statement *s, uint32_t n)
{
    struct pg_batch *b = pg_test_batch();
    struct uuid id = id_of(n);

    cr_assert(!pg_add(b, s, PG_UUID(&id)));
    run(b);
}

static const struct pg_statement END = { "end", "UPDATE sessions SET ended_at = created_at, ended_by = 'revoked' WHERE id = $1", "u" };

/* ---- readings ---- */

struct read {
    bool over, answered;
    bool there[BEARER_BATCH], unreadable[BEARER_BATCH];
    struct known_session row[BEARER_BATCH];
    char text[BEARER_BATCH][512];       /* user_id telegram_id tier role role … */
    uint8_t former[BEARER_BATCH];       /* the first byte of the digest of the token before the last one */
    size_t count;
};

static void on_rows(void *cookie, const struct known_session *const *rows)
{
    struct read *r = cookie;

    r->over = true;
    r->answered = rows != NULL;
    for (size_t i = 0; rows && i < r->count; i++) {
        r->unreadable[i] = rows[i] == &bearer_unreadable;
        r->there[i] = rows[i] && !r->unreadable[i];
        if (!r->there[i])
            continue;
        const struct auth_session_introspect_result *s = &rows[i]->shown;
        r->row[i] = *rows[i];
        r->former[i] = rows[i]->former.len > TOKEN_HEAD_LEN ? rows[i]->former.data[TOKEN_HEAD_LEN] : 0;
        int used = snprintf(r->text[i], sizeof(r->text[i]), "%.*s|%.*s|%.*s", TEXT_ARG(s->user_id), TEXT_ARG(s->telegram_id), TEXT_ARG(s->tier));
        for (size_t j = 0; j < s->roles.count; j++)
            used += snprintf(r->text[i] + used, sizeof(r->text[i]) - (size_t)used, "|%.*s", TEXT_ARG(s->roles.items[j]));
    }
}

static const struct read *read_all(const uint32_t *ns, size_t count)
{
    static struct read r;
    struct uuid ids[BEARER_BATCH];

    memset(&r, 0, sizeof(r));
    r.count = count;
    for (size_t i = 0; i < count; i++)
        ids[i] = id_of(ns[i]);
    cr_assert(!bearers.store.read(&bearers.store, ids, count, on_rows, &r));
    cr_assert(db_run_until(&t.loop, 5000, r.over));
    return &r;
}

static const struct read *read_one(uint32_t n)
{
    return read_all(&n, 1);
}

Test(auth_bearers, a_row_says_all_that_is_stored)
{
    add_user("u-1", "12345678", "u-1", "{admin,\"with \\\"quotes\\\", commas\",\"\xc5\x99\"}");
    add_user("u-2", NULL, NULL, "{}");
    add_session(1, "u-1", "telegram");
    add_session(2, "u-2", "web");
    const struct read *r = read_all((const uint32_t[]){ 2, 9, 1 }, 3);
    cr_assert(r->answered);
    cr_expect(r->there[0] && !r->there[1] && !r->unreadable[1] && r->there[2]);
    cr_expect_str_eq(r->text[0], "u-2||premium");
    cr_expect_str_eq(r->text[2], "u-1|12345678|premium|admin|with \"quotes\", commas|\xc5\x99");
    const struct known_session *s = &r->row[2];
    cr_expect_eq(memcmp(&s->life.id, &(struct uuid){ { 0, 0, 0, 1 } }, 16), 0);
    cr_expect_eq(s->digest[0], 1);
    cr_expect(s->life.device == DEVICE_TELEGRAM && s->shown.device_type == AUTH_TELEGRAM);
    cr_expect(s->life.created_ms == NOW && s->life.active_ms == NOW && !s->life.ended);
    cr_expect(s->shown.created_at == NOW && s->shown.auth_time == NOW && s->shown.aal == 1 && !s->shown.has_aal2_time);
}

static const struct pg_statement RISE = { "rise",
    "UPDATE sessions SET aal = 2, aal2_time = created_at, former = decode(repeat('07', 8) || repeat('09', 8), 'hex') WHERE id = $1", "u" };
static const struct pg_statement ENROL = { "enrol",
    "INSERT INTO second_factors (user_id, totp_attempts, backup_attempts, totp_locked) SELECT user_id, decode(repeat('00', 56), 'hex'),"
    " decode(repeat('00', 56), 'hex'), true FROM sessions WHERE id = $1", "u" };

Test(auth_bearers, a_row_says_what_the_second_factor_has_made_of_it)
{
    add_user("u-1", "42", "u-1", "{}");
    add_session(1, "u-1", "web");
    const struct read *r = read_one(1);
    cr_expect(r->there[0] && !r->row[0].locked_out && !r->row[0].former.data && r->row[0].shown.aal == 1);
    change(&RISE, 1);
    change(&ENROL, 1);
    r = read_one(1);
    cr_assert(r->there[0]);
    cr_expect(r->row[0].locked_out && r->row[0].shown.aal == 2 && r->row[0].shown.aal2_time == NOW);
    cr_expect_eq(r->former[0], 9);
}

static const struct {
    struct pg_statement change;
    bool locked_out;
} WAYS[] = {
    { { "code", "INSERT INTO backup_codes SELECT user_id, decode(repeat('01', 32), 'hex') FROM sessions WHERE id = $1", "u" }, false },
    { { "used", "UPDATE backup_codes SET used_at = now() WHERE user_id = (SELECT user_id FROM sessions WHERE id = $1)", "u" }, true },
    { { "more", "INSERT INTO backup_codes SELECT user_id, decode(repeat('02', 32), 'hex') FROM sessions WHERE id = $1", "u" }, false },
    { { "lock", "UPDATE second_factors SET backup_locked = true WHERE user_id = (SELECT user_id FROM sessions WHERE id = $1)", "u" }, true },
    { { "mend", "UPDATE second_factors SET totp_locked = false WHERE user_id = (SELECT user_id FROM sessions WHERE id = $1)", "u" }, false },
};

Test(auth_bearers, who_has_a_backup_code_left_is_not_locked_out)
{
    add_user("u-1", NULL, NULL, "{}");
    add_session(1, "u-1", "web");
    change(&ENROL, 1);
    for (size_t i = 0; i < sizeof(WAYS) / sizeof(WAYS[0]); i++) {
        change(&WAYS[i].change, 1);
        cr_expect_eq(read_one(1)->row[0].locked_out, WAYS[i].locked_out, "%s", WAYS[i].change.name);
    }
}

Test(auth_bearers, whoever_has_ended_in_whatever_way_is_dead)
{
    static const struct pg_statement CASES[] = {
        { "end_session", "UPDATE sessions SET ended_at = created_at, ended_by = 'revoked' WHERE id = $1", "u" },
        { "disable", "UPDATE users SET disabled = true WHERE user_id = (SELECT user_id FROM sessions WHERE id = $1)", "u" },
        { "delete", "UPDATE users SET deleted_at = created_at WHERE user_id = (SELECT user_id FROM sessions WHERE id = $1)", "u" },
    };

    for (uint32_t i = 0; i < 3; i++) {
        char user[8];
        snprintf(user, sizeof(user), "u-%u", i);
        add_user(user, NULL, NULL, "{}");
        add_session(i, user, "web");
        cr_expect_not(read_one(i)->row[0].life.ended);
        change(&CASES[i], i);
        cr_expect(read_one(i)->row[0].life.ended, "case %u", i);
    }
}

Test(auth_bearers, a_row_that_was_tampered_with_is_not_answered_from_and_the_others_are)
{
    add_user("u-1", "111", "u-1", "{}");
    add_user("u-2", "111", "u-1", "{}");        /* moved from the other's row */
    add_session(1, "u-1", "web");
    add_session(2, "u-2", "web");
    const struct read *r = read_all((const uint32_t[]){ 2, 1 }, 2);
    cr_expect(r->unreadable[0] && r->there[1]);
    cr_expect_eq(bearers.unreadable, 1);
}

Test(auth_bearers, a_whole_batch_is_read_at_once)
{
    uint32_t ns[BEARER_BATCH];

    add_user("u-1", "12345", "u-1", "{a}");
    for (uint32_t i = 0; i < BEARER_BATCH; i++) {
        ns[i] = i * 3;
        if (i % 2 == 0)
            add_session(ns[i], "u-1", "web");
    }
    const struct read *r = read_all(ns, BEARER_BATCH);
    for (uint32_t i = 0; i < BEARER_BATCH; i++)
        cr_assert_eq(r->there[i], i % 2 == 0, "%u", i);
    cr_expect_eq(r->row[254].digest[0], (uint8_t)(254 * 3));
}

/* ---- touches ---- */

static void set_flag(void *cookie)
{
    *(bool *)cookie = true;
}

static void touch_at(uint32_t n, uint64_t at_ms)
{
    struct touch touch = { id_of(n), at_ms };
    bool over = false;

    cr_assert(!bearers.store.touch(&bearers.store, &touch, 1, set_flag, &over));
    cr_assert(db_run_until(&t.loop, 5000, over));
}

Test(auth_bearers, a_touch_goes_forward_by_a_minute_or_not_at_all)
{
    static const struct {
        uint64_t at_ms, active_ms;
    } CASES[] = {
        { NOW + MINUTE_MS - 1, NOW },
        { NOW + MINUTE_MS, NOW + MINUTE_MS },
        { NOW + 2 * MINUTE_MS - 1, NOW + MINUTE_MS },
        { NOW - HOUR_MS, NOW + MINUTE_MS },
        { NOW + HOUR_MS, NOW + HOUR_MS },
    };

    add_user("u-1", NULL, NULL, "{}");
    add_session(1, "u-1", "web");
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        touch_at(1, CASES[i].at_ms);
        cr_expect_eq(read_one(1)->row[0].life.active_ms, CASES[i].active_ms, "case %zu", i);
    }
}

Test(auth_bearers, a_touch_wakes_nobody)
{
    add_user("u-1", NULL, NULL, "{}");
    add_session(1, "u-1", "web");
    change(&END, 1);
    touch_at(1, NOW + HOUR_MS);
    cr_expect(read_one(1)->row[0].life.ended);
    cr_expect_eq(read_one(1)->row[0].life.active_ms, NOW);
    touch_at(77, NOW);
    cr_expect_not(read_one(77)->there[0]);
}

static void on_locked(void *cookie, struct pg_txn *txn, struct pg_batch *b)
{
    *(struct pg_txn **)cookie = txn;
    pg_batch_free(b);
}

Test(auth_bearers, a_touch_does_not_wait_for_whoever_holds_the_row)
{
    static const struct pg_statement LOCK = { "hold", "SELECT 1 FROM sessions WHERE id = $1 FOR UPDATE", "u" };
    static const struct pg_statement FREE = { "free", "SELECT 1 FROM sessions WHERE id = $1 FOR UPDATE SKIP LOCKED", "u" };
    struct pg_batch *b = pg_test_batch();
    struct pg_txn *txn = NULL;
    struct uuid id = id_of(1);

    add_user("u-1", NULL, NULL, "{}");
    add_session(1, "u-1", "web");
    cr_assert(!pg_add(b, &LOCK, PG_UUID(&id)));
    cr_assert(!pg_begin(t.one, b, 2000, on_locked, &txn));
    cr_assert(db_run_until(&t.loop, 5000, txn));
    touch_at(1, NOW + HOUR_MS);
    b = pg_test_batch();
    cr_assert(!pg_add(b, &FREE, PG_UUID(&id)));
    cr_assert_eq(pg_test_run(&t, b), PG_DONE);
    cr_expect_eq(pg_rows(b, 0), 0, "it did not wait: the row is held still");
    pg_batch_free(b);
    pg_rollback(txn);
    b = pg_test_batch();
    cr_assert(!pg_add(b, &LOCK, PG_UUID(&id)));
    cr_assert_eq(pg_test_run_on(&t, t.one, b), PG_DONE);    /* behind the ROLLBACK: nobody holds the row any more */
    pg_batch_free(b);
    cr_expect_eq(read_one(1)->row[0].life.active_ms, NOW, "and is lost");
    touch_at(1, NOW + HOUR_MS);
    cr_expect_eq(read_one(1)->row[0].life.active_ms, NOW + HOUR_MS);
}

/* ---- dead tokens ---- */

static int64_t number(const struct pg_statement *s)
{
    struct pg_batch *b = pg_test_batch();

    cr_assert(!pg_add(b, s));
    cr_assert_eq(pg_test_run(&t, b), PG_DONE);
    int64_t n = pg_int(b, 0, 0, 0);
    pg_batch_free(b);
    return n;
}

static const struct pg_statement EVENTS = { "events", "SELECT count(*) FROM outbox WHERE stream = 'events' AND user_key = 'u-1'", "" };
static const struct pg_statement UNTOLD = { "untold", "SELECT sum(reused_count) FROM sessions", "" };

static void note(uint32_t n, uint64_t at_ms, uint64_t count)
{
    struct reuse r = { .session = id_of(n), .user_id = "u-1", .count = count, .last_ms = at_ms };

    store_reuse_tell(&reuse, &r);
}

Test(auth_bearers, a_dead_token_is_one_event_an_hour_whichever_instance_says_so)
{
    add_user("u-1", NULL, NULL, "{}");
    add_session(1, "u-1", "web");
    add_session(2, "u-1", "web");
    for (unsigned i = 0; i < 5; i++)
        note(1, NOW + i * MINUTE_MS, 1);
    cr_assert(db_run_until(&t.loop, 5000, reuse.told == 5));
    cr_expect_eq(number(&EVENTS), 1);
    cr_expect_eq(number(&UNTOLD), 4);
    note(2, NOW + MINUTE_MS, 1);
    note(1, NOW + HOUR_MS, 3);
    cr_assert(db_run_until(&t.loop, 5000, reuse.told == 7));
    cr_expect_eq(number(&EVENTS), 3, "another session, and another hour");
    cr_expect_eq(number(&UNTOLD), 0);
    cr_expect_eq(reuse.lost, 0);
}

Test(auth_bearers, of_too_many_dead_tokens_some_are_lost_and_counted)
{
    add_user("u-1", NULL, NULL, "{}");
    for (uint32_t i = 0; i < STORE_REUSE_WAITING + 50; i++)
        note(1000 + i, NOW, 1);
    cr_expect_eq(reuse.lost, 50);
    cr_assert(db_run_until(&t.loop, 60000, reuse.count == 0));
    cr_expect_eq(reuse.lost, STORE_REUSE_WAITING + 50, "none of these sessions is there");
    add_session(1, "u-1", "web");
    note(1, NOW, 1);
    cr_assert(db_run_until(&t.loop, 5000, reuse.told == 1));
}
