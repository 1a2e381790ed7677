#include "auth_scene.h"

#include "authorization_file.h"
#include "broadcast.h"
#include "clock.h"
#include "outgoing.h"
#include "people_open.h"

#include <criterion/criterion.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/stat.h>

struct auth_scene scene;

/* ---- instances --------------------------------------------------------------------------------------------------- */

static void on_migrated(void *cookie)
{
    struct auth_instance *a = cookie;
    struct secret *secret;
    uint8_t key[32] = "the same key for both instances";

    cr_assert_eq(secret_from(key, sizeof(key), &secret), RESULT_OK);
    cr_assert_eq(durable_set_secret(a->durable, secret), RESULT_OK);
    secret_free(secret);
}

static void on_opened(void *cookie)
{
    struct auth_instance *a = cookie;

    cr_assert_eq(people_opened(a->authn.people), RESULT_OK);
    scene.opened++;
}

static void on_closed(void *cookie)
{
    (void)cookie;
    scene.closed++;
}

static void on_changed(void *cookie, struct text user_id, const struct uuid *session)
{
    struct auth_instance *a = cookie;

    a->changed++;
    introspection_revoked(&a->introspection, user_id, session);
}

static void on_revoked(void *cookie, const struct auth_revoked *r)
{
    struct authn *a = cookie;

    introspection_revoked(a->introspection, r->user_id, r->has_session_id ? &r->session_id : NULL);
}

static void on_missed(void *cookie)
{
    struct authn *a = cookie;

    introspection_missed(a->introspection);
}

static const struct broadcast_listener LISTENER = { on_revoked, on_missed };

static void on_reused(void *cookie, const struct uuid *session, struct text user_id, struct text trace, uint64_t now_ms)
{
    struct auth_instance *a = cookie;

    reuses_note(a->introspection.reuses, session, user_id, NULL, trace, now_ms);
}

static bool fresh(void *cookie)
{
    const struct auth_instance *a = cookie;

    return bus_fresh(*a->service.bus);
}

static void on_dead_token(void *cookie, const struct reuse *r)
{
    struct auth_instance *a = cookie;

    store_reuse_tell(&a->reuse, r);
}

static bool all_open(struct fixture *fixture, void *cookie)
{
    (void)cookie;
    for (unsigned i = 0; i < SCENE_INSTANCES; i++)
        if (!fixture_ready(fixture, i))
            return false;
    return scene.opened == SCENE_INSTANCES;
}

static bool all_closed(struct fixture *fixture, void *cookie)
{
    (void)fixture;
    (void)cookie;
    return scene.closed == SCENE_INSTANCES;
}

static void tell_audit(void *cookie, const struct audit_event *event)
{
    const struct auth_instance *a = cookie;

    bus_event(*a->service.bus, event, text_bytes(event->user_id));
}

static void open_introspection(struct auth_instance *a)
{
    a->authn.introspection = &a->introspection;
    store_bearers_init(&a->bearers, a->authn.people, 2000);
    store_reuse_init(&a->reuse, a->durable, 2000);
    cr_assert_eq(introspection_open(&a->introspection, &(struct introspection_options){
        .sessions = 1000, .lifetimes = &a->lifetimes, .store = &a->bearers.store, .fresh = fresh, .tell = on_dead_token, .cookie = a,
    }), RESULT_OK);
}

static void open_instance(unsigned i, const char *url_file)
{
    static const char *const STREAMS[] = { OUTGOING_EVENTS, OUTGOING_REVOCATIONS, NULL };
    static const struct lifetimes LIFETIMES = { 30 * SCENE_DAY_MS, 7 * SCENE_DAY_MS, 30 * SCENE_DAY_MS, 180 * SCENE_DAY_MS };
    struct auth_instance *a = &scene.at[i];
    struct buffer why;

    buffer_init(&why, 4096);
    *a = (struct auth_instance){ .authn.login_max_age_ms = SCENE_DAY_MS, .lifetimes = LIFETIMES };
    service_double(&a->service, &scene.f->loop, i == 0 ? "auth-0" : "auth-1");
    a->service.bus = &scene.f->buses[i];
    cr_assert_eq(metrics_new(&a->service.metrics), RESULT_OK);
    cr_assert_eq(telegram_bot_open(TEXT(SCENE_BOT), &a->authn.bot), RESULT_OK);
    cr_assert_eq(durable_open(&(struct durable_options){
        .service = &a->service, .pg_url_file = url_file, .schema = "auth", .streams = STREAMS, .connections = 8,
        .migrated = on_migrated, .opened = on_opened, .cookie = a,
    }, &a->durable, &why), RESULT_OK, "%.*s", (int)why.len, why.data);
    cr_assert_eq(people_new(&(struct people_options){
        .durable = a->durable, .totp_issuer = TEXT("Hlidka"), .sessions_max = SCENE_LIMIT, .changed = on_changed,
        .reused = on_reused, .cookie = a,
        .lifetimes = LIFETIMES,
    }, &a->authn.people), RESULT_OK);
    open_introspection(a);
    cr_assert_eq(authorization_load("config/authorize.yaml", &a->rules, &why), RESULT_OK, "%.*s", (int)why.len, why.data);
    a->authn.authorization = &a->rules;
    a->authn.tell = tell_audit;
    a->authn.cookie = a;
    scene.f->options.handler_cookie = &a->authn;
    fixture_bus_start(scene.f, i);
    buffer_free(&why);
}

void auth_scene_open(void)
{
    char path[128];

    scene = (struct auth_scene){ .server = db_postgres_start(NULL), .f = fixture_new_of("auth") };
    scene.f->options.routes = authn_routes;
    scene.f->options.route_count = authn_route_count;
    scene.f->options.listener = &LISTENER;
    snprintf(path, sizeof(path), "%s/url", scene.f->directory);
    FILE *file = fopen(path, "w");
    cr_assert(file && fputs(db_server_url(scene.server), file) >= 0 && fclose(file) == 0 && chmod(path, 0600) == 0);
    for (unsigned i = 0; i < SCENE_INSTANCES; i++)
        open_instance(i, path);
    cr_assert(fixture_wait(scene.f, all_open, NULL, 30000));
}

void auth_scene_close(void)
{
    for (unsigned i = 0; i < SCENE_INSTANCES; i++)
        fixture_bus_stop_begin(scene.f, i, 1000);
    for (unsigned i = 0; i < SCENE_INSTANCES; i++)
        durable_close(scene.at[i].durable, on_closed, NULL);
    cr_assert(fixture_wait(scene.f, all_closed, NULL, 10000));
    for (unsigned i = 0; i < SCENE_INSTANCES; i++)
        fixture_bus_stop(scene.f, i, 1000);
    for (unsigned i = 0; i < SCENE_INSTANCES; i++) {
        introspection_close(&scene.at[i].introspection);
        people_free(scene.at[i].authn.people);
        telegram_bot_close(&scene.at[i].authn.bot);
        metrics_free(scene.at[i].service.metrics);
    }
    fixture_free(scene.f);
    db_server_stop(scene.server);
}

/* ---- what stands in PostgreSQL ----------------------------------------------------------------------------------- */

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

/* Each text is another statement: kept, as pg.h wants them to outlive the pool. */
int64_t scene_sql(const char *text)
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
        statements[i] = (struct pg_statement){ names[i], text_dup(text_of(text)), "" };
        count++;
    }
    cr_assert_eq(pg_batch_new(64, &b), RESULT_OK);
    cr_assert_eq(pg_batch_add(b, &statements[i], NULL, 0), RESULT_OK);
    cr_assert_eq(pg_submit(durable_pg(scene.at[0].durable), b, 5000, on_answer, &a), RESULT_OK);
    cr_assert(fixture_wait(scene.f, is_over, &a, 6000));
    return a.n;
}

void scene_expect_sql(const char *text, int64_t n)
{
    int64_t is = scene_sql(text);

    for (unsigned i = 0; i < 100 && is != n; i++) {
        fixture_sleep(scene.f, 100);
        is = scene_sql(text);
    }
    cr_expect_eq(is, n, "%s: %ld, not %ld", text, (long)is, (long)n);
}

static struct pg_txn *holder;

static void on_held(void *cookie, struct pg_txn *txn, struct pg_batch *b)
{
    ((struct answer *)cookie)->over = true;
    holder = txn;
    pg_batch_free(b);
}

void scene_hold_users(void)
{
    static const struct pg_statement HOLD = { "test_hold", "SELECT count(*) FROM (SELECT 1 FROM users FOR NO KEY UPDATE) AS u", "" };
    struct answer a = { false, 0 };
    struct pg_batch *b;

    cr_assert_eq(pg_batch_new(64, &b), RESULT_OK);
    cr_assert_eq(pg_batch_add(b, &HOLD, NULL, 0), RESULT_OK);
    cr_assert_eq(pg_begin(durable_pg(scene.at[0].durable), b, 5000, on_held, &a), RESULT_OK);
    cr_assert(fixture_wait(scene.f, is_over, &a, 6000) && holder);
}

void scene_let_go(void)
{
    pg_rollback(holder);
    holder = NULL;
}

/* ---- what clients ask -------------------------------------------------------------------------------------------- */

void scene_sign(const char *person, unsigned age_s, struct text_pair fields[4])
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
    int len = snprintf(text, sizeof(text), "auth_date=%s\nfirst_name=Jiřina\nid=%s", date, person);
    crypto_hash_sha256(key, (const uint8_t *)SCENE_BOT, strlen(SCENE_BOT));
    crypto_auth_hmacsha256_init(&state, key, sizeof(key));
    crypto_auth_hmacsha256_update(&state, (const uint8_t *)text, (unsigned long long)len);
    crypto_auth_hmacsha256_final(&state, mac);
    sodium_bin2hex(hash, sizeof(hashes[0]), mac, sizeof(mac));
    fields[0] = (struct text_pair){ TEXT("id"), text_of(person) };
    fields[1] = (struct text_pair){ TEXT("first_name"), TEXT("Jiřina") };
    fields[2] = (struct text_pair){ TEXT("auth_date"), text_of(date) };
    fields[3] = (struct text_pair){ TEXT("hash"), text_of(hash) };
}

void scene_send(const struct uuid *id, const char *op, const struct schema *schema, const void *body, int32_t partition)
{
    struct envelope_header h = client_header(&scene.f->backend, op);
    struct buffer encoded, value;

    h.id = *id;
    buffer_init(&encoded, 65536);
    buffer_init(&value, 65536);
    struct mp_writer w = mp_writer_to(&encoded);
    cr_assert_eq(body_encode(schema, body, &w), RESULT_OK);
    client_seal(&scene.f->backend, &h, buffer_bytes(&encoded), &value);
    client_send(&scene.f->backend, fixture_own_topic(scene.f, "requests"), partition, (struct bytes){ 0 }, buffer_bytes(&value));
    buffer_free(&value);
    buffer_free(&encoded);
}

struct uuid scene_fresh_id(void)
{
    return client_header(&scene.f->backend, "auth.user.get").id;
}

void scene_send_login(const struct uuid *id, struct text_pair fields[4], const struct auth_device *device, int32_t partition)
{
    struct auth_login_telegram_widget_request body = { .fields = { fields, 4 }, .device = *device };

    scene_send(id, "auth.login.telegram_widget", &schema_auth_login_telegram_widget_request, &body, partition);
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

const struct arrived *scene_reply(const struct uuid *id, size_t i)
{
    struct wanted w = { id, i + 1 };

    cr_assert(fixture_wait(scene.f, replied, &w, 20000), "reply %zu", i);
    return client_reply(&scene.f->backend, id, i);
}

static bool events_came(struct fixture *fixture, void *cookie)
{
    return fixture->events.count >= *(size_t *)cookie;
}

void scene_expect_events(size_t count)
{
    cr_expect(fixture_wait(scene.f, events_came, &count, 10000));
    fixture_sleep(scene.f, 1200);
    cr_expect_eq(scene.f->events.count, count, "%zu events, not %zu", scene.f->events.count, count);
}
