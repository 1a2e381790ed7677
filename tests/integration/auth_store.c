/* Logins, ends of sessions and users on a real postgres, by two instances at once on one bus (people.h). */
#include "auth.h"
#include "authn.h"
#include "broadcast.h"
#include "bus_fixture.h"
#include "clock.h"
#include "db_server.h"
#include "durable.h"
#include "outgoing.h"
#include "people_open.h"
#include "token.h"

#include <criterion/criterion.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define BOT "7000000001:AAtest-test_test"
#define DAY_MS (UINT64_C(24) * 3600 * 1000)
#define LIMIT 5
#define INSTANCES 2

ReportHook(PRE_ALL)(struct criterion_test_set *set)
{
    (void)set;
    db_template_make();
}

ReportHook(POST_ALL)(struct criterion_global_stats *stats)
{
    (void)stats;
    db_template_remove();
}

/* ---- services of the test's own, in place of common/service ------------------------------------------------------ */

struct service {
    unsigned number;
    struct metrics *metrics;
    char name[16];
    struct durable *durable;
    struct authn authn;
    unsigned changed;                   /* times that something was forgotten */
};

static struct fixture *f;
static struct db_server *server;
static struct service services[INSTANCES];
static unsigned opened, closed, told;

struct uv_loop_s *service_loop(struct service *s)
{
    (void)s;
    return &f->loop;
}

struct metrics *service_metrics(struct service *s)
{
    return s->metrics;
}

struct bus *service_bus(struct service *s)
{
    return f->buses[s->number];
}

const char *service_instance(const struct service *s)
{
    return s->name;
}

struct service_identity service_identity(const struct service *s)
{
    (void)s;
    return (struct service_identity){ f->brokers, f->prefix, f->principals_path, "" };
}

void service_hold(struct service *s, bool hold)
{
    (void)s;
    (void)hold;
}

void service_give_up(struct service *s, const char *why)
{
    (void)s;
    cr_assert_fail("%s", why);
}

static void on_migrated(void *cookie)
{
    struct service *s = cookie;
    struct secret *secret;
    uint8_t key[32] = "the same key for both instances";

    cr_assert_eq(secret_from(key, sizeof(key), &secret), RESULT_OK);
    cr_assert_eq(durable_set_secret(s->durable, secret), RESULT_OK);
    secret_free(secret);
}

static void on_opened(void *cookie)
{
    struct service *s = cookie;

    cr_assert_eq(people_opened(s->authn.people), RESULT_OK);
    opened++;
}

static void on_closed(void *cookie)
{
    (void)cookie;
    closed++;
}

static void on_changed(void *cookie, struct text user_id, const struct uuid *session)
{
    struct service *s = cookie;

    (void)user_id;
    (void)session;
    s->changed++;
}

/* The bus sends revocations for who listens to them. */
static void on_revoked(void *cookie, const struct auth_revoked *r)
{
    (void)cookie;
    (void)r;
    told++;
}

static void on_lost(void *cookie)
{
    (void)cookie;
}

static const struct broadcast_listener LISTENER = { on_revoked, on_lost };

static bool all_open(struct fixture *fixture, void *cookie)
{
    (void)cookie;
    for (unsigned i = 0; i < INSTANCES; i++)
        if (!fixture_ready(fixture, i))
            return false;
    return opened == INSTANCES;
}

static bool all_closed(struct fixture *fixture, void *cookie)
{
    (void)fixture;
    (void)cookie;
    return closed == INSTANCES;
}

static void open_instance(unsigned i, const char *url_file)
{
    static const char *const STREAMS[] = { OUTGOING_EVENTS, OUTGOING_REVOCATIONS, NULL };
    struct service *s = &services[i];
    struct buffer why;

    buffer_init(&why, 4096);
    *s = (struct service){ .number = i, .authn.login_max_age_ms = DAY_MS };
    snprintf(s->name, sizeof(s->name), "auth-%u", i);
    cr_assert_eq(metrics_new(&s->metrics), RESULT_OK);
    cr_assert_eq(telegram_bot_open(TEXT(BOT), &s->authn.bot), RESULT_OK);
    cr_assert_eq(durable_open(&(struct durable_options){
        .service = s, .pg_url_file = url_file, .schema = "auth", .streams = STREAMS, .connections = 8,
        .migrated = on_migrated, .opened = on_opened, .cookie = s,
    }, &s->durable, &why), RESULT_OK, "%.*s", (int)why.len, why.data);
    cr_assert_eq(people_new(&(struct people_options){
        .durable = s->durable, .sessions_max = LIMIT, .changed = on_changed, .cookie = s,
        .lifetimes = { 30 * DAY_MS, 7 * DAY_MS, 30 * DAY_MS, 180 * DAY_MS },
    }, &s->authn.people), RESULT_OK);
    f->options.handler_cookie = &s->authn;
    fixture_bus_start(f, i);
    buffer_free(&why);
}

static void up(void)
{
    char path[128];

    server = db_postgres_start(NULL);
    f = fixture_new_of("auth");
    f->options.routes = authn_routes;
    f->options.route_count = authn_route_count;
    f->options.listener = &LISTENER;
    snprintf(path, sizeof(path), "%s/url", f->directory);
    FILE *file = fopen(path, "w");
    cr_assert(file && fputs(db_server_url(server), file) >= 0 && fclose(file) == 0 && chmod(path, 0600) == 0);
    for (unsigned i = 0; i < INSTANCES; i++)
        open_instance(i, path);
    cr_assert(fixture_wait(f, all_open, NULL, 30000));
}

static void down(void)
{
    for (unsigned i = 0; i < INSTANCES; i++)
        fixture_bus_stop_begin(f, i, 1000);
    for (unsigned i = 0; i < INSTANCES; i++)
        durable_close(services[i].durable, on_closed, NULL);
    cr_assert(fixture_wait(f, all_closed, NULL, 10000));
    for (unsigned i = 0; i < INSTANCES; i++)
        fixture_bus_stop(f, i, 1000);
    for (unsigned i = 0; i < INSTANCES; i++) {
        people_free(services[i].authn.people);
        telegram_bot_close(&services[i].authn.bot);
        metrics_free(services[i].metrics);
    }
    fixture_free(f);
    db_server_stop(server);
}

TestSuite(auth_store, .init = up, .fini = down, .timeout = 120);

/* ---- what stands in PostgreSQL ------------------------------------------------------------------------------------ */

struct answer {
    bool over;
    int64_t n;
};

static void on_answer(void *cookie, struct pg_batch *b)
{
    struct answer *a = cookie;

    a->over = true;
    cr_assert_eq(pg_outcome(b), PG_DONE, "%s %s", pg_sqlstate(b), pg_constraint(b));
    a->n = pg_rows(b, 0) && !pg_is_null(b, 0, 0, 0) ? pg_int(b, 0, 0, 0) : 0;
    pg_batch_free(b);
}

static bool is_over(struct fixture *fixture, void *cookie)
{
    (void)fixture;
    return ((struct answer *)cookie)->over;
}

/* The first number that it gives. Each text is another statement: kept, as pg.h wants them to outlive the pool. */
static int64_t sql(const char *text)
{
    static struct pg_statement statements[64];
    static char names[64][16];
    static size_t count;
    struct answer a = { false, 0 };
    struct pg_batch *b;
    size_t i = 0;

    while (i < count && strcmp(statements[i].sql, text) != 0)
        i++;
    if (i == count) {
        cr_assert(count < 64);
        snprintf(names[i], sizeof(names[i]), "test_%zu", i);
        statements[i] = (struct pg_statement){ names[i], text, "" };
        count++;
    }
    cr_assert_eq(pg_batch_new(64, &b), RESULT_OK);
    cr_assert_eq(pg_batch_add(b, &statements[i], NULL, 0), RESULT_OK);
    cr_assert_eq(pg_submit(durable_pg(services[0].durable), b, 5000, on_answer, &a), RESULT_OK);
    cr_assert(fixture_wait(f, is_over, &a, 6000));
    return a.n;
}

#define OPEN "SELECT count(*) FROM sessions WHERE ended_at IS NULL"
#define SESSIONS "SELECT count(*) FROM sessions"
#define USERS "SELECT count(*) FROM users"

/* ---- what clients ask --------------------------------------------------------------------------------------------- */

/* What Telegram would have signed for that person so many seconds ago. */
static void sign(const char *id, unsigned age_s, struct text_pair fields[4])
{
    static char dates[64][24], hashes[64][65];
    static unsigned next;
    static uint64_t base_s;             /* or a login's date would be the last one's when a second has passed between */
    char *date = dates[next % 64], *hash = hashes[next % 64], text[256];
    uint8_t key[32], mac[32];
    crypto_auth_hmacsha256_state state;

    next++;
    if (!base_s)
        base_s = clock_unix_ms() / 1000;
    snprintf(date, sizeof(dates[0]), "%llu", (unsigned long long)(base_s - age_s));
    int len = snprintf(text, sizeof(text), "auth_date=%s\nfirst_name=Jiřina\nid=%s", date, id);
    crypto_hash_sha256(key, (const uint8_t *)BOT, strlen(BOT));
    crypto_auth_hmacsha256_init(&state, key, sizeof(key));
    crypto_auth_hmacsha256_update(&state, (const uint8_t *)text, (unsigned long long)len);
    crypto_auth_hmacsha256_final(&state, mac);
    sodium_bin2hex(hash, sizeof(hashes[0]), mac, sizeof(mac));
    fields[0] = (struct text_pair){ TEXT("id"), text_of(id) };
    fields[1] = (struct text_pair){ TEXT("first_name"), TEXT("Jiřina") };
    fields[2] = (struct text_pair){ TEXT("auth_date"), text_of(date) };
    fields[3] = (struct text_pair){ TEXT("hash"), text_of(hash) };
}

/* Under that id, so that it may be sent again. */
static void send_as(const struct uuid *id, const char *op, const struct schema *schema, const void *body, int32_t partition)
{
    struct envelope_header h = client_header(&f->backend, op);
    struct buffer encoded, value;

    h.id = *id;
    buffer_init(&encoded, 65536);
    buffer_init(&value, 65536);
    struct mp_writer w = mp_writer_to(&encoded);
    cr_assert_eq(body_encode(schema, body, &w), RESULT_OK);
    client_seal(&f->backend, &h, buffer_bytes(&encoded), &value);
    client_send(&f->backend, fixture_own_topic(f, "requests"), partition, (struct bytes){ 0 }, buffer_bytes(&value));
    buffer_free(&value);
    buffer_free(&encoded);
}

static struct uuid fresh_id(void)
{
    return client_header(&f->backend, "auth.user.get").id;
}

static void send_login_from(const struct uuid *id, struct text_pair fields[4], const struct auth_device *device, int32_t partition)
{
    struct auth_login_telegram_widget_request body = { .fields = { fields, 4 }, .device = *device };

    send_as(id, "auth.login.telegram_widget", &schema_auth_login_telegram_widget_request, &body, partition);
}

static void send_login(const struct uuid *id, struct text_pair fields[4], const char *info, int32_t partition)
{
    struct auth_device device = { .type = AUTH_WEB, .info = text_of(info), .id = TEXT("laptop-canary"), .has_ip = true };

    cr_assert_eq(ip_parse(TEXT("192.0.2.77"), &device.ip), RESULT_OK);
    send_login_from(id, fields, &device, partition);
}

static struct uuid login(const char *person, unsigned age_s, int32_t partition)
{
    struct uuid id = fresh_id();
    struct text_pair fields[4];

    sign(person, age_s, fields);
    send_login(&id, fields, "Firefox", partition);
    return id;
}

#define HALF(column, table, from) "SELECT ('x' || substr(replace(" column "::text, '-', ''), " from ", 16))::bit(64)::bigint FROM " table

/* The only one that there is, as sql() gives numbers: in two halves. */
static struct uuid only(const char *first_half, const char *second_half)
{
    struct uuid id;

    bytes_put_u64(id.bytes, (uint64_t)sql(first_half));
    bytes_put_u64(id.bytes + 8, (uint64_t)sql(second_half));
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
    struct uuid id = fresh_id();
    struct auth_session_revoke_all_request body = { .user_id = user };

    send_as(&id, "auth.session.revoke_all", &schema_auth_session_revoke_all_request, &body, partition);
    return id;
}

struct wanted {
    const struct uuid *id;
    size_t replies;
};

static bool replied(struct fixture *fixture, void *cookie)
{
    const struct wanted *w = cookie;

    return client_replies(&fixture->backend, w->id) >= w->replies;
}

static const struct arrived *reply(const struct uuid *id, size_t i)
{
    struct wanted w = { id, i + 1 };

    cr_assert(fixture_wait(f, replied, &w, 20000), "reply %zu", i);
    return client_reply(&f->backend, id, i);
}

static bool events_came(struct fixture *fixture, void *cookie)
{
    return fixture->events.count >= *(size_t *)cookie;
}

static void expect_events(size_t count)
{
    cr_expect(fixture_wait(f, events_came, &count, 10000));
    fixture_sleep(f, 1200);
    cr_expect_eq(f->events.count, count, "%zu events, not %zu", f->events.count, count);
}

/* ---- logins ------------------------------------------------------------------------------------------------------- */

Test(auth_store, one_proof_makes_one_session_however_many_bring_it)
{
    enum { ROUNDS = 5, COPIES = 8 };

    for (unsigned round = 0; round < ROUNDS; round++) {
        struct uuid ids[COPIES];
        struct text_pair fields[4];
        unsigned made = 0;

        sign("7000000001", round + 1, fields);
        for (int32_t i = 0; i < COPIES; i++) {
            ids[i] = fresh_id();
            send_login(&ids[i], fields, "Firefox", i % FIXTURE_PARTITIONS);
        }
        for (size_t i = 0; i < COPIES; i++) {
            const struct arrived *a = reply(&ids[i], 0);

            made += a->status == 200;
            cr_expect(a->status == 200 || strcmp(a->code, "replayed") == 0, "%lu %s", (unsigned long)a->status, a->code);
        }
        cr_expect_eq(made, 1);
        cr_expect_eq(sql(SESSIONS), round + 1);
    }
}

Test(auth_store, a_login_delivered_again_is_the_same_session_and_one_event)
{
    struct uuid id = fresh_id();
    struct text_pair fields[4];

    sign("7000000001", 1, fields);
    for (int32_t p = 0; p < FIXTURE_PARTITIONS; p++)
        send_login(&id, fields, "Firefox", p);
    uint32_t first = reply(&id, 0)->hash;
    cr_expect_eq(reply(&id, 0)->status, 200);
    for (size_t i = 1; i < FIXTURE_PARTITIONS; i++)
        cr_expect_eq(reply(&id, i)->hash, first);
    cr_expect_eq(sql(SESSIONS), 1);
    expect_events(1);
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
            cr_expect_eq(reply(&ids[i], 0)->status, 200);
        cr_expect_eq(sql(USERS), round + 1);
    }
}

Test(auth_store, no_race_of_logins_passes_the_limit_of_living_sessions)
{
    enum { LOGINS = 24 };
    struct uuid ids[LOGINS];

    for (int32_t i = 0; i < LOGINS; i++)
        ids[i] = login("7000000001", (unsigned)i, i % FIXTURE_PARTITIONS);
    for (size_t i = 0; i < LOGINS; i++)
        cr_expect_eq(reply(&ids[i], 0)->status, 200, "%s", reply(&ids[i], 0)->code);
    cr_expect_eq(sql(SESSIONS), LOGINS);
    cr_expect_eq(sql(OPEN), LIMIT);
    cr_expect_eq(sql("SELECT count(*) FROM sessions WHERE ended_by = 'limit'"), LOGINS - LIMIT);
    expect_events(LOGINS + LOGINS - LIMIT);
    cr_expect_eq(services[0].changed + services[1].changed, LOGINS - LIMIT, "each is forgotten where it was ended");
}

Test(auth_store, a_failed_login_is_one_event_however_often_it_is_delivered)
{
    struct uuid id = fresh_id();
    struct text_pair fields[4];

    sign("7000000001", 1, fields);
    fields[1].value = TEXT("Eva");
    for (int32_t p = 0; p < FIXTURE_PARTITIONS; p++)
        send_login(&id, fields, "Firefox", p);
    uint32_t first = reply(&id, 0)->hash;
    cr_expect_str_eq(reply(&id, 0)->code, "bad_signature");
    for (size_t i = 1; i < FIXTURE_PARTITIONS; i++)
        cr_expect_eq(reply(&id, i)->hash, first);
    cr_expect_eq(sql(USERS) + sql(SESSIONS), 0);
    expect_events(1);
}

Test(auth_store, who_is_disabled_or_deleted_does_not_log_in)
{
    struct uuid id = login("7000000001", 1, 0);

    cr_assert_eq(reply(&id, 0)->status, 200);
    sql("UPDATE users SET disabled = true");
    id = login("7000000001", 2, 1);
    cr_expect_str_eq(reply(&id, 0)->code, "user_disabled");
    sql("UPDATE users SET disabled = false, deleted_at = created_at + interval '1 s'");
    id = login("7000000001", 3, 2);
    cr_expect_str_eq(reply(&id, 0)->code, "user_disabled");
    sql("UPDATE users SET deleted_at = NULL");
    id = login("7000000001", 4, 3);
    cr_expect_eq(reply(&id, 0)->status, 200);
    cr_expect_eq(sql(SESSIONS), 2);
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

    f->take_result = take_session;
    for (unsigned i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct auth_device device = { .type = CASES[i].type, .info = text_of(CASES[i].info) };
        struct uuid id = fresh_id();
        struct text_pair fields[4];

        if (CASES[i].id)
            device.id = text_of(CASES[i].id);
        if (CASES[i].aged)
            sql("UPDATE sessions SET created_at = created_at - interval '91 days', last_activity = last_activity - interval '91 days'");
        sign(CASES[i].person, i, fields);
        send_login_from(&id, fields, &device, (int32_t)(i % FIXTURE_PARTITIONS));
        cr_assert_eq(reply(&id, 0)->status, 200);
        cr_expect_eq(last_new_device, CASES[i].is_new, "case %u", i);
    }
}

/* ---- ends --------------------------------------------------------------------------------------------------------- */

Test(auth_store, a_login_and_revoke_all_happen_in_turn)
{
    enum { ROUNDS = 6, LOGINS = 4 };
    struct uuid first = login("7000000001", 1000, 0);

    cr_assert_eq(reply(&first, 0)->status, 200);
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct uuid ids[LOGINS], all;

        for (int32_t i = 0; i < LOGINS; i++) {
            ids[i] = login("7000000001", round * LOGINS + (unsigned)i, i);
            if (i == 1)
                all = revoke_all(only_user(), (int32_t)(round % FIXTURE_PARTITIONS));
        }
        for (size_t i = 0; i < LOGINS; i++)
            cr_expect_eq(reply(&ids[i], 0)->status, 200);
        cr_expect_eq(reply(&all, 0)->status, 200);
        cr_expect_eq(sql("SELECT count(*) FROM outbox WHERE stream = 'revocations'"), 0, "answered before it was told");
        /* Committed before: ended with it. Committed after: alive, unless the limit took it. */
        cr_expect_eq(sql("SELECT count(*) FROM sessions s WHERE s.ended_at IS NULL AND s.xmin::text::bigint"
                         " < (SELECT max(xmin::text::bigint) FROM sessions WHERE ended_by = 'revoked_all')"), 0);
    }
    struct uuid last = revoke_all(only_user(), 0);
    cr_expect_eq(reply(&last, 0)->status, 200);
    cr_expect_eq(sql(OPEN), 0);
}

Test(auth_store, what_has_expired_is_not_revoked_and_is_put_away_by_the_next_login)
{
    struct uuid id = login("7000000001", 1, 0), session;

    cr_assert_eq(reply(&id, 0)->status, 200);
    sql("UPDATE sessions SET created_at = created_at - interval '8 days', last_activity = last_activity - interval '8 days'");
    session = only(HALF("id", "sessions", "1"), HALF("id", "sessions", "17"));
    struct auth_session_revoke_request body = { .user_id = only_user(), .session_id = session };
    id = fresh_id();
    send_as(&id, "auth.session.revoke", &schema_auth_session_revoke_request, &body, 1);
    cr_expect_eq(reply(&id, 0)->status, 200);
    cr_expect_eq(sql(OPEN), 1, "it was not ended once more");
    id = login("7000000001", 2, 2);
    cr_expect_eq(reply(&id, 0)->status, 200);
    cr_expect_eq(sql("SELECT count(*) FROM sessions WHERE ended_by = 'expired'"), 1);
    cr_expect_eq(sql(OPEN), 1);
    expect_events(2);
}

/* What another instance has ended and not told yet: answered at once, it would be alive elsewhere after the answer. */
Test(auth_store, logging_out_what_is_dead_waits_until_its_end_has_been_told)
{
    struct uuid id = login("7000000001", 1, 0), session;
    char token[TOKEN_TEXT_LEN + 1];
    uint8_t digest[TOKEN_DIGEST_LEN];

    cr_assert_eq(reply(&id, 0)->status, 200);
    session = only(HALF("id", "sessions", "1"), HALF("id", "sessions", "17"));
    token_make(&session, (const uint8_t *)"thirty-two bytes, known to tests", token, digest);
    sql("UPDATE sessions SET secret_sha256 = sha256('thirty-two bytes, known to tests'), ended_at = now(), ended_by = 'logout'");
    sql("INSERT INTO outbox (stream, user_key, topic, sealed, holder, held_until)"
        " SELECT 'revocations', user_id, 'auth.revocations', '', gen_random_uuid(), now() + interval '1 hour' FROM users");

    struct auth_token_request body = { .token = text_of(token) };
    struct wanted w = { &id, 1 };
    id = fresh_id();
    send_as(&id, "auth.session.logout", &schema_auth_token_request, &body, 1);
    cr_expect_not(fixture_wait(f, replied, &w, 1000), "answered before it was told");
    sql("DELETE FROM outbox");
    cr_expect_eq(reply(&id, 0)->status, 200);
}

/* ---- at rest ------------------------------------------------------------------------------------------------------ */

#define HOLDS(column, table, text) "SELECT count(*) FROM " table " WHERE position(convert_to('" text "', 'UTF8') in " column ") > 0"

Test(auth_store, nothing_that_tells_who_it_is_can_be_read_in_the_rows)
{
    struct uuid id = login("7000000123", 1, 0);

    cr_assert_eq(reply(&id, 0)->status, 200);
    cr_expect_eq(sql("SELECT count(*) FROM users u, sessions s, effects e WHERE (u::text || s::text || e::text) ~ "
                     "'7000000123|Jiřina|Firefox|laptop-canary|192.0.2.77|hls_'"), 0);
    cr_expect_eq(sql(HOLDS("telegram_id", "users", "7000000123")), 0);
    cr_expect_eq(sql(HOLDS("device", "sessions", "Firefox")), 0);
    cr_expect_eq(sql(HOLDS("device", "sessions", "laptop-canary")), 0);
    cr_expect_eq(sql(HOLDS("reply", "effects", "hls_")), 0);
    cr_expect_eq(sql("SELECT count(*) FROM users WHERE octet_length(telegram_hash) = 32"), 1);
    cr_expect_eq(sql(SESSIONS), 1);
}

static bool purged(struct fixture *fixture, void *cookie)
{
    (void)fixture;
    return sql(SESSIONS) == *(int64_t *)cookie;
}

Test(auth_store, sessions_are_forgotten_90_days_after_their_last_use)
{
    struct uuid ids[3];
    int64_t left = 2;

    for (int32_t i = 0; i < 3; i++) {
        ids[i] = login("7000000001", (unsigned)i, i);
        cr_assert_eq(reply(&ids[i], 0)->status, 200);
    }
    /* Two of 100 days ago, which their ids tell; one of them was used since. */
    sql("WITH old AS (SELECT id, row_number() OVER () AS n FROM sessions) UPDATE sessions s"
        " SET id = ('00000000-0000-7000-8000-00000000000' || n)::uuid, created_at = created_at - interval '100 days',"
        " last_activity = CASE WHEN n = 1 THEN last_activity ELSE last_activity - interval '95 days' END"
        " FROM old WHERE old.id = s.id AND n <= 2");
    people_tick(services[0].authn.people, clock_unix_ms());
    cr_expect(fixture_wait(f, purged, &left, 5000), "%ld left", (long)sql(SESSIONS));
    fixture_sleep(f, 200);
    cr_expect_eq(sql(SESSIONS), 2);
}
