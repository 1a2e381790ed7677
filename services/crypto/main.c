/* crypto: nobody reads content at rest. The wiring, and nothing else; DESIGN.md says how it works. */
#include "blobs_dir.h"
#include "claim.h"
#include "clock.h"
#include "entropy.h"
#include "file.h"
#include "janitor.h"
#include "offload.h"
#include "outgoing.h"
#include "rings_open.h"
#include "service.h"
#include "store_recordings.h"

#include <stdlib.h>

#define DECRYPTS_MAX 10000
#define TICKS_A_SECOND (1000 / RINGS_READ_MS)

struct settings {
    const char *pg_url_file;
    const char *root_key_file;
    const char *blobs;
    uint64_t pg_connections;
};

static const struct env_setting SETTINGS[] = {
    { "HLIDKA_PG_URL_FILE", ENV_TEXT, offsetof(struct settings, pg_url_file), .required = true,
      .help = "file with postgresql://user:password@host:port/database" },
    { "HLIDKA_PG_CONNECTIONS", ENV_UINT, offsetof(struct settings, pg_connections), .fallback = "8", .min = 2, .max = 64,
      .help = "connections to PostgreSQL" },
    { "HLIDKA_ROOT_KEY_FILE", ENV_TEXT, offsetof(struct settings, root_key_file), .required = true,
      .help = "file with the root keys, one a line: <version>:<base64 of 32 bytes>; a bare one is version 1" },
    { "HLIDKA_BLOBS", ENV_TEXT, offsetof(struct settings, blobs), .required = true,
      .help = "directory of the recordings' bytes, the same for all instances" },
};

struct app {
    struct vault vault;                 /* first: what handlers are given */
    struct service *service;
    struct roots *roots;
    struct claim *claim;
    struct janitor *janitor;
    unsigned ticks;
    unsigned closing;                   /* of the store and the thread pool's work: what has not closed yet */
};

static enum result open_roots(const struct settings *set, struct roots **out, struct buffer *why)
{
    struct secret *file;
    size_t line;
    enum result r = file_read_secret(set->root_key_file, &file, why);

    if (r)
        return r;
    r = roots_parse(file, out, &line);
    secret_free(file);
    if (r == RESULT_BAD_CONFIG
        && buffer_printf(why, "%s: line %zu: expected <version>:<base64 of 32 bytes>, each version once", set->root_key_file,
                         line))
        return RESULT_NO_MEMORY;
    return r;
}

static enum result check_config(const void *settings, struct buffer *why)
{
    struct roots *roots = NULL;
    enum result r = open_roots(settings, &roots, why);

    roots_free(roots);
    return r;
}

/* ---- opening: schema, whose blobs, keys, the service's own secret -------------------------------------------------- */

static void migrated(void *cookie)
{
    struct app *a = cookie;

    claim_start(a->claim);
}

static void claimed(void *cookie)
{
    struct app *a = cookie;

    rings_start(a->vault.rings);
}

static void refused(void *cookie, const char *why)
{
    struct app *a = cookie;

    service_give_up(a->service, why);
}

static void known(void *cookie, const struct secret *secret)
{
    struct app *a = cookie;

    if (durable_set_secret(a->vault.durable, secret))
        service_give_up(a->service, "the service's own key cannot be used");
}

static void send_event(void *cookie, const struct audit_event *event, struct bytes key)
{
    const struct app *a = cookie;
    struct bus *bus = service_bus(a->service);

    if (bus)
        bus_event(bus, event, key);
}

static void tick(void *state)
{
    struct app *a = state;

    if (a->closing > 0)
        return;
    rings_tick(a->vault.rings);
    if (++a->ticks % TICKS_A_SECOND != 0)
        return;
    claim_tick(a->claim);
    janitor_tick(a->janitor);
    decrypts_tick(a->vault.decrypts, clock_unix_ms());
}

static enum result add_metrics(struct app *a)
{
    struct metrics *m = service_metrics(a->service);
    const struct vault_stats *s = &a->vault.stats;
    const struct {
        const char *name, *help, *labels;
        const uint64_t *value;
    } counters[] = {
        { "hlidka_crypto_tampered_total", "Things stored that were found changed.", NULL, &s->tampered },
        { "hlidka_crypto_ended_total", "Recordings taken away by the janitor.", "why=\"expired\"", &s->expired },
        { "hlidka_crypto_ended_total", "Recordings taken away by the janitor.", "why=\"dropped\"", &s->dropped },
        { "hlidka_crypto_orphans_total", "Blobs of nobody that were removed.", NULL, &s->orphans },
        { "hlidka_crypto_encrypted_total", "Items encrypted.", NULL, &s->encrypted },
        { "hlidka_crypto_decrypted_total", "Items to decrypt.", "end=\"failed\"", &s->items[0] },
        { "hlidka_crypto_decrypted_total", "Items to decrypt.", "end=\"opened\"", &s->items[1] },
    };
    enum result r = rings_metrics(a->vault.rings, m);

    for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]) && !r; i++)
        r = metrics_counter(m, counters[i].name, counters[i].help, counters[i].labels, counters[i].value);
    return r;
}

static enum result make_parts(struct app *a, const struct settings *set, struct buffer *why)
{
    struct vault *v = &a->vault;
    uint8_t seed[16], shard;

    entropy_fill(seed, sizeof(seed));
    entropy_fill(&shard, sizeof(shard));
    enum result r = blobs_dir_open(set->blobs, &v->blobs, why);
    if (!r)
        r = decrypts_new(DECRYPTS_MAX, seed, tell_decrypts, v, &v->decrypts);
    if (!r)
        r = janitor_new(v, BLOB_GRACE_MS, shard, &a->janitor);
    if (!r)
        r = claim_new(&(struct claim_options){ .vault = v, .claimed = claimed, .refused = refused, .cookie = a }, &a->claim);
    return r;
}

/* Last of all, since what it begins has to be closed by the loop. */
static enum result open_store(struct app *a, const struct settings *set, struct buffer *why)
{
    static const char *const STREAMS[] = { OUTGOING_EVENTS, NULL };
    enum result r = durable_open(
        &(struct durable_options){
            .service = a->service, .pg_url_file = set->pg_url_file, .schema = "crypto", .streams = STREAMS,
            .connections = (unsigned)set->pg_connections, .migrated = migrated, .cookie = a,
        },
        &a->vault.durable, why);

    if (r)
        return r;
    r = rings_new(&(struct rings_options){ .durable = a->vault.durable, .roots = a->roots, .known = known, .cookie = a },
                  &a->vault.rings);
    if (!r)
        r = add_metrics(a);
    if (!r)
        r = offload_new(service_loop(a->service), service_metrics(a->service), &a->vault.offload);
    if (r)
        durable_close(a->vault.durable, NULL, NULL);
    return r;
}

/* All that is not a handle of the loop. */
static void free_app(struct app *a)
{
    struct vault *v = &a->vault;

    rings_free(v->rings);
    claim_free(a->claim);
    janitor_free(a->janitor);
    decrypts_free(v->decrypts);
    if (v->blobs)
        v->blobs->free(v->blobs);
    roots_free(a->roots);
    free(a);
}

static enum result start(struct service *s, const void *settings, void **state, struct buffer *why)
{
    const struct settings *set = settings;
    struct app *a = calloc(1, sizeof(*a));

    if (!a)
        return RESULT_NO_MEMORY;
    a->service = s;
    a->vault.send = send_event;
    a->vault.cookie = a;
    enum result r = open_roots(set, &a->roots, why);
    if (!r)
        r = make_parts(a, set, why);
    if (!r)
        r = open_store(a, set, why);
    if (r) {
        free_app(a);
        return r;
    }
    *state = a;
    return RESULT_OK;
}

static void ready(void *state, struct buffer *reasons)
{
    const struct app *a = state;

    durable_ready(a->vault.durable, reasons);
    rings_ready(a->vault.rings, reasons);
    if ((!claim_stands(a->claim) || janitor_lost_store(a->janitor)) && buffer_printf(reasons, "blobs: the store is not known to be ours\n"))
        log_error("crypto.ready", LOG_RESULT(RESULT_NO_MEMORY));
}

static void drain(void *state)
{
    struct app *a = state;

    decrypts_drain(a->vault.decrypts);
    rings_drain(a->vault.rings);
}

static void closed(void *cookie)
{
    struct app *a = cookie;
    struct service *s = a->service;

    if (--a->closing > 0)
        return;
    free_app(a);
    service_stopped(s);
}

static void stop(struct service *s, void *state)
{
    struct app *a = state;

    (void)s;
    a->closing = 2;
    durable_close(a->vault.durable, closed, a);
    offload_close(a->vault.offload, closed, a);
}

int main(int argc, char **argv)
{
    const struct service_spec spec = {
        .name = "crypto",
        .summary = "nobody reads content at rest: content and audio encryption, keys",
        .settings = SETTINGS,
        .setting_count = sizeof(SETTINGS) / sizeof(SETTINGS[0]),
        .settings_size = sizeof(struct settings),
        .routes = vault_routes,
        .route_count = vault_route_count,
        .check = check_config,
        .start = start,
        .tick = tick,
        .tick_ms = RINGS_READ_MS,
        .ready = ready,
        .drain = drain,
        .stop = stop,
    };

    return service_run(&spec, argc, argv);
}
