/*
 * How long a revoked session is still accepted, over all instances of auth: for each round a login; lanes that
 * introspect its token by every partition, and so at every instance, until each has had yes from memory; a revocation;
 * and the lanes go on until each has heard no often enough. Measured is to the last yes that arrived: from the sending
 * of the revocation (`took`), and from its answer (`after`, 0 where none came later). A yes to what was sent over a
 * second after the answer is a breach.
 *
 *     revocation RUN ROUNDS [DEADLINE_MS]
 *
 * RUN is a stack's directory. Prints one line of JSON. Exit codes: 0 no breach and p99 of `took` under a second, 1
 * otherwise, 2 it could not run. Whoever stops and wakes instances meanwhile (tests/faults) asks for a long deadline, so
 * that what they have fetched is still wanted when they wake, and looks at `after`: the revocation itself may have gone
 * to one that sleeps.
 */
#include "clock.h"
#include "entropy.h"
#include "hlidka.h"
#include "stack_env.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#define LANES 36u                       /* over 12 partitions */
#define LANE_MS 3u                      /* between two uses of a lane */
#define WARM 3u                         /* times yes before the revocation */
#define COLD 8u                         /* times no before the round is over */
#define ROUNDS_MAX 100000u
#define BREACH_US 1000000u
#define ROUND_MS 120000u

enum phase { CONNECTING, LOGIN, WARMING, REVOKING, REVOKED };

struct lane {
    char key[16];
    bool out;
    uint64_t sent_us;
    unsigned yes, no;                   /* in a row */
};

static struct {
    uv_loop_t loop;
    uv_timer_t tick;
    struct hlidka *client;
    uint8_t bot_key[32];                /* SHA-256 of the bot's token */
    unsigned deadline_ms;
    enum phase phase;
    uint64_t phase_us;
    unsigned round, rounds;
    uint64_t telegram_id;
    char token[128], user_id[80], session_id[40];
    struct lane lanes[LANES];
    uint64_t asked_us, answered_us, last_yes_us;
    uint32_t *took_us, *after_us;       /* by round */
    uint64_t uses, timeouts, refused, breaches;
    char key_path[1024];
} app;

static void die(const char *what, const char *why)
{
    fprintf(stderr, "revocation: %s: %s\n", what, why);
    exit(2);
}

static uint64_t now_us(void)
{
    return clock_boot_ns() / 1000;
}

static void enter(enum phase phase)
{
    app.phase = phase;
    app.phase_us = now_us();
}

static void call(const char *op, struct hlidka_body *body, const char *key, hlidka_done done, void *cookie)
{
    struct hlidka_request q = {
        .op = op, .body = hlidka_body_bytes(body), .deadline_ms = app.deadline_ms, .key = { key, key ? strlen(key) : 0 },
    };
    enum hlidka_status s = hlidka_call(app.client, &q, done, cookie, NULL);

    hlidka_body_free(body);
    if (s != HLIDKA_OK)
        die(op, hlidka_status_text(s));
}

static void keep_text(char *out, size_t room, struct hlidka_bytes map, const char *name)
{
    struct hlidka_value v = hlidka_get(map, name);

    if (v.type != HLIDKA_TEXT || v.len >= room)
        die(name, "not in the answer");
    memcpy(out, v.text, v.len);
    out[v.len] = '\0';
}

/* ---- a session ---------------------------------------------------------------------------------------------------- */

static void log_in(void);

static void on_login(void *cookie, const struct hlidka_reply *reply)
{
    (void)cookie;
    if (reply->outcome == HLIDKA_TIMEOUT || reply->status == 503) {
        log_in();                       /* somebody else: whether the first has a session is all the same */
        return;
    }
    if (reply->outcome != HLIDKA_OK)
        die("login", reply->code);
    keep_text(app.token, sizeof(app.token), reply->result, "token");
    keep_text(app.user_id, sizeof(app.user_id), reply->result, "user_id");
    keep_text(app.session_id, sizeof(app.session_id), reply->result, "session_id");
    for (unsigned i = 0; i < LANES; i++)
        app.lanes[i].yes = app.lanes[i].no = 0;
    enter(WARMING);
}

static void log_in(void)
{
    char text[256], id[24], date[24], hash[65];
    uint8_t mac[32];
    crypto_auth_hmacsha256_state state;
    struct hlidka_body *body = hlidka_body_new();

    snprintf(id, sizeof(id), "%" PRIu64, app.telegram_id++);
    snprintf(date, sizeof(date), "%" PRIu64, clock_unix_ms() / 1000);
    int len = snprintf(text, sizeof(text), "auth_date=%s\nfirst_name=Jana\nid=%s", date, id);
    crypto_auth_hmacsha256_init(&state, app.bot_key, sizeof(app.bot_key));
    crypto_auth_hmacsha256_update(&state, (const uint8_t *)text, (unsigned long long)len);
    crypto_auth_hmacsha256_final(&state, mac);
    sodium_bin2hex(hash, sizeof(hash), mac, sizeof(mac));
    hlidka_begin_map(body, "fields");
    hlidka_put_text(body, "auth_date", date);
    hlidka_put_text(body, "first_name", "Jana");
    hlidka_put_text(body, "id", id);
    hlidka_put_text(body, "hash", hash);
    hlidka_end(body);
    hlidka_begin_map(body, "device");
    hlidka_put_text(body, "type", "web");
    hlidka_put_text(body, "info", "Firefox on Linux");
    hlidka_end(body);
    enter(LOGIN);
    call("auth.login.telegram_widget", body, id, on_login, NULL);
}

static void revoke_session(void);

static void on_revoked(void *cookie, const struct hlidka_reply *reply)
{
    (void)cookie;
    if (reply->outcome == HLIDKA_TIMEOUT || reply->status == 503) {
        revoke_session();
        return;
    }
    if (reply->outcome != HLIDKA_OK)
        die("revoke", reply->code);
    app.answered_us = now_us();
    enter(REVOKED);
}

static void revoke_session(void)
{
    struct hlidka_body *body = hlidka_body_new();

    hlidka_put_text(body, "user_id", app.user_id);
    hlidka_put_text(body, "session_id", app.session_id);
    enter(REVOKING);
    call("auth.session.revoke", body, NULL, on_revoked, NULL);
}

/* ---- its uses ----------------------------------------------------------------------------------------------------- */

static void on_used(void *cookie, const struct hlidka_reply *reply)
{
    struct lane *lane = cookie;

    lane->out = false;
    app.timeouts += reply->outcome == HLIDKA_TIMEOUT;
    app.refused += reply->outcome == HLIDKA_REFUSED;
    if (reply->outcome != HLIDKA_OK)
        return;
    app.uses++;
    if (!hlidka_get(reply->result, "active").boolean) {
        lane->yes = 0;
        lane->no++;
        if (app.phase == WARMING)
            die("introspect", "a living session is said to be dead");
        return;
    }
    lane->no = 0;
    lane->yes++;
    if (app.phase < REVOKING)
        return;
    app.last_yes_us = now_us();
    if (app.phase == REVOKED && lane->sent_us > app.answered_us + BREACH_US) {
        app.breaches++;
        fprintf(stderr, "revocation: accepted %" PRIu64 " ms after it was revoked\n", (lane->sent_us - app.answered_us) / 1000);
    }
}

static void use(struct lane *lane)
{
    struct hlidka_body *body = hlidka_body_new();

    lane->out = true;
    lane->sent_us = now_us();
    hlidka_put_text(body, "token", app.token);
    call("auth.session.introspect", body, lane->key, on_used, lane);
}

static bool all_lanes(unsigned yes, unsigned no)
{
    for (unsigned i = 0; i < LANES; i++)
        if (app.lanes[i].yes < yes || app.lanes[i].no < no)
            return false;
    return true;
}

/* What is still out belongs to this round's token: the next begins when all has come in. */
static bool any_out(void)
{
    for (unsigned i = 0; i < LANES; i++)
        if (app.lanes[i].out)
            return true;
    return false;
}

/* To the last yes, which may have been before. */
static uint32_t since(uint64_t us)
{
    uint64_t took = app.last_yes_us > us ? app.last_yes_us - us : 0;

    return took > UINT32_MAX ? UINT32_MAX : (uint32_t)took;
}

static void end_round(void)
{
    app.took_us[app.round] = since(app.asked_us);
    app.after_us[app.round] = since(app.answered_us);
    app.round++;
    if (app.round == app.rounds) {
        uv_stop(&app.loop);
        return;
    }
    log_in();
}

static void on_tick(uv_timer_t *timer)
{
    (void)timer;
    if (app.phase == CONNECTING || app.phase == LOGIN)
        return;
    if (now_us() - app.phase_us > ROUND_MS * 1000u)
        die("a round", "did not end");
    if (app.phase == WARMING && all_lanes(WARM, 0)) {
        app.asked_us = now_us();
        revoke_session();
    }
    bool done = app.phase == REVOKED && all_lanes(0, COLD);
    if (done && !any_out()) {
        end_round();
        return;
    }
    for (unsigned i = 0; i < LANES && !done; i++)
        if (!app.lanes[i].out)
            use(&app.lanes[i]);
}

/* ---- the end, and the beginning ------------------------------------------------------------------------------------ */

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

/* In ms; of sorted values, the next higher one. */
static double percentile(const uint32_t *us, unsigned percent)
{
    return us[(app.rounds * percent + 99) / 100 - 1] / 1000.0;
}

static int report(void)
{
    qsort(app.took_us, app.rounds, sizeof(*app.took_us), compare);
    qsort(app.after_us, app.rounds, sizeof(*app.after_us), compare);
    printf("{\"rounds\":%u,\"took_p50_ms\":%.1f,\"took_p99_ms\":%.1f,\"took_max_ms\":%.1f,\"after_p99_ms\":%.1f,"
           "\"after_max_ms\":%.1f,\"breaches\":%" PRIu64 ",\"uses\":%" PRIu64 ",\"timeouts\":%" PRIu64 ",\"refused\":%" PRIu64
           "}\n",
           app.rounds, percentile(app.took_us, 50), percentile(app.took_us, 99), percentile(app.took_us, 100),
           percentile(app.after_us, 99), percentile(app.after_us, 100), app.breaches, app.uses, app.timeouts, app.refused);
    return app.breaches > 0 || percentile(app.took_us, 99) >= 1000 ? 1 : 0;
}

static char *stack_value(const char *run, const char *name)
{
    char *value = stack_env(run, name);

    if (!value)
        die(name, "no stack is up in that directory, or its env does not say");
    return value;
}

static void read_bot_key(const char *path)
{
    char token[256] = "";
    FILE *f = fopen(path, "r");

    if (!f || !fgets(token, sizeof(token), f))
        die(path, "no token of a bot");
    fclose(f);
    token[strcspn(token, "\r\n")] = '\0';
    crypto_hash_sha256(app.bot_key, (const uint8_t *)token, strlen(token));
}

static void on_ready(void *cookie)
{
    (void)cookie;
    log_in();
}

static void on_notice(void *cookie, const char *text)
{
    (void)cookie;
    fprintf(stderr, "revocation: %s\n", text);
}

static void open_client(const char *run)
{
    char why[HLIDKA_WHY_LEN];
    const struct hlidka_property quick = { "fetch.wait.max.ms", "100" };
    const struct hlidka_options options = {
        .brokers = stack_value(run, "HLIDKA_BROKERS"), .prefix = stack_value(run, "HLIDKA_TOPIC_PREFIX"), .principal = "backend",
        .principals_path = stack_value(run, "HLIDKA_PRINCIPALS"), .key_path = app.key_path, .properties = &quick,
        .property_count = 1, .ready = on_ready, .notice = on_notice,
    };

    snprintf(app.key_path, sizeof(app.key_path), "%s/backend.key", stack_value(run, "HLIDKA_KEYS"));
    if (hlidka_open(&app.loop, &options, &app.client, why) != HLIDKA_OK)
        die("client", why);
}

int main(int argc, char **argv)
{
    uint32_t random;

    if (argc < 3 || argc > 4)
        die("usage", "revocation RUN ROUNDS [DEADLINE_MS]");
    app.rounds = (unsigned)strtoul(argv[2], NULL, 10);
    app.deadline_ms = argc == 4 ? (unsigned)strtoul(argv[3], NULL, 10) : 2000;
    if (app.rounds < 1 || app.rounds > ROUNDS_MAX)
        die("ROUNDS", "not a number in its range");
    app.took_us = calloc(app.rounds, sizeof(*app.took_us));
    app.after_us = calloc(app.rounds, sizeof(*app.after_us));
    if (!app.took_us || !app.after_us)
        die("memory", "none left");
    if (entropy_start() || uv_loop_init(&app.loop) || uv_timer_init(&app.loop, &app.tick) ||
        uv_timer_start(&app.tick, on_tick, LANE_MS, LANE_MS))
        die("libuv", "did not start");
    entropy_fill(&random, sizeof(random));
    app.telegram_id = UINT64_C(8000000000) + (uint64_t)random * 1000;
    for (unsigned i = 0; i < LANES; i++)
        snprintf(app.lanes[i].key, sizeof(app.lanes[i].key), "lane-%u", i);
    read_bot_key(stack_value(argv[1], "HLIDKA_TELEGRAM_TOKEN_FILE"));
    open_client(argv[1]);
    uv_run(&app.loop, UV_RUN_DEFAULT);
    return report();
}
