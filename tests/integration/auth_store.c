/* Logins, ends of sessions and users on a real postgres, by two instances at once on one bus (people.h). */
#include "auth_scene.h"
#include "clock.h"
#include "people_open.h"

#include <criterion/criterion.h>
#include <stdio.h>

DB_TEMPLATE_BEFORE
DB_TEMPLATE_AFTER

TestSuite(auth_store, .init = auth_scene_open, .fini = auth_scene_close, .timeout = 120);

static void send_login(const struct uuid *id, struct text_pair fields[4], const char *info, int32_t partition)
{
    struct auth_device device = { .type = AUTH_WEB, .info = text_of(info), .id = TEXT("laptop-canary"), .has_ip = true };

    cr_assert_eq(ip_parse(TEXT("192.0.2.77"), &device.ip), RESULT_OK);
    scene_send_login(id, fields, &device, partition);
}

static struct uuid login(const char *person, unsigned age_s, int32_t partition)
{
    struct uuid id = scene_fresh_id();
    struct text_pair fields[4];

    scene_sign(person, age_s, fields);
    send_login(&id, fields, "Firefox", partition);
    return id;
}

#define HALF(column, table, from) "SELECT ('x' || substr(replace(" column "::text, '-', ''), " from ", 16))::bit(64)::bigint FROM " table

/* The only one that there is, as scene_sql() gives numbers: in two halves. */
static struct uuid only(const char *first_half, const char *second_half)
{
    struct uuid id;

    bytes_put_u64(id.bytes, (uint64_t)scene_sql(first_half));
    bytes_put_u64(id.bytes + 8, (uint64_t)scene_sql(second_half));
    return id;
}

static struct text only_user(void)
{
    static char user[UUID_TEXT_LEN + 1];
    struct uuid id = only(HALF("user_id", "users", "1"), HALF("user_id", "users", "17"));

    uuid_format(&id, user);
    return text_of(user);
}

static struct uuid revoke_all(struct text user, int32_t partition)
{
    struct uuid id = scene_fresh_id();
    struct auth_session_revoke_all_request body = { .user_id = user };

    scene_send(&id, "auth.session.revoke_all", &schema_auth_session_revoke_all_request, &body, partition);
    return id;
}

/* ---- logins ------------------------------------------------------------------------------------------------------- */

Test(auth_store, one_proof_makes_one_session_however_many_bring_it)
{
    enum { ROUNDS = 5, COPIES = 8 };

    for (unsigned round = 0; round < ROUNDS; round++) {
        struct uuid ids[COPIES];
        struct text_pair fields[4];
        unsigned made = 0;

        scene_sign("7000000001", round + 1, fields);
        for (int32_t i = 0; i < COPIES; i++) {
            ids[i] = scene_fresh_id();
            send_login(&ids[i], fields, "Firefox", i % FIXTURE_PARTITIONS);
        }
        for (size_t i = 0; i < COPIES; i++) {
            const struct arrived *a = scene_reply(&ids[i], 0);

            made += a->status == 200;
            cr_expect(a->status == 200 || strcmp(a->code, "replayed") == 0, "%lu %s", (unsigned long)a->status, a->code);
        }
        cr_expect_eq(made, 1);
        cr_expect_eq(scene_sql(SCENE_SESSIONS), round + 1);
    }
}

Test(auth_store, a_login_delivered_again_is_the_same_session_and_one_event)
{
    struct uuid id = scene_fresh_id();
    struct text_pair fields[4];

    scene_sign("7000000001", 1, fields);
    for (int32_t p = 0; p < FIXTURE_PARTITIONS; p++)
        send_login(&id, fields, "Firefox", p);
    uint32_t first = scene_reply(&id, 0)->hash;
    cr_expect_eq(scene_reply(&id, 0)->status, 200);
    for (size_t i = 1; i < FIXTURE_PARTITIONS; i++)
        cr_expect_eq(scene_reply(&id, i)->hash, first);
    cr_expect_eq(scene_sql(SCENE_SESSIONS), 1);
    scene_expect_events(1);
}

Test(auth_store, first_logins_at_once_make_one_user)
{
    enum { ROUNDS = 5, LOGINS = 4 };

    for (unsigned round = 0; round < ROUNDS; round++) {
        struct uuid ids[LOGINS];
        char person[24];

        snprintf(person, sizeof(person), "70000001%02u", round);
        for (int32_t i = 0; i < LOGINS; i++)
            ids[i] = login(person, (unsigned)i, i);
        for (size_t i = 0; i < LOGINS; i++)
            cr_expect_eq(scene_reply(&ids[i], 0)->status, 200);
        cr_expect_eq(scene_sql(SCENE_USERS), round + 1);
    }
}

Test(auth_store, no_race_of_logins_passes_the_limit_of_living_sessions)
{
    enum { LOGINS = 24 };
    struct uuid ids[LOGINS];

    for (int32_t i = 0; i < LOGINS; i++)
        ids[i] = login("7000000001", (unsigned)i, i % FIXTURE_PARTITIONS);
    for (size_t i = 0; i < LOGINS; i++)
        cr_expect_eq(scene_reply(&ids[i], 0)->status, 200, "%s", scene_reply(&ids[i], 0)->code);
    cr_expect_eq(scene_sql(SCENE_SESSIONS), LOGINS);
    cr_expect_eq(scene_sql(SCENE_OPEN), SCENE_LIMIT);
    cr_expect_eq(scene_sql("SELECT count(*) FROM sessions WHERE ended_by = 'limit'"), LOGINS - SCENE_LIMIT);
    scene_expect_events(LOGINS + LOGINS - SCENE_LIMIT);
    cr_expect_eq(scene.at[0].changed + scene.at[1].changed, LOGINS - SCENE_LIMIT, "each is forgotten where it was ended");
}

Test(auth_store, who_claims_to_be_somebody_does_not_hold_them_up)
{
    struct uuid first = login("7000000001", 1, 0), id = scene_fresh_id();
    struct text_pair fields[4];

    cr_assert_eq(scene_reply(&first, 0)->status, 200);
    scene_sign("7000000001", 2, fields);
    fields[3].value = TEXT("0000000000000000000000000000000000000000000000000000000000000000");
    scene_hold_users();
    send_login(&id, fields, "Firefox", 1);
    cr_expect_str_eq(scene_reply(&id, 0)->code, "bad_signature", "nor waits for them");
    scene_let_go();
    scene_expect_events(2);
}

Test(auth_store, a_failed_login_is_one_event_however_often_it_is_delivered)
{
    struct uuid id = scene_fresh_id();
    struct text_pair fields[4];

    scene_sign("7000000001", 1, fields);
    fields[1].value = TEXT("Eva");
    for (int32_t p = 0; p < FIXTURE_PARTITIONS; p++)
        send_login(&id, fields, "Firefox", p);
    uint32_t first = scene_reply(&id, 0)->hash;
    cr_expect_str_eq(scene_reply(&id, 0)->code, "bad_signature");
    for (size_t i = 1; i < FIXTURE_PARTITIONS; i++)
        cr_expect_eq(scene_reply(&id, i)->hash, first);
    cr_expect_eq(scene_sql(SCENE_USERS) + scene_sql(SCENE_SESSIONS), 0);
    scene_expect_events(1);
}

Test(auth_store, who_is_disabled_or_deleted_does_not_log_in)
{
    struct uuid id = login("7000000001", 1, 0);

    cr_assert_eq(scene_reply(&id, 0)->status, 200);
    scene_sql("UPDATE users SET disabled = true");
    id = login("7000000001", 2, 1);
    cr_expect_str_eq(scene_reply(&id, 0)->code, "user_disabled");
    scene_sql("UPDATE users SET disabled = false, deleted_at = created_at + interval '1 s'");
    id = login("7000000001", 3, 2);
    cr_expect_str_eq(scene_reply(&id, 0)->code, "user_disabled");
    scene_sql("UPDATE users SET deleted_at = NULL");
    id = login("7000000001", 4, 3);
    cr_expect_eq(scene_reply(&id, 0)->status, 200);
    cr_expect_eq(scene_sql(SCENE_SESSIONS), 2);
}

static bool last_new_device;

static void take_session(const struct uuid *re, struct bytes result)
{
    struct auth_session s;
    struct field_errors errors;
    struct arena arena;

    (void)re;
    arena_init(&arena, NULL, 0, 65536);
    cr_assert_eq(body_decode(&schema_auth_session, result, &arena, &s, &errors), RESULT_OK);
    last_new_device = s.new_device;
    arena_reset(&arena);
}

Test(auth_store, a_device_is_new_when_no_session_of_90_days_had_its_id_or_else_its_type_and_info)
{
    static const struct {
        const char *person;
        enum auth_device_type type;
        const char *info, *id;
        bool aged, is_new;              /* aged: all sessions before were last used 91 days ago */
    } CASES[] = {
        { "71", AUTH_WEB, "Firefox", "one", false, false },     /* the very first login */
        { "71", AUTH_WEB, "Firefox", "one", false, false },
        { "71", AUTH_IOS, "iPhone", "one", false, false },      /* the id alone counts */
        { "71", AUTH_WEB, "Firefox", "two", false, true },
        { "71", AUTH_WEB, "Firefox", NULL, false, false },      /* without one, type and info of any session */
        { "71", AUTH_IOS, "Firefox", NULL, false, true },
        { "71", AUTH_WEB, "Safari", NULL, false, true },
        { "72", AUTH_WEB, "Safari", "one", false, false },      /* somebody else's very first */
        { "72", AUTH_WEB, "Firefox", NULL, false, true },       /* somebody else's device */
        { "71", AUTH_WEB, "Safari", NULL, true, true },
        { "71", AUTH_WEB, "Safari", NULL, false, false },
    };

    scene.f->take_result = take_session;
    for (unsigned i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct auth_device device = { .type = CASES[i].type, .info = text_of(CASES[i].info) };
        struct uuid id = scene_fresh_id();
        struct text_pair fields[4];

        if (CASES[i].id)
            device.id = text_of(CASES[i].id);
        if (CASES[i].aged)
            scene_sql("UPDATE sessions SET created_at = created_at - interval '91 days', last_activity = last_activity - interval '91 days'");
        scene_sign(CASES[i].person, i, fields);
        scene_send_login(&id, fields, &device, (int32_t)(i % FIXTURE_PARTITIONS));
        cr_assert_eq(scene_reply(&id, 0)->status, 200);
        cr_expect_eq(last_new_device, CASES[i].is_new, "case %u", i);
    }
}

/* ---- ends --------------------------------------------------------------------------------------------------------- */

Test(auth_store, a_login_and_revoke_all_happen_in_turn)
{
    enum { ROUNDS = 6, LOGINS = 4 };
    struct uuid first = login("7000000001", 1000, 0);

    cr_assert_eq(scene_reply(&first, 0)->status, 200);
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct uuid ids[LOGINS], all;

        for (int32_t i = 0; i < LOGINS; i++) {
            ids[i] = login("7000000001", round * LOGINS + (unsigned)i, i);
            if (i == 1)
                all = revoke_all(only_user(), (int32_t)(round % FIXTURE_PARTITIONS));
        }
        for (size_t i = 0; i < LOGINS; i++)
            cr_expect_eq(scene_reply(&ids[i], 0)->status, 200);
        cr_expect_eq(scene_reply(&all, 0)->status, 200);
        cr_expect_eq(scene_sql("SELECT count(*) FROM outbox WHERE stream = 'revocations'"), 0, "answered before it was told");
        /* Committed before: ended with it. Committed after: alive, unless the limit took it. */
        cr_expect_eq(scene_sql("SELECT count(*) FROM sessions s WHERE s.ended_at IS NULL AND s.xmin::text::bigint"
                         " < (SELECT max(xmin::text::bigint) FROM sessions WHERE ended_by = 'revoked_all')"), 0);
    }
    struct uuid last = revoke_all(only_user(), 0);
    cr_expect_eq(scene_reply(&last, 0)->status, 200);
    cr_expect_eq(scene_sql(SCENE_OPEN), 0);
}

Test(auth_store, what_has_expired_is_not_revoked_and_is_put_away_by_the_next_login)
{
    struct uuid id = login("7000000001", 1, 0), session;

    cr_assert_eq(scene_reply(&id, 0)->status, 200);
    scene_sql("UPDATE sessions SET created_at = created_at - interval '8 days', last_activity = last_activity - interval '8 days'");
    session = only(HALF("id", "sessions", "1"), HALF("id", "sessions", "17"));
    struct auth_session_revoke_request body = { .user_id = only_user(), .session_id = session };
    id = scene_fresh_id();
    scene_send(&id, "auth.session.revoke", &schema_auth_session_revoke_request, &body, 1);
    cr_expect_eq(scene_reply(&id, 0)->status, 200);
    cr_expect_eq(scene_sql(SCENE_OPEN), 1, "it was not ended once more");
    id = login("7000000001", 2, 2);
    cr_expect_eq(scene_reply(&id, 0)->status, 200);
    cr_expect_eq(scene_sql("SELECT count(*) FROM sessions WHERE ended_by = 'expired'"), 1);
    cr_expect_eq(scene_sql(SCENE_OPEN), 1);
    scene_expect_events(2);
}

/* What another instance has ended and not told yet: answered at once, it would be alive elsewhere after the answer. */
Test(auth_store, logging_out_what_is_dead_waits_until_its_end_has_been_told)
{
    struct uuid id = login("7000000001", 1, 0), session;
    char token[TOKEN_TEXT_LEN + 1];
    uint8_t digest[TOKEN_DIGEST_LEN];

    cr_assert_eq(scene_reply(&id, 0)->status, 200);
    session = only(HALF("id", "sessions", "1"), HALF("id", "sessions", "17"));
    token_make(&session, (const uint8_t *)"thirty-two bytes, known to tests", token, digest);
    scene_sql("UPDATE sessions SET secret_sha256 = sha256('thirty-two bytes, known to tests'), ended_at = now(), ended_by = 'logout'");
    scene_sql("INSERT INTO outbox (stream, user_key, topic, sealed, holder, held_until)"
        " SELECT 'revocations', user_id, 'auth.revocations', '', gen_random_uuid(), now() + interval '1 hour' FROM users");

    struct auth_token_request body = { .token = text_of(token) };
    id = scene_fresh_id();
    scene_send(&id, "auth.session.logout", &schema_auth_token_request, &body, 1);
    fixture_sleep(scene.f, 1000);
    cr_expect_eq(client_replies(&scene.f->backend, &id), 0, "answered before it was told");
    scene_sql("DELETE FROM outbox");
    cr_expect_eq(scene_reply(&id, 0)->status, 200);
}

/* ---- at rest ------------------------------------------------------------------------------------------------------ */

#define HOLDS(column, table, text) "SELECT count(*) FROM " table " WHERE position(convert_to('" text "', 'UTF8') in " column ") > 0"

Test(auth_store, nothing_that_tells_who_it_is_can_be_read_in_the_rows)
{
    struct uuid id = login("7000000123", 1, 0);

    cr_assert_eq(scene_reply(&id, 0)->status, 200);
    cr_expect_eq(scene_sql("SELECT count(*) FROM users u, sessions s, effects e WHERE (u::text || s::text || e::text) ~ "
                     "'7000000123|Jiřina|Firefox|laptop-canary|192.0.2.77|hls_'"), 0);
    cr_expect_eq(scene_sql(HOLDS("telegram_id", "users", "7000000123")), 0);
    cr_expect_eq(scene_sql(HOLDS("device", "sessions", "Firefox")), 0);
    cr_expect_eq(scene_sql(HOLDS("device", "sessions", "laptop-canary")), 0);
    cr_expect_eq(scene_sql(HOLDS("reply", "effects", "hls_")), 0);
    cr_expect_eq(scene_sql("SELECT count(*) FROM users WHERE octet_length(telegram_hash) = 32"), 1);
    cr_expect_eq(scene_sql(SCENE_SESSIONS), 1);
}

static bool purged(struct fixture *fixture, void *cookie)
{
    (void)fixture;
    return scene_sql(SCENE_SESSIONS) == *(int64_t *)cookie;
}

Test(auth_store, sessions_are_forgotten_90_days_after_their_last_use)
{
    struct uuid ids[3];
    int64_t left = 2;

    for (int32_t i = 0; i < 3; i++) {
        ids[i] = login("7000000001", (unsigned)i, i);
        cr_assert_eq(scene_reply(&ids[i], 0)->status, 200);
    }
    /* Two of 100 days ago, which their ids tell; one of them was used since. */
    scene_sql("WITH old AS (SELECT id, row_number() OVER () AS n FROM sessions) UPDATE sessions s"
        " SET id = ('00000000-0000-7000-8000-00000000000' || n)::uuid, created_at = created_at - interval '100 days',"
        " last_activity = CASE WHEN n = 1 THEN last_activity ELSE last_activity - interval '95 days' END"
        " FROM old WHERE old.id = s.id AND n <= 2");
    people_tick(scene.at[0].authn.people, clock_unix_ms());
    cr_expect(fixture_wait(scene.f, purged, &left, 5000), "%ld left", (long)scene_sql(SCENE_SESSIONS));
    fixture_sleep(scene.f, 200);
    cr_expect_eq(scene_sql(SCENE_SESSIONS), 2);
}
