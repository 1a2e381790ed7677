#include "durable_internal.h"

#include "clock.h"
#include "effects.h"
#include "entropy.h"
#include "file.h"
#include "log.h"
#include "outgoing.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    TICK_MS = 250,
    MIGRATE_MS = 60000,
    RETRY_MS = 1000,
    SWEEP_MS = 10000,
    PURGE_ROWS = 5000,                  /* at once */
    REWRAP_MS = 6 * 3600 * 1000,
    QUERY_MS = 5000,
    EVENTS_GATHER_MS = 10,              /* no request waits for an event, and Kafka's work is by the request */
    LOCK_MS = 2000,                     /* less than anyone's patience: a lock not got is no reason to lose a connection */
};

#define NS_PER_MS UINT64_C(1000000)

bool durable_is_open(const struct durable *d)
{
    return d->phase == DURABLE_OPEN;
}

struct pg *durable_pg(const struct durable *d)
{
    return d->pg;
}

const struct uuid *durable_self(const struct durable *d)
{
    return &d->self;
}

/* ---- the secret --------------------------------------------------------------------------------------------------- */

enum result durable_subkey(const struct durable *d, const char *purpose, struct secret **out)
{
    static const char LABEL[] = "hlidka-subkey-v1";     /* with its 0 */
    crypto_generichash_state state;

    if (!d->secret)
        return RESULT_UNAVAILABLE;
    enum result r = secret_new(DURABLE_SECRET_LEN, out);
    if (r)
        return r;
    crypto_generichash_init(&state, secret_bytes(d->secret).data, DURABLE_SECRET_LEN, DURABLE_SECRET_LEN);
    crypto_generichash_update(&state, (const uint8_t *)LABEL, sizeof(LABEL));
    crypto_generichash_update(&state, (const uint8_t *)purpose, strlen(purpose));
    crypto_generichash_final(&state, secret_fill(*out), DURABLE_SECRET_LEN);
    sodium_memzero(&state, sizeof(state));
    return RESULT_OK;
}

static enum result start_relays(struct durable *d)
{
    for (size_t i = 0; i < d->stream_count; i++) {
        struct durable_stream *s = &d->streams[i];
        enum result r = outbox_start(service_loop(d->options.service), d->pg, &(struct outbox_options){
            .stream = s->name, .holder = d->self, .publish = outgoing_publish, .cookie = s,
            .gather_ms = strcmp(s->name, OUTGOING_EVENTS) == 0 ? EVENTS_GATHER_MS : 0,
        }, &s->relay);
        if (r)
            return r;
        d->open_handles++;
    }
    return RESULT_OK;
}

enum result durable_set_secret(struct durable *d, const struct secret *secret)
{
    enum result r;

    if (d->secret || d->phase != DURABLE_UNLOCKING || secret_bytes(secret).len != DURABLE_SECRET_LEN)
        return RESULT_CONFLICT;
    if ((r = secret_from(secret_bytes(secret).data, DURABLE_SECRET_LEN, &d->secret)))
        return r;
    if ((r = durable_subkey(d, "records", &d->records)) || (r = durable_subkey(d, "outbox", &d->rows)) || (r = start_relays(d)))
        return r;
    d->phase = DURABLE_OPEN;
    log_info("durable.open");
    service_hold(d->options.service, false);
    if (d->options.opened)
        d->options.opened(d->options.cookie);
    return RESULT_OK;
}

static void on_datakey(void *cookie, const struct secret *key)
{
    struct durable *d = cookie;

    if (d->phase == DURABLE_UNLOCKING && durable_set_secret(d, key))
        service_give_up(d->options.service, "the data key cannot be used");
}

/* At the start nothing may be served. Later this process has the key still, maybe as the last: it serves on and says so. */
static void on_datakey_lost(void *cookie)
{
    struct durable *d = cookie;

    if (d->phase == DURABLE_UNLOCKING)
        service_give_up(d->options.service, datakey_why(d->datakey));
}

/* ---- the schema --------------------------------------------------------------------------------------------------- */

static void say(struct durable *d, const char *what, struct text why)
{
    free(d->why);
    if (asprintf(&d->why, "%s: %.*s", what, (int)why.len, why.data ? why.data : "") < 0)
        d->why = NULL;
}

static enum result find_datakey(struct durable *d)
{
    struct buffer why;

    buffer_init(&why, 4096);
    enum result r = datakey_find(&(struct datakey_options){
        .service = d->options.service, .pg = d->pg, .schema = d->options.schema,
        .found = on_datakey, .lost = on_datakey_lost, .cookie = d,
    }, &d->datakey, &why);
    if (r)
        log_error("durable.datakey", LOG_RESULT(r), LOG_TEXT("why", ((struct text){ (const char *)why.data, why.len })));
    else
        d->open_handles++;
    buffer_free(&why);
    return r;
}

static void unlock(struct durable *d)
{
    d->phase = DURABLE_UNLOCKING;
    if (d->options.migrated)
        d->options.migrated(d->options.cookie);
    if (d->options.data_key && find_datakey(d))
        service_give_up(d->options.service, "the data key cannot be asked for");
}

static void after_migration(struct durable *d, enum result r, unsigned applied, struct text why)
{
    d->migrating = false;
    d->retry_ns = clock_boot_ns() + RETRY_MS * NS_PER_MS;
    if (d->phase != DURABLE_MIGRATING)
        return;
    if (!r) {
        if (applied)
            log_info("durable.migrated", LOG_STR("schema", d->options.schema), LOG_UINT("applied", applied));
        free(d->why);
        d->why = NULL;
        unlock(d);
        return;
    }
    say(d, "schema", why);
    if (r == RESULT_UNAVAILABLE || r == RESULT_TIMEOUT) {
        log_warn("durable.migrate", LOG_RESULT(r), LOG_TEXT("why", why));
        return;
    }
    log_error("durable.migrate", LOG_RESULT(r), LOG_TEXT("why", why));
    service_give_up(d->options.service, "the schema is not one that this program can use");
}

static void on_migrated(void *cookie, enum result r, unsigned applied, struct text why)
{
    after_migration(cookie, r, applied, why);
    durable_part_closed(cookie);
}

static void migrate(struct durable *d)
{
    struct buffer why;

    buffer_init(&why, 4096);
    enum result r = migrate_run(service_loop(d->options.service), d->url, d->options.schema, &d->migrations, MIGRATE_MS,
                                on_migrated, d, &why);
    d->migrating = r == RESULT_OK;
    d->open_handles += d->migrating;
    d->retry_ns = clock_boot_ns() + RETRY_MS * NS_PER_MS;
    if (r)
        say(d, "schema", (struct text){ (const char *)why.data, why.len });
    buffer_free(&why);
}

/* ---- once in a while ---------------------------------------------------------------------------------------------- */

static void on_swept(void *cookie, struct pg_batch *b)
{
    struct durable *d = cookie;

    d->sweeping = false;
    if (pg_outcome(b) == PG_DONE) {
        d->stats.purged += pg_affected(b, 0);
        if (pg_affected(b, 0) == PURGE_ROWS)
            d->sweep_due_ns = 0;        /* there are more */
        for (size_t i = 0; i < d->stream_count; i++) {
            d->stats.waiting[i] = (double)pg_int(b, i + 1, 0, 0);
            d->stats.oldest_s[i] = pg_real(b, i + 1, 0, 1);
        }
    }
    pg_batch_free(b);
}

/* Removes records past their time, and looks at how the outbox stands. */
static void sweep(struct durable *d)
{
    struct pg_batch *b;

    d->sweep_due_ns = clock_boot_ns() + SWEEP_MS * NS_PER_MS;
    if (pg_batch_new(1024, &b))
        return;
    enum result r = effects_purge(b, PURGE_ROWS);
    for (size_t i = 0; i < d->stream_count && !r; i++)
        r = outbox_waiting(b, text_of(d->streams[i].name));
    if (!r)
        r = pg_submit(d->pg, b, QUERY_MS, on_swept, d);
    if (r)
        pg_batch_free(b);
    else
        d->sweeping = true;
}

static void on_datakey_stopped(void *cookie);

/* The errand that brought the key ends; from time to time another sees to its wrapping. */
static void mind_datakey(struct durable *d, uint64_t now)
{
    if (d->datakey && datakey_over(d->datakey)) {
        datakey_stop(d->datakey, on_datakey_stopped, d);
        d->datakey = NULL;
        d->rewrap_due_ns = now + REWRAP_MS * NS_PER_MS;
    } else if (!d->datakey && now >= d->rewrap_due_ns) {
        d->rewrap_due_ns = now + REWRAP_MS * NS_PER_MS;
        (void)find_datakey(d);          /* logged; the next one is due as ever */
    }
}

static void on_tick(uv_timer_t *timer)
{
    struct durable *d = timer->data;
    uint64_t now = clock_boot_ns();

    if (d->phase == DURABLE_MIGRATING && !d->migrating && now >= d->retry_ns)
        migrate(d);
    once_resolve(d);
    if (d->phase == DURABLE_OPEN && !d->sweeping && now >= d->sweep_due_ns)
        sweep(d);
    if (d->phase == DURABLE_OPEN && d->options.data_key)
        mind_datakey(d, now);
}

void durable_committed(struct durable *d, struct pg_batch *b)
{
    for (size_t i = 0; i < d->stream_count; i++)
        if (d->streams[i].relay)
            outbox_committed(d->streams[i].relay, b);
}

void durable_wake(struct durable *d)
{
    for (size_t i = 0; i < d->stream_count; i++)
        if (d->streams[i].relay)
            outbox_wake(d->streams[i].relay);
}

/* ---- beginning ---------------------------------------------------------------------------------------------------- */

static void free_durable(struct durable *d)
{
    migrations_free(&d->migrations);
    secret_free(d->rows);
    secret_free(d->records);
    secret_free(d->secret);
    secret_free(d->url);
    free(d->why);
    free(d);
}

static enum result load(struct durable *d, struct buffer *why)
{
    char own[160];
    const char *const dirs[] = { "common/db/schema", own };
    uint8_t random[10];
    enum result r = file_read_secret(d->options.pg_url_file, &d->url, why);

    if (r)
        return r;
    entropy_fill(random, sizeof(random));
    d->self = uuid_v7(clock_unix_ms(), random);
    for (; d->options.streams[d->stream_count]; d->stream_count++) {
        if (d->stream_count == DURABLE_STREAMS_MAX)
            return RESULT_FULL;
        d->streams[d->stream_count] = (struct durable_stream){ d, d->options.streams[d->stream_count], NULL };
    }
    snprintf(own, sizeof(own), "services/%s/schema", d->options.schema);
    return migrations_load(dirs, 2, &d->migrations, why);
}

enum result durable_open(const struct durable_options *options, struct durable **out, struct buffer *why)
{
    struct service *s = options->service;
    struct durable *d = calloc(1, sizeof(*d));
    enum result r;

    if (!d)
        return RESULT_NO_MEMORY;
    d->options = *options;
    if ((r = load(d, why)))
        goto fail;
    r = pg_open(service_loop(s), &(struct pg_options){
        .url = d->url, .application_name = service_instance(s), .schema = options->schema,
        .connections = options->connections, .lock_timeout_ms = LOCK_MS,
    }, &d->pg, why);
    if (r)
        goto fail;
    if ((r = durable_add_metrics(d))) {
        pg_close(d->pg, NULL, NULL);
        goto fail;
    }
    d->open_handles = 2;                /* the pool and the timer */
    /* Neither fails with a callback and a loop. */
    uv_timer_init(service_loop(s), &d->tick);
    d->tick.data = d;
    uv_timer_start(&d->tick, on_tick, 0, TICK_MS);
    service_hold(s, true);
    *out = d;
    return RESULT_OK;

fail:
    free_durable(d);
    return r;
}

/* ---- the end ------------------------------------------------------------------------------------------------------ */

void durable_part_closed(struct durable *d)
{
    void (*closed)(void *cookie) = d->closed;
    void *cookie = d->closed_cookie;

    if (--d->open_handles > 0 || d->phase != DURABLE_CLOSING)
        return;
    free_durable(d);
    if (closed)
        closed(cookie);
}

static void on_part_closed(void *cookie)
{
    durable_part_closed(cookie);
}

static void on_datakey_stopped(void *cookie)
{
    durable_part_closed(cookie);
}

static void on_tick_closed(uv_handle_t *handle)
{
    durable_part_closed(handle->data);
}

void durable_close(struct durable *d, void (*closed)(void *cookie), void *cookie)
{
    d->phase = DURABLE_CLOSING;
    d->closed = closed;
    d->closed_cookie = cookie;
    for (size_t i = 0; i < d->stream_count; i++)
        if (d->streams[i].relay) {
            outbox_stop(d->streams[i].relay, on_part_closed, d);
            d->streams[i].relay = NULL;
        }
    once_resolve(d);
    pg_close(d->pg, on_part_closed, d);
    if (d->datakey)
        datakey_stop(d->datakey, on_datakey_stopped, d);
    d->datakey = NULL;
    uv_close((uv_handle_t *)&d->tick, on_tick_closed);
}
