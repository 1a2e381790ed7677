/* Logins of a web app on a real postgres, by two instances at once: a proof that may come again. */
#include "auth_scene.h"
#include "clock.h"

#include <criterion/criterion.h>
#include <sodium.h>
#include <stdio.h>

DB_TEMPLATE_BEFORE
DB_TEMPLATE_AFTER

TestSuite(auth_webapp, .init = auth_scene_open, .fini = auth_scene_close, .timeout = 120);

#define ENDED_BY(how) "SELECT count(*) FROM sessions WHERE ended_by = '" how "'"

struct init_data {
    char text[320];
};

static void hmac(const void *key, size_t key_len, const char *text, uint8_t out[32])
{
    crypto_auth_hmacsha256_state state;

    crypto_auth_hmacsha256_init(&state, key, key_len);
    crypto_auth_hmacsha256_update(&state, (const uint8_t *)text, strlen(text));
    crypto_auth_hmacsha256_final(&state, out);
}

/* Of the person 42, as Telegram would have signed it so many seconds ago. */
static struct init_data sign(unsigned age_s)
{
    static uint64_t base_s;
    struct init_data d;
    char signed_text[256], hash[65];
    uint8_t key[32], mac[32];

    if (!base_s)
        base_s = clock_unix_ms() / 1000;
    unsigned long long date = base_s - age_s;
    snprintf(signed_text, sizeof(signed_text), "auth_date=%llu\nquery_id=AAE\nuser={\"id\":42}", date);
    hmac("WebAppData", 10, SCENE_BOT, key);
    hmac(key, sizeof(key), signed_text, mac);
    sodium_bin2hex(hash, sizeof(hash), mac, sizeof(mac));
    snprintf(d.text, sizeof(d.text), "query_id=AAE&user=%%7B%%22id%%22%%3A42%%7D&auth_date=%llu&hash=%s", date, hash);
    return d;
}

static void send_app(const struct uuid *id, const struct init_data *d, int32_t partition)
{
    struct auth_login_telegram_webapp_request body = {
        .init_data = text_of(d->text), .device = { .type = AUTH_TELEGRAM, .info = TEXT("Telegram for Android") } };

    scene_send(id, "auth.login.telegram_webapp", &schema_auth_login_telegram_webapp_request, &body, partition);
}

/* As a client does: on a machine so busy that PostgreSQL does not answer in time it sends the same message again. */
static const char *log_in(const struct init_data *d, int32_t partition)
{
    enum { TRIES = 5 };
    struct uuid id = scene_fresh_id();
    const struct arrived *a = NULL;

    for (size_t i = 0; i < TRIES && (!a || a->status == 503); i++) {
        send_app(&id, d, partition);
        a = scene_reply(&id, i);
    }
    return a->status == 200 ? "ok" : a->code;
}

/* The first login of a user included, when there is no row of theirs to take in turn. */
Test(auth_webapp, one_proof_has_one_living_session_however_many_bring_it)
{
    enum { COPIES = 8, ROUNDS = 3 };

    for (unsigned round = 0; round < ROUNDS; round++) {
        struct init_data d = sign(round);
        struct uuid ids[COPIES];

        for (int32_t i = 0; i < COPIES; i++) {
            ids[i] = scene_fresh_id();
            send_app(&ids[i], &d, i % FIXTURE_PARTITIONS);
        }
        for (size_t i = 0; i < COPIES; i++)
            cr_expect_eq(scene_reply(&ids[i], 0)->status, 200, "%s", scene_reply(&ids[i], 0)->code);
        cr_expect_eq(scene_sql(SCENE_USERS), 1);
        cr_expect_eq(scene_sql(SCENE_OPEN), round + 1, "one of each proof");
        cr_expect_eq(scene_sql(ENDED_BY("replaced")), (round + 1) * (COPIES - 1));
    }
    cr_expect_eq(scene_sql("SELECT count(*) FROM outbox WHERE stream = 'revocations'"), 0, "answered before it was told");
}

Test(auth_webapp, a_login_delivered_again_is_the_same_session_and_replaces_nothing)
{
    struct uuid id = scene_fresh_id();
    struct init_data d = sign(1);

    for (int32_t p = 0; p < FIXTURE_PARTITIONS; p++)
        send_app(&id, &d, p);
    uint32_t first = scene_reply(&id, 0)->hash;
    cr_expect_eq(scene_reply(&id, 0)->status, 200);
    for (size_t i = 1; i < FIXTURE_PARTITIONS; i++)
        cr_expect_eq(scene_reply(&id, i)->hash, first);
    cr_expect_eq(scene_sql(SCENE_SESSIONS), 1);
    scene_expect_events(1);
}

static const struct {
    const char *ended_by, *answer;
} ENDS[] = {
    { "logout", "ok" }, { "expired", "ok" }, { "replaced", "ok" },
    { "revoked", "stale_auth" }, { "revoked_all", "stale_auth" }, { "limit", "stale_auth" },
    { "disabled", "stale_auth" }, { "deleted", "stale_auth" },
};

Test(auth_webapp, a_proof_is_spent_when_its_session_was_revoked_and_by_nothing_else)
{
    for (unsigned i = 0; i < sizeof(ENDS) / sizeof(ENDS[0]); i++) {
        struct init_data d = sign(i);
        char end[128];

        cr_expect_str_eq(log_in(&d, 0), "ok");
        snprintf(end, sizeof(end), "UPDATE sessions SET ended_at = now(), ended_by = '%s' WHERE ended_at IS NULL", ENDS[i].ended_by);
        scene_sql(end);
        cr_expect_str_eq(log_in(&d, 1), ENDS[i].answer, "%s", ENDS[i].ended_by);
        scene_sql("UPDATE sessions SET ended_at = now(), ended_by = 'logout' WHERE ended_at IS NULL");
        cr_expect_str_eq(log_in(&d, 2), ENDS[i].answer, "%s, then a logout", ENDS[i].ended_by);
        scene_sql("UPDATE sessions SET ended_at = now(), ended_by = 'logout' WHERE ended_at IS NULL");
    }
}

#define AUTH_TIME "SELECT (extract(epoch FROM COALESCE(auth_time, created_at)) * 1000)::bigint FROM sessions WHERE ended_at IS NULL"

Test(auth_webapp, a_proof_that_comes_again_shows_no_more_than_it_did_the_first_time)
{
    struct init_data d = sign(1), fresh = sign(0);

    cr_expect_str_eq(log_in(&d, 0), "ok");
    scene_sql("UPDATE sessions SET created_at = created_at - interval '11 min'");
    int64_t first = scene_sql(AUTH_TIME);
    for (int32_t i = 1; i < 4; i++) {
        cr_expect_str_eq(log_in(&d, i), "ok");
        cr_expect_eq(scene_sql(AUTH_TIME), first, "the %dth time", i + 1);
    }
    cr_expect_eq(scene_sql("SELECT count(*) FROM sessions WHERE created_at > now() - interval '5 min'"), 3);
    scene_sql("UPDATE sessions SET ended_at = now(), ended_by = 'logout' WHERE ended_at IS NULL");
    cr_expect_str_eq(log_in(&fresh, 0), "ok");
    cr_expect_gt(scene_sql(AUTH_TIME), first + 600000, "another proof does");
}

Test(auth_webapp, no_proof_from_before_revoke_all_makes_a_session)
{
    struct init_data old = sign(10), same = sign(5), now = sign(0);
    char mark[128];

    cr_expect_str_eq(log_in(&now, 0), "ok");
    snprintf(mark, sizeof(mark), "UPDATE users SET revoked_all_at = to_timestamp(%.10s.999)", strstr(same.text, "auth_date=") + 10);
    scene_sql(mark);
    cr_expect_str_eq(log_in(&old, 1), "stale_auth");
    cr_expect_str_eq(log_in(&same, 2), "ok", "Telegram's date has no more than the second");
    scene_sql("UPDATE users SET revoked_all_at = revoked_all_at + interval '1 ms'");
    scene_sql("UPDATE sessions SET ended_at = now(), ended_by = 'logout' WHERE ended_at IS NULL");
    cr_expect_str_eq(log_in(&same, 3), "stale_auth");
}

Test(auth_webapp, what_is_not_signed_or_of_another_time_makes_nobody)
{
    struct init_data changed = sign(1), stale = sign(86400 + 60);

    *strstr(changed.text, "AAE") = 'B';
    cr_expect_str_eq(log_in(&changed, 0), "bad_signature");
    cr_expect_str_eq(log_in(&stale, 1), "stale_auth");
    cr_expect_str_eq(log_in(&(struct init_data){ "%%%" }, 2), "bad_signature");
    cr_expect_eq(scene_sql(SCENE_USERS) + scene_sql(SCENE_SESSIONS), 0);
    scene_expect_events(3);
}
