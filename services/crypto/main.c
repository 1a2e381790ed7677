/* crypto: nobody reads content at rest. The wiring, and nothing else; DESIGN.md says how it works. */
#include "file.h"
#include "outgoing.h"
#include "rings_open.h"
#include "service.h"
#include "vault.h"

#include <stdlib.h>
#include <uv.h>

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
    uv_timer_t tick;
    unsigned closing;                   /* handles and stores that have not closed yet */
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

static void migrated(void *cookie)
{
    struct app *a = cookie;

    rings_start(a->vault.rings);
}

static void known(void *cookie, const struct secret *secret)
{
    struct app *a = cookie;

    if (durable_set_secret(a->vault.durable, secret))
        service_give_up(a->service, "the service's own key cannot be used");
}

static void on_tick(uv_timer_t *timer)
{
    struct app *a = timer->data;

    rings_tick(a->vault.rings);
}

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
        r = rings_metrics(a->vault.rings, service_metrics(a->service));
    if (r)
        durable_close(a->vault.durable, NULL, NULL);
    return r;
}

/* All that is not a handle of the loop. */
static void free_app(struct app *a)
{
    rings_free(a->vault.rings);
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
    enum result r = open_roots(set, &a->roots, why);
    if (!r)
        r = open_store(a, set, why);
    if (!r && (uv_timer_init(service_loop(s), &a->tick) || uv_timer_start(&a->tick, on_tick, RINGS_READ_MS, RINGS_READ_MS))) {
        durable_close(a->vault.durable, NULL, NULL);
        r = RESULT_INTERNAL;
    }
    if (r) {
        free_app(a);
        return r;
    }
    a->tick.data = a;
    *state = a;
    return RESULT_OK;
}

static void ready(void *state, struct buffer *reasons)
{
    const struct app *a = state;

    durable_ready(a->vault.durable, reasons);
    rings_ready(a->vault.rings, reasons);
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

static void tick_closed(uv_handle_t *handle)
{
    closed(handle->data);
}

static void stop(struct service *s, void *state)
{
    struct app *a = state;

    (void)s;
    a->closing = 2;
    uv_close((uv_handle_t *)&a->tick, tick_closed);
    durable_close(a->vault.durable, closed, a);
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
        .ready = ready,
        .stop = stop,
    };

    return service_run(&spec, argc, argv);
}
