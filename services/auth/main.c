/* auth: who is this. The wiring, and nothing else; DESIGN.md says how it works. */
#include "authn.h"
#include "audit.h"
#include "authorization_file.h"
#include "broadcast.h"
#include "bus.h"
#include "clock.h"
#include "file.h"
#include "outgoing.h"
#include "people_open.h"
#include "service.h"
#include "store_bearers.h"
#include "store_reuse.h"

#include <stdlib.h>

#define TICK_MS 60000
#define STORE_TIMEOUT_MS 2000

struct settings {
    const char *pg_url_file;
    const char *telegram_token_file;
    const char *totp_issuer, *authorize;
    uint64_t pg_connections;
    uint64_t login_max_age_s;
    uint64_t sliding_s, web_inactivity_s, inactivity_s, absolute_s;
    uint64_t sessions_per_user;
    uint64_t sessions_in_memory;
};

#define YEAR_S (366 * 24 * 3600)

static const struct env_setting SETTINGS[] = {
    { "HLIDKA_PG_URL_FILE", ENV_TEXT, offsetof(struct settings, pg_url_file), .required = true,
      .help = "file with postgresql://user:password@host:port/database" },
    { "HLIDKA_PG_CONNECTIONS", ENV_UINT, offsetof(struct settings, pg_connections), .fallback = "8", .min = 2, .max = 64,
      .help = "connections to PostgreSQL" },
    { "HLIDKA_TELEGRAM_TOKEN_FILE", ENV_TEXT, offsetof(struct settings, telegram_token_file), .required = true,
      .help = "file with the bot's token, whose logins are taken" },
    { "HLIDKA_LOGIN_MAX_AGE_S", ENV_UINT, offsetof(struct settings, login_max_age_s), .fallback = "86400", .min = 60,
      .max = 7 * 86400, .help = "how long after Telegram signed it a login is taken" },
    { "HLIDKA_TOTP_ISSUER", ENV_TEXT, offsetof(struct settings, totp_issuer), .fallback = "Hlidka",
      .help = "what authenticator apps show beside a code, 1 to 32 of [A-Za-z0-9 ._-]" },
    { "HLIDKA_AUTHORIZE", ENV_TEXT, offsetof(struct settings, authorize), .fallback = "config/authorize.yaml",
      .help = "what a session must have shown for an action; read again when it changes" },
    { "HLIDKA_SESSION_SLIDING_S", ENV_UINT, offsetof(struct settings, sliding_s), .fallback = "2592000", .min = 60,
      .max = YEAR_S, .help = "a session's life after its last activity" },
    { "HLIDKA_SESSION_WEB_INACTIVITY_S", ENV_UINT, offsetof(struct settings, web_inactivity_s), .fallback = "604800",
      .min = 60, .max = YEAR_S, .help = "the same for web sessions; the shorter counts" },
    { "HLIDKA_SESSION_INACTIVITY_S", ENV_UINT, offsetof(struct settings, inactivity_s), .fallback = "2592000", .min = 60,
      .max = YEAR_S, .help = "the same for all other sessions; the shorter counts" },
    { "HLIDKA_SESSION_MAX_S", ENV_UINT, offsetof(struct settings, absolute_s), .fallback = "15552000", .min = 60,
      .max = YEAR_S, .help = "a session's life after its login, whatever it is used for" },
    { "HLIDKA_SESSIONS_PER_USER", ENV_UINT, offsetof(struct settings, sessions_per_user), .fallback = "20", .min = 1,
      .max = 200, .help = "alive at once; the one longest idle gives way" },
    { "HLIDKA_SESSIONS_IN_MEMORY", ENV_UINT, offsetof(struct settings, sessions_in_memory), .fallback = "100000", .min = 1,
      .max = 10000000, .help = "from which introspection answers; 1 KiB each at most" },
};

struct app {
    struct authn authn;                 /* first: what handlers are given */
    struct service *service;
    struct durable *durable;
    struct lifetimes lifetimes;
    const char *authorize_path;
    struct authorization *authorization;
    struct introspection introspection;
    struct store_bearers bearers;
    struct store_reuse reuse;
    bool stopping;
};

static struct lifetimes lifetimes_of(const struct settings *set)
{
    return (struct lifetimes){
        .sliding_ms = set->sliding_s * 1000,
        .web_inactivity_ms = set->web_inactivity_s * 1000,
        .inactivity_ms = set->inactivity_s * 1000,
        .absolute_ms = set->absolute_s * 1000,
    };
}

static enum result open_bot(const struct settings *set, struct telegram_bot *out, struct buffer *why)
{
    struct secret *file;
    enum result r = file_read_secret(set->telegram_token_file, &file, why);

    if (r)
        return r;
    struct bytes token = secret_bytes(file);
    r = telegram_bot_open((struct text){ (const char *)token.data, token.len }, out);
    secret_free(file);
    if (r == RESULT_BAD_CONFIG
        && buffer_printf(why, "%s: expected a bot's token, <digits>:<letters, digits, - and _>", set->telegram_token_file))
        return RESULT_NO_MEMORY;
    return r;
}

/* It stands in the label of a key URI, which a colon would cut. */
static enum result check_issuer(const char *issuer, struct buffer *why)
{
    static const char LETTERS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 ._-";
    size_t len = strlen(issuer);

    if (len >= 1 && len <= 32 && strspn(issuer, LETTERS) == len)
        return RESULT_OK;
    if (buffer_printf(why, "HLIDKA_TOTP_ISSUER: expected 1 to 32 of [A-Za-z0-9 ._-]"))
        return RESULT_NO_MEMORY;
    return RESULT_BAD_CONFIG;
}

static enum result load_authorization(const char *path, struct authorization **out, struct buffer *why)
{
    struct authorization *a = calloc(1, sizeof(*a));
    enum result r = a ? authorization_load(path, a, why) : RESULT_NO_MEMORY;

    if (r) {
        free(a);
        return r;
    }
    *out = a;
    return RESULT_OK;
}

static enum result check_authorize(const char *path, struct buffer *why)
{
    struct authorization *a = NULL;
    enum result r = load_authorization(path, &a, why);

    free(a);
    return r;
}

static enum result check_config(const void *settings, struct buffer *why)
{
    struct telegram_bot bot = { NULL, NULL };
    const struct settings *set = settings;
    enum result r = open_bot(set, &bot, why);

    telegram_bot_close(&bot);
    if (!r)
        r = check_issuer(set->totp_issuer, why);
    return r ? r : check_authorize(set->authorize, why);
}

static void opened(void *cookie)
{
    struct app *a = cookie;

    if (people_opened(a->authn.people))
        service_give_up(a->service, "auth: no memory for the keys of its columns");
}

/* ---- introspection and what makes it forget ---------------------------------------------------------------------- */

static void changed(void *cookie, struct text user_id, const struct uuid *session)
{
    struct app *a = cookie;

    introspection_revoked(&a->introspection, user_id, session);
}

static void reused(void *cookie, const struct uuid *session, struct text user_id, struct text trace, uint64_t now_ms)
{
    struct app *a = cookie;

    reuses_note(a->introspection.reuses, session, user_id, NULL, trace, now_ms);
}

static void on_revoked(void *cookie, const struct auth_revoked *r)
{
    changed(cookie, r->user_id, r->has_session_id ? &r->session_id : NULL);
}

static void on_missed(void *cookie)
{
    struct app *a = cookie;

    introspection_missed(&a->introspection);
}

static bool fresh(void *cookie)
{
    const struct app *a = cookie;
    struct bus *bus = service_bus(a->service);

    return bus && bus_fresh(bus);
}

static void tell_reuse(void *cookie, const struct reuse *r)
{
    struct app *a = cookie;

    store_reuse_tell(&a->reuse, r);
}

static void tell_audit(void *cookie, const struct audit_event *event)
{
    const struct app *a = cookie;
    struct bus *bus = service_bus(a->service);

    if (bus)
        bus_event(bus, event, text_bytes(event->user_id));
}

static enum result adopt_authorization(void *cookie, struct buffer *why)
{
    struct app *a = cookie;
    struct authorization *next;
    enum result r = load_authorization(a->authorize_path, &next, why);

    if (r)
        return r;
    bool other = a->authorization && memcmp(a->authorization->sha256, next->sha256, sizeof(next->sha256)) != 0;
    free(a->authorization);
    a->authn.authorization = a->authorization = next;
    if (other)
        bus_config_changed(service_bus(a->service), TEXT("authorize"), next->sha256);
    return RESULT_OK;
}

static enum result open_introspection(struct app *a, const struct settings *set)
{
    store_reuse_init(&a->reuse, a->durable, STORE_TIMEOUT_MS);
    store_bearers_init(&a->bearers, a->authn.people, STORE_TIMEOUT_MS);
    a->authn.introspection = &a->introspection;
    return introspection_open(&a->introspection,
                              &(struct introspection_options){
                                  .sessions = set->sessions_in_memory, .lifetimes = &a->lifetimes,
                                  .store = &a->bearers.store, .fresh = fresh, .tell = tell_reuse, .cookie = a,
                                  .metrics = service_metrics(a->service),
                              });
}

/* ---- the store --------------------------------------------------------------------------------------------------- */

static void tick(void *state)
{
    struct app *a = state;

    if (a->stopping)
        return;
    people_tick(a->authn.people, clock_unix_ms());
    introspection_tick(&a->introspection);
}

static enum result open_store(struct app *a, const struct settings *set, struct buffer *why)
{
    static const char *const STREAMS[] = { OUTGOING_EVENTS, OUTGOING_REVOCATIONS, NULL };
    enum result r = durable_open(
        &(struct durable_options){
            .service = a->service, .pg_url_file = set->pg_url_file, .schema = "auth", .streams = STREAMS, .data_key = true,
            .connections = (unsigned)set->pg_connections, .opened = opened, .cookie = a,
        },
        &a->durable, why);

    if (r)
        return r;
    r = people_new(
        &(struct people_options){
            .durable = a->durable, .lifetimes = a->lifetimes, .sessions_max = set->sessions_per_user, .totp_issuer = text_of(set->totp_issuer),
            .changed = changed, .reused = reused, .cookie = a,
        },
        &a->authn.people);
    if (!r && (r = open_introspection(a, set)))
        people_free(a->authn.people);
    if (r)
        durable_close(a->durable, NULL, NULL);
    return r;
}

/* All that is not a handle of the loop. */
static void free_app(struct app *a)
{
    introspection_close(&a->introspection);
    people_free(a->authn.people);
    telegram_bot_close(&a->authn.bot);
    free(a->authorization);
    free(a);
}

static enum result start(struct service *s, const void *settings, void **state, struct buffer *why)
{
    const struct settings *set = settings;
    struct app *a = calloc(1, sizeof(*a));
    enum result r;

    if (!a)
        return RESULT_NO_MEMORY;
    a->service = s;
    a->lifetimes = lifetimes_of(set);
    a->authorize_path = set->authorize;
    a->authn.tell = tell_audit;
    a->authn.cookie = a;
    a->authn.login_max_age_ms = set->login_max_age_s * 1000;
    if ((r = check_issuer(set->totp_issuer, why)))
        goto fail;
    if ((r = service_config(s, &(struct config_file){ "authorize", set->authorize, NULL, adopt_authorization, a }, why)))
        goto fail;
    if ((r = open_bot(set, &a->authn.bot, why)))
        goto fail;
    if ((r = open_store(a, set, why)))
        goto fail_bot;
    *state = a;
    return RESULT_OK;

fail_bot:
    telegram_bot_close(&a->authn.bot);
fail:
    free(a->authorization);
    free(a);
    return r;
}

static void ready(void *state, struct buffer *reasons)
{
    const struct app *a = state;

    durable_ready(a->durable, reasons);
}

static void closed(void *cookie)
{
    struct app *a = cookie;
    struct service *s = a->service;

    free_app(a);
    service_stopped(s);
}

static void stop(struct service *s, void *state)
{
    struct app *a = state;

    (void)s;
    a->stopping = true;
    durable_close(a->durable, closed, a);
}

int main(int argc, char **argv)
{
    static const struct broadcast_listener LISTENER = { on_revoked, on_missed };
    const struct service_spec spec = {
        .name = "auth",
        .summary = "who is this: logins, sessions, devices",
        .settings = SETTINGS,
        .setting_count = sizeof(SETTINGS) / sizeof(SETTINGS[0]),
        .settings_size = sizeof(struct settings),
        .routes = authn_routes,
        .route_count = authn_route_count,
        .listener = &LISTENER,
        .check = check_config,
        .start = start,
        .tick = tick,
        .tick_ms = TICK_MS,
        .ready = ready,
        .stop = stop,
    };

    return service_run(&spec, argc, argv);
}
