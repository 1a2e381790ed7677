/* The second factor on a real postgres, by two instances at once (people_factor.h). */
#include "attempts.h"
#include "auth_scene.h"
#include "clock.h"
#include "totp.h"

#include <criterion/criterion.h>
#include <stdio.h>

DB_TEMPLATE_BEFORE
DB_TEMPLATE_AFTER

/* ---- what clients got -------------------------------------------------------------------------------------------- */

struct phone {                          /* an authenticator app */
    uint8_t secret[TOTP_SECRET_LEN];
};

static char tokens[16][TOKEN_TEXT_LEN + 1], codes[10][20];
static struct phone phone;
static char verdict[40];
static const struct schema *awaited;
static unsigned slot;

static void keep_token(struct text token)
{
    snprintf(tokens[slot], sizeof(tokens[0]), "%.*s", TEXT_ARG(token));
}

static void keep_codes(const struct text *items, size_t count)
{
    for (size_t i = 0; i < count && i < 10; i++)
        snprintf(codes[i], sizeof(codes[0]), "%.*s", TEXT_ARG(items[i]));
}

static void read_secret(struct text base32)
{
    static const char ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    uint64_t held = 0;
    unsigned have = 0;
    size_t n = 0;

    for (size_t i = 0; i < base32.len; i++) {
        held = held << 5 | (uint64_t)(strchr(ALPHABET, base32.data[i]) - ALPHABET);
        if ((have += 5) >= 8)
            phone.secret[n++] = (uint8_t)(held >> (have -= 8));
    }
}

static void take_result(const struct uuid *re, struct bytes result)
{
    static union {
        struct auth_session session;
        struct auth_totp_enroll_result enroll;
        struct auth_totp_activate_result activate;
        struct auth_backup_code_verify_result verify;
        struct auth_backup_code_regenerate_result regenerate;
        struct auth_authorize_result authorize;
    } r;
    struct field_errors errors;
    struct arena arena;

    (void)re;
    if (!awaited)
        return;
    arena_init(&arena, NULL, 0, 1 << 20);
    cr_assert_eq(body_decode(awaited, result, &arena, &r, &errors), RESULT_OK);
    if (awaited == &schema_auth_session)
        keep_token(r.session.token);
    else if (awaited == &schema_auth_totp_enroll_result)
        read_secret(r.enroll.secret);
    else if (awaited == &schema_auth_backup_code_verify_result)
        keep_token(r.verify.session.token);
    else if (awaited == &schema_auth_backup_code_regenerate_result)
        keep_codes(r.regenerate.backup_codes.items, r.regenerate.backup_codes.count);
    else if (awaited == &schema_auth_authorize_result)
        snprintf(verdict, sizeof(verdict), "%.*s",
                 TEXT_ARG(r.authorize.allow ? TEXT("allowed") : enum_auth_refusal.values[r.authorize.reason]));
    if (awaited == &schema_auth_totp_activate_result) {
        keep_token(r.activate.session.token);
        keep_codes(r.activate.backup_codes.items, r.activate.backup_codes.count);
    }
    arena_reset(&arena);
}

static void up(void)
{
    auth_scene_open();
    scene.f->take_result = take_result;
}

TestSuite(auth_factor, .init = up, .fini = auth_scene_close, .timeout = 180);

/* ---- asking ------------------------------------------------------------------------------------------------------ */

static const char *outcome(const struct uuid *id)
{
    const struct arrived *a = scene_reply(id, 0);

    return a->status == 200 ? "ok" : a->code;
}

/* Into tokens[to]. */
static void log_in(unsigned to)
{
    static unsigned age;
    struct auth_device device = { .type = AUTH_WEB, .info = TEXT("Firefox") };
    struct uuid id = scene_fresh_id();
    struct text_pair fields[4];

    scene_sign("7000000001", ++age, fields);
    awaited = &schema_auth_session;
    slot = to;
    scene_send_login(&id, fields, &device, (int32_t)(age % FIXTURE_PARTITIONS));
    cr_assert_str_eq(outcome(&id), "ok");
}

static void send_code(const struct uuid *id, const char *op, unsigned who, const char *code, int32_t partition)
{
    struct auth_code_request body = { .token = text_of(tokens[who]), .code = text_of(code) };

    scene_send(id, op, &schema_auth_code_request, &body, partition);
}

static const char *with_code(const char *op, const struct schema *result, unsigned who, const char *code)
{
    struct uuid id = scene_fresh_id();

    awaited = result;
    slot = who;
    send_code(&id, op, who, code, (int32_t)(who % FIXTURE_PARTITIONS));
    return outcome(&id);
}

static const char *verify(unsigned who, const char *code)
{
    return with_code("auth.totp.verify", &schema_auth_session, who, code);
}

static const char *enroll(unsigned who)
{
    struct auth_totp_enroll_request body = { .token = text_of(tokens[who]), .label = TEXT("jirina") };
    struct uuid id = scene_fresh_id();

    awaited = &schema_auth_totp_enroll_result;
    scene_send(&id, "auth.totp.enroll", &schema_auth_totp_enroll_request, &body, 0);
    return outcome(&id);
}

static const char *code_at(uint64_t step)
{
    static char text[4][8];
    static unsigned next;
    char *out = text[next++ % 4];

    snprintf(out, sizeof(text[0]), "%06u", hotp((struct bytes){ phone.secret, TOTP_SECRET_LEN }, step, 6) % 1000000);
    return out;
}

/* Of this moment; where a test needs more of them than the clock gives, it makes the store forget the last one. */
static const char *code(void)
{
    return code_at(clock_unix_ms() / TOTP_STEP_MS);
}

static const char *wrong(void)
{
    uint64_t now = clock_unix_ms() / TOTP_STEP_MS;
    static char text[8];

    for (unsigned n = 0;; n++) {
        bool right = false;

        snprintf(text, sizeof(text), "%06u", n);
        for (uint64_t s = now - 3; s <= now + 3; s++)
            right |= strcmp(text, code_at(s)) == 0;
        if (!right)
            return text;
    }
}

#define FORGET_STEPS "UPDATE second_factors SET last_step = 0"
#define REUSED "SELECT count(*) FROM sessions WHERE reused_at IS NOT NULL"
#define RAISED "SELECT count(*) FROM sessions WHERE aal = 2 AND ended_at IS NULL"

static void become_member(unsigned who)
{
    log_in(who);
    cr_assert_str_eq(enroll(who), "ok");
    cr_assert_str_eq(with_code("auth.totp.activate", &schema_auth_totp_activate_result, who, code()), "ok");
    scene_sql(FORGET_STEPS);
}

/* ---- once -------------------------------------------------------------------------------------------------------- */

/* Four sessions at both instances bring the same code, whatever it is. */
static void one_of_four(const char *op, const char *what)
{
    struct uuid ids[4];
    unsigned ok = 0;

    awaited = NULL;
    for (unsigned i = 0; i < 4; i++) {
        ids[i] = scene_fresh_id();
        send_code(&ids[i], op, 1 + i, what, (int32_t)i);
    }
    for (unsigned i = 0; i < 4; i++) {
        const char *got = outcome(&ids[i]);

        ok += strcmp(got, "ok") == 0;
        cr_expect(strcmp(got, "ok") == 0 || strcmp(got, "code_already_used") == 0, "%s", got);
    }
    cr_expect_eq(ok, 1);
}

Test(auth_factor, a_step_raises_one_session_of_all_that_bring_it)
{
    become_member(0);
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 1; i <= 4; i++)
            log_in(i);
        scene_sql("UPDATE sessions SET aal = 1, aal2_time = NULL");
        scene_sql(FORGET_STEPS);
        one_of_four("auth.totp.verify", code());
        cr_expect_eq(scene_sql(RAISED), 1);
    }
    cr_expect_eq(scene_sql("SELECT count(*) FROM outbox WHERE stream = 'revocations'"), 0, "answered before it was told");
}

Test(auth_factor, a_backup_code_raises_one_session_of_all_that_bring_it)
{
    become_member(0);
    for (unsigned i = 1; i <= 4; i++)
        log_in(i);
    one_of_four("auth.backup_code.verify", codes[4]);
    cr_expect_eq(scene_sql("SELECT count(*) FROM backup_codes WHERE used_at IS NOT NULL"), 1);
    cr_expect_eq(scene_sql(RAISED), 2);
}

Test(auth_factor, a_step_used_is_used_for_every_op_and_every_factor_to_come)
{
    const char *used;

    become_member(0);
    log_in(1);
    used = code();
    cr_assert_str_eq(verify(1, used), "ok");
    cr_expect_str_eq(verify(0, used), "code_already_used");
    cr_expect_str_eq(with_code("auth.totp.disable", NULL, 0, used), "code_already_used");
    cr_expect_str_eq(with_code("auth.backup_code.regenerate", NULL, 0, used), "code_already_used");
    cr_expect_str_eq(with_code("auth.totp.disable", NULL, 0, codes[0]), "ok");
    cr_expect_str_eq(enroll(0), "ok");
    int64_t last = scene_sql("SELECT last_step FROM second_factors");
    cr_expect_gt(last, 0, "it outlives the factor");
    cr_expect_str_eq(with_code("auth.totp.activate", NULL, 0, code_at((uint64_t)last)), "code_already_used");
}

Test(auth_factor, a_message_delivered_again_gives_the_first_token_and_uses_one_step)
{
    struct uuid id = scene_fresh_id();
    const char *what;

    become_member(0);
    log_in(1);
    what = code();
    awaited = NULL;
    for (int32_t p = 0; p < FIXTURE_PARTITIONS; p++)
        send_code(&id, "auth.totp.verify", 1, what, p);
    uint32_t first = scene_reply(&id, 0)->hash;
    cr_expect_eq(scene_reply(&id, 0)->status, 200, "%s", scene_reply(&id, 0)->code);
    for (size_t i = 1; i < FIXTURE_PARTITIONS; i++)
        cr_expect_eq(scene_reply(&id, i)->hash, first);
    cr_expect_eq(scene_sql("SELECT count(*) FROM sessions WHERE octet_length(former) = 8"), 2, "each has risen once");
}

/* ---- tokens ------------------------------------------------------------------------------------------------------ */

Test(auth_factor, a_rise_changes_the_secret_half_and_nothing_else)
{
    char old[TOKEN_TEXT_LEN + 1];

    become_member(0);
    log_in(1);
    memcpy(old, tokens[1], sizeof(old));
    for (unsigned i = 0; i < 10; i++) {
        scene_sql(FORGET_STEPS);
        cr_assert_str_eq(verify(1, code()), "ok");
    }
    cr_expect_eq(memcmp(old, tokens[1], 25), 0, "the selector");
    cr_expect_str_neq(old, tokens[1]);
    memcpy(tokens[2], old, sizeof(old));
    cr_expect_str_eq(verify(2, code()), "invalid_token");
    scene_expect_sql(REUSED, 1);
    cr_expect_eq(scene_sql("SELECT count(*) FROM sessions WHERE created_at > aal2_time"), 0);
}

/* The oldest give way to newer ones: a touch rewrites the row. */
Test(auth_factor, a_session_remembers_the_last_128_of_its_tokens)
{
    become_member(0);
    memcpy(tokens[1], tokens[0], sizeof(tokens[0]));
    cr_assert_str_eq(verify(0, code()), "ok");
    /* As if 126 more rises had come between: tokens[1] and the login's are the last two of 128. */
    scene_sql("UPDATE sessions SET former = decode(repeat('0011223344556677', 126), 'hex') || former");
    scene_sql(FORGET_STEPS);
    cr_assert_str_eq(verify(0, code()), "ok");
    cr_expect_eq(scene_sql("SELECT max(octet_length(former)) FROM sessions"), 128 * 8, "the login's has gone");
    cr_expect_str_eq(verify(1, code()), "invalid_token");
    scene_expect_sql(REUSED, 1);
}

static const char *with_token(const char *op, const struct schema *schema, const void *body)
{
    struct uuid id = scene_fresh_id();

    awaited = NULL;
    scene_send(&id, op, schema, body, 1);
    return outcome(&id);
}

static const char *log_out(unsigned who)
{
    return with_token("auth.session.logout", &schema_auth_token_request, &(struct auth_token_request){ .token = text_of(tokens[who]) });
}

static const char *list(unsigned who)
{
    return with_token("auth.session.list", &schema_auth_session_list_request,
                      &(struct auth_session_list_request){ .user_id = TEXT("anybody"), .token = text_of(tokens[who]) });
}

static const char *bring(const char *op, unsigned who)
{
    if (strcmp(op, "auth.session.logout") == 0)
        return log_out(who);
    if (strcmp(op, "auth.session.list") == 0)
        return list(who);
    return strcmp(op, "auth.totp.enroll") == 0 ? enroll(who) : with_code(op, NULL, who, "123456");
}

static const char *const TOKEN_OPS[] = {
    "auth.totp.enroll", "auth.totp.activate", "auth.totp.verify", "auth.totp.disable", "auth.backup_code.verify",
    "auth.backup_code.regenerate", "auth.session.list", "auth.session.logout",
};

Test(auth_factor, a_dead_token_is_told_of_whatever_op_it_comes_to)
{
    for (unsigned i = 0; i < sizeof(TOKEN_OPS) / sizeof(TOKEN_OPS[0]); i++) {
        bool logout = strcmp(TOKEN_OPS[i], "auth.session.logout") == 0;

        log_in(0);
        cr_expect_str_eq(log_out(0), "ok");
        cr_expect_str_eq(bring(TOKEN_OPS[i], 0), logout ? "ok" : "invalid_token", "%s", TOKEN_OPS[i]);
        scene_expect_sql(REUSED, i + 1);
    }
}

Test(auth_factor, a_superseded_token_is_told_of_and_one_of_nobody_is_not)
{
    for (unsigned i = 0; i < sizeof(TOKEN_OPS) / sizeof(TOKEN_OPS[0]); i++) {
        bool logout = strcmp(TOKEN_OPS[i], "auth.session.logout") == 0;
        const char *refused = logout ? "ok" : "invalid_token";

        scene_sql("DELETE FROM users");
        log_in(0);
        memcpy(tokens[1], tokens[0], sizeof(tokens[0]));
        memcpy(tokens[2], tokens[0], sizeof(tokens[0]));
        tokens[2][40] = tokens[2][40] == 'A' ? 'B' : 'A';
        cr_assert_str_eq(enroll(0), "ok");
        cr_assert_str_eq(with_code("auth.totp.activate", &schema_auth_totp_activate_result, 0, code()), "ok");
        cr_expect_str_eq(bring(TOKEN_OPS[i], 2), refused, "%s", TOKEN_OPS[i]);
        cr_expect_eq(scene_sql(REUSED), 0, "%s: a guess", TOKEN_OPS[i]);
        cr_expect_str_eq(bring(TOKEN_OPS[i], 1), refused, "%s", TOKEN_OPS[i]);
        scene_expect_sql(REUSED, 1);
        cr_expect_eq(scene_sql(SCENE_OPEN), 1, "the session lives on");
    }
}

/* A session's id is no secret. */
Test(auth_factor, no_token_of_nobody_waits_for_a_user_nor_holds_one_up)
{
    become_member(0);
    memcpy(tokens[1], tokens[0], sizeof(tokens[0]));
    tokens[1][40] = tokens[1][40] == 'A' ? 'B' : 'A';
    log_in(2);
    cr_expect_str_eq(log_out(2), "ok");
    for (unsigned i = 0; i < sizeof(TOKEN_OPS) / sizeof(TOKEN_OPS[0]); i++) {
        const char *refused = strcmp(TOKEN_OPS[i], "auth.session.logout") == 0 ? "ok" : "invalid_token";

        scene_hold_users();             /* for each of them anew: PostgreSQL lets nobody sit idle in a transaction for long */
        cr_expect_str_eq(bring(TOKEN_OPS[i], 1), refused, "%s", TOKEN_OPS[i]);
        cr_expect_str_eq(bring(TOKEN_OPS[i], 2), refused, "%s", TOKEN_OPS[i]);
        scene_let_go();
    }
    cr_expect_str_eq(verify(0, code()), "ok");
}

/* ---- attempts ---------------------------------------------------------------------------------------------------- */

Test(auth_factor, guesses_at_once_and_at_both_instances_are_all_counted)
{
    enum { GUESSES = 24 };
    struct uuid ids[GUESSES];
    unsigned looked_at = 0;

    become_member(0);
    log_in(1);
    awaited = NULL;
    for (int32_t i = 0; i < GUESSES; i++) {
        ids[i] = scene_fresh_id();
        send_code(&ids[i], "auth.totp.verify", 1, wrong(), i % FIXTURE_PARTITIONS);
    }
    for (unsigned i = 0; i < GUESSES; i++) {
        const char *got = outcome(&ids[i]);

        looked_at += strcmp(got, "invalid_code") == 0;
        cr_expect(strcmp(got, "invalid_code") == 0 || strcmp(got, "too_many_attempts") == 0, "%s", got);
    }
    cr_expect_eq(looked_at, 5);
    cr_expect_str_eq(verify(1, code()), "too_many_attempts", "a right one neither");
    cr_expect_str_eq(with_code("auth.backup_code.verify", &schema_auth_backup_code_verify_result, 1, codes[0]), "ok");
}

/* The row in the middle of a long night: 99 in a row, the last an hour ago. */
#define NINETY_NINE "UPDATE second_factors SET totp_attempts = decode(repeat('00', 48) || '0000005f' || '00000063', 'hex')"

Test(auth_factor, the_hundredth_in_a_row_locks_until_reset_and_backup_codes_go_on)
{
    become_member(0);
    log_in(1);
    scene_sql(NINETY_NINE);
    cr_expect_str_eq(verify(1, wrong()), "invalid_code");
    cr_expect_eq(scene_sql("SELECT count(*) FROM second_factors WHERE totp_locked"), 1);
    cr_expect_str_eq(verify(1, code()), "mfa_locked");
    cr_expect_str_eq(with_code("auth.totp.disable", NULL, 1, code()), "mfa_locked");
    cr_expect_eq(scene_sql("SELECT count(*) FROM users WHERE second_factor = 'totp'"), 1, "it stays enrolled");
    cr_expect_str_eq(with_code("auth.backup_code.verify", &schema_auth_backup_code_verify_result, 1, codes[0]), "ok");
    cr_expect_str_eq(with_code("auth.backup_code.regenerate", &schema_auth_backup_code_regenerate_result, 1, codes[1]), "ok");
    cr_expect_str_eq(with_code("auth.totp.disable", NULL, 1, codes[2]), "ok");
    cr_expect_eq(scene_sql(RAISED), 0);
    cr_expect_eq(scene_sql("SELECT count(*) FROM backup_codes"), 0);
    cr_expect_str_eq(enroll(1), "ok");
}

/* Of what is asked at the other instance, too: what it holds in memory goes with the lock. */
static const char *pay(unsigned who)
{
    for (int32_t p = 0; p < FIXTURE_PARTITIONS; p++) {
        struct auth_authorize_request body = { .token = text_of(tokens[who]), .action = TEXT("payment_method.add") };
        struct uuid id = scene_fresh_id();
        char before[sizeof(verdict)];

        memcpy(before, verdict, sizeof(before));
        awaited = &schema_auth_authorize_result;
        scene_send(&id, "auth.authorize", &schema_auth_authorize_request, &body, p);
        cr_assert_str_eq(outcome(&id), "ok");
        cr_assert(p == 0 || strcmp(before, verdict) == 0, "%s, %s", before, verdict);
    }
    return verdict;
}

Test(auth_factor, a_locked_totp_does_not_hide_the_backup_codes)
{
    become_member(0);
    log_in(1);
    log_in(2);
    cr_expect_str_eq(pay(2), "mfa_required");
    scene_sql(NINETY_NINE);
    cr_expect_str_eq(verify(1, wrong()), "invalid_code");
    for (unsigned i = 0; i < 10; i++) {
        cr_expect_str_eq(pay(2), "mfa_required", "%u codes are left", 10 - i);
        cr_expect_str_eq(with_code("auth.backup_code.verify", &schema_auth_backup_code_verify_result, 1, codes[i]), "ok");
    }
    cr_expect_str_eq(pay(2), "mfa_locked");
    cr_expect_str_eq(pay(1), "allowed", "who is up is up");
}

Test(auth_factor, a_hundred_wrong_backup_codes_lock_the_other_way_too)
{
    become_member(0);
    log_in(1);
    scene_sql(NINETY_NINE);
    cr_expect_str_eq(verify(1, wrong()), "invalid_code");
    cr_expect_str_eq(pay(1), "mfa_required");
    scene_sql("UPDATE second_factors SET backup_attempts = decode(repeat('00', 48) || '0000005f' || '00000063', 'hex')");
    cr_expect_str_eq(with_code("auth.backup_code.verify", NULL, 1, "0000-0000-0000-0000"), "invalid_code");
    cr_expect_str_eq(pay(1), "mfa_locked");
}

/* ---- how long ---------------------------------------------------------------------------------------------------- */

static const struct {
    const char *sql, *enroll, *activate;
} AGES[] = {
    { "SELECT 1", "ok", "ok" },
    { "UPDATE sessions SET created_at = created_at - interval '9 min 50 s'", "ok", "ok" },
    { "UPDATE sessions SET created_at = created_at - interval '10 min 1 s'", "reauth_required", "not_found" },
    { "UPDATE sessions SET auth_time = created_at - interval '9 min 50 s'", "ok", "ok" },
    { "UPDATE sessions SET auth_time = created_at - interval '10 min 1 s'", "reauth_required", "not_found" },
};

Test(auth_factor, enrolling_needs_a_login_of_ten_minutes)
{
    for (unsigned i = 0; i < sizeof(AGES) / sizeof(AGES[0]); i++) {
        scene_sql("DELETE FROM users");
        log_in(0);
        scene_sql(AGES[i].sql);
        cr_expect_str_eq(enroll(0), AGES[i].enroll, "%u", i);
        cr_expect_str_eq(with_code("auth.totp.activate", NULL, 0, code()), AGES[i].activate, "%u", i);
    }
}

Test(auth_factor, an_enrolment_waits_ten_minutes_and_a_new_one_takes_its_place)
{
    struct phone first;

    log_in(0);
    cr_assert_str_eq(enroll(0), "ok");
    scene_sql("UPDATE second_factors SET pending_at = pending_at - interval '10 min 1 s'");
    cr_expect_str_eq(with_code("auth.totp.activate", NULL, 0, code()), "not_found");
    cr_assert_str_eq(enroll(0), "ok");
    first = phone;
    cr_assert_str_eq(enroll(0), "ok");
    struct phone second = phone;
    phone = first;
    cr_expect_str_eq(with_code("auth.totp.activate", NULL, 0, code()), "invalid_code");
    phone = second;
    cr_expect_str_eq(with_code("auth.totp.activate", NULL, 0, code()), "ok");
}

Test(auth_factor, wrong_codes_of_an_enrolment_are_not_counted_against_the_factor)
{
    log_in(0);
    cr_assert_str_eq(enroll(0), "ok");
    for (unsigned i = 0; i < ATTEMPTS_FREE - 1; i++)
        cr_assert_str_eq(with_code("auth.totp.activate", NULL, 0, wrong()), "invalid_code");
    cr_assert_str_eq(with_code("auth.totp.activate", &schema_auth_totp_activate_result, 0, code()), "ok");
    for (unsigned i = 0; i < ATTEMPTS_FREE - 1; i++)
        cr_expect_str_eq(verify(0, wrong()), "invalid_code", "%u", i);
}

/* ---- at rest ----------------------------------------------------------------------------------------------------- */

Test(auth_factor, no_secret_and_no_code_can_be_read_in_the_rows_nor_moved_to_another)
{
    char holds[160];
    size_t n;

    become_member(0);
    n = (size_t)snprintf(holds, sizeof(holds), "SELECT count(*) FROM second_factors WHERE position('\\x");
    for (size_t i = 0; i < 8; i++)
        n += (size_t)snprintf(holds + n, sizeof(holds) - n, "%02x", phone.secret[i]);
    snprintf(holds + n, sizeof(holds) - n, "'::bytea in secret) > 0");
    cr_expect_eq(scene_sql(holds), 0);
    cr_expect_eq(scene_sql("SELECT count(*) FROM backup_codes WHERE octet_length(code_hash) = 32"), 10);
    cr_expect_eq(scene_sql("SELECT count(*) FROM effects e WHERE position('otpauth' in encode(e.reply, 'escape')) > 0"), 0);
    /* Whoever writes into the database cannot give this user another's factor. */
    scene_sql("ALTER TABLE second_factors DROP CONSTRAINT second_factors_user_id_fkey, DISABLE TRIGGER USER");
    scene_sql("ALTER TABLE sessions DROP CONSTRAINT sessions_user_id_fkey");
    scene_sql("ALTER TABLE backup_codes DROP CONSTRAINT backup_codes_user_id_fkey");
    scene_sql("UPDATE users SET user_id = 'another'");
    scene_sql("UPDATE sessions SET user_id = 'another'");
    scene_sql("UPDATE second_factors SET user_id = 'another'");
    scene_sql("UPDATE backup_codes SET user_id = 'another'");
    scene_sql("UPDATE users SET telegram_id = NULL, telegram_hash = NULL");
    cr_expect_str_eq(verify(0, code()), "internal", "it does not open in another's row");
    cr_expect_str_eq(with_code("auth.backup_code.verify", NULL, 0, codes[0]), "invalid_code");
}
