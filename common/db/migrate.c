#include "migrate.h"
#include "log.h"
#include "pg_link.h"
#include "refuse.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#define WHY_MAX 1024
#define QUERY_MAX (5 * 1024 * 1024)
#define HEX_LEN (2 * crypto_hash_sha256_BYTES)

/* What was asked last. Each answer leads to the next. */
enum stage { CONNECT, LOCK, CREATE, READ, APPLY, OVER };

struct migrate {
    struct pg_conninfo info;
    struct pg_link *link;
    uv_timer_t timer;
    char schema[64];
    const struct migrations *m;
    enum stage stage;
    bool recorded[MIGRATE_MAX];         /* by place in m */
    size_t at;                          /* the one that is being applied */
    unsigned applied;
    unsigned holders;
    enum result result;
    struct buffer why;
    struct buffer query;
    migrate_cb *cb;
    void *cookie;
};

static void release(struct migrate *g)
{
    if (--g->holders > 0)
        return;
    /* The last word is the owner's, and it may want the memory for itself: everything is copied first. */
    struct migrate done = *g;

    pg_conninfo_free(&g->info);
    buffer_free(&g->query);
    free(g);
    done.cb(done.cookie, done.result, done.applied, (struct text){ (const char *)done.why.data, done.why.len });
    buffer_free(&done.why);
}

static void on_link_closed(void *cookie)
{
    release(cookie);
}

static void on_timer_closed(uv_handle_t *handle)
{
    release(handle->data);
}

/* why has been written. Closing the connection gives the lock back and undoes what is not committed. */
static void end(struct migrate *g, enum result r)
{
    if (g->stage == OVER)
        return;
    g->stage = OVER;
    g->result = r;
    if (g->link)
        pg_link_close(g->link, on_link_closed, g);
    g->link = NULL;
    uv_close((uv_handle_t *)&g->timer, on_timer_closed);
}

static void on_timeout(uv_timer_t *timer)
{
    struct migrate *g = timer->data;
    const char *doing = g->stage == CONNECT ? "the connection"
                        : g->stage == LOCK  ? "another instance's migration"
                                            : "PostgreSQL";

    end(g, refuse(RESULT_TIMEOUT, &g->why, "the migrations of schema %s waited too long for %s", g->schema, doing));
}

/* ---- asking ----------------------------------------------------------------------------------------------- */

static void ask(struct migrate *g, enum stage stage, enum result written)
{
    if (!written)
        written = buffer_append(&g->query, "", 1);
    if (written) {
        end(g, refuse(written, &g->why, "the migrations of schema %s: %s", g->schema, result_text(written)));
        return;
    }
    g->stage = stage;
    if (PQsendQuery(pg_link_conn(g->link), (const char *)g->query.data) != 1) {
        end(g, refuse(RESULT_UNAVAILABLE, &g->why, "the connection to PostgreSQL broke"));
        return;
    }
    pg_link_flush(g->link);
}

static void ask_lock(struct migrate *g)
{
    buffer_reset(&g->query);
    ask(g, LOCK, buffer_printf(&g->query, "SELECT pg_advisory_lock(hashtextextended('hlidka.migrations.%s', 0))",
                               g->schema));
}

/* Asked first, made only where missing: a role that may not create schemas can run in one made for it. */
static void ask_create(struct migrate *g)
{
    static const char format[] =
        "DO $$ BEGIN"
        " IF to_regnamespace('%1$s') IS NULL THEN CREATE SCHEMA %1$s; END IF;"
        " IF to_regclass('%1$s.migrations') IS NULL THEN CREATE TABLE %1$s.migrations ("
        "  version int PRIMARY KEY, name text NOT NULL, sha256 bytea NOT NULL,"
        "  applied_at timestamptz NOT NULL DEFAULT clock_timestamp()); END IF;"
        "END $$";

    buffer_reset(&g->query);
    ask(g, CREATE, buffer_printf(&g->query, format, g->schema));
}

static void ask_read(struct migrate *g)
{
    buffer_reset(&g->query);
    ask(g, READ, buffer_printf(&g->query, "SELECT version, name, encode(sha256, 'hex') FROM %s.migrations ORDER BY 1",
                               g->schema));
}

static void sha256_hex(struct bytes data, char out[HEX_LEN + 1])
{
    unsigned char hash[crypto_hash_sha256_BYTES];

    crypto_hash_sha256(hash, data.data, data.len);
    sodium_bin2hex(out, HEX_LEN + 1, hash, sizeof(hash));
}

static void ask_apply(struct migrate *g)
{
    const struct migration *item = &g->m->items[g->at];
    char hex[HEX_LEN + 1];
    enum result r;

    sha256_hex(item->sql, hex);
    buffer_reset(&g->query);
    r = buffer_append_text(&g->query, TEXT("BEGIN;\n"));
    if (!r)
        r = buffer_append(&g->query, item->sql.data, item->sql.len);
    if (!r)
        r = buffer_printf(&g->query, "\n;INSERT INTO %s.migrations (version, name, sha256) VALUES (%u, '%s', '\\x%s');"
                          "\nCOMMIT", g->schema, item->version, item->name, hex);
    ask(g, APPLY, r);
}

/* The next that is not recorded, or the end. */
static void apply_next(struct migrate *g)
{
    while (g->at < g->m->count && g->recorded[g->at])
        g->at++;
    if (g->at < g->m->count)
        ask_apply(g);
    else
        end(g, RESULT_OK);
}

/* ---- answers ---------------------------------------------------------------------------------------------- */

static enum result compare(struct migrate *g, unsigned version, const char *name, const char *hex)
{
    char ours[HEX_LEN + 1];

    for (size_t i = 0; i < g->m->count; i++) {
        if (g->m->items[i].version != version)
            continue;
        sha256_hex(g->m->items[i].sql, ours);
        if (strcmp(ours, hex) != 0 || strcmp(g->m->items[i].name, name) != 0)
            return refuse(RESULT_CONFLICT, &g->why,
                          "migration %03u_%s.sql is not the file that was applied to schema %s (as %03u_%s): restore "
                          "that file and put the change into a new migration",
                          version, g->m->items[i].name, g->schema, version, name);
        g->recorded[i] = true;
        return RESULT_OK;
    }
    return refuse(RESULT_CONFLICT, &g->why,
                  "schema %s has migration %03u_%s, which this program does not have: it is older than the schema; "
                  "start a newer one", g->schema, version, name);
}

static enum result compare_all(struct migrate *g, const PGresult *rows)
{
    enum result r = RESULT_OK;

    for (int i = 0; i < PQntuples(rows) && !r; i++)
        r = compare(g, (unsigned)strtoul(PQgetvalue(rows, i, 0), NULL, 10), PQgetvalue(rows, i, 1),
                    PQgetvalue(rows, i, 2));
    return r;
}

/* The server's own words, but not its details, which quote rows. */
static enum result refused(struct migrate *g, const PGresult *result)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *words = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);

    if (!state)
        return refuse(RESULT_UNAVAILABLE, &g->why, "the connection to PostgreSQL broke");
    if (g->stage == APPLY)
        return refuse(RESULT_MALFORMED, &g->why, "migration %03u_%s.sql on schema %s: %s (SQLSTATE %s); nothing of it "
                      "was applied", g->m->items[g->at].version, g->m->items[g->at].name, g->schema,
                      words ? words : "refused", state);
    return refuse(RESULT_UNAVAILABLE, &g->why, "the migrations of schema %s: %s (SQLSTATE %s)", g->schema,
                  words ? words : "refused", state);
}

/* The whole answer is there, and none of it was an error. */
static void advance(struct migrate *g)
{
    switch (g->stage) {
    case LOCK:
        ask_create(g);
        break;
    case CREATE:
        ask_read(g);
        break;
    case READ:
        apply_next(g);
        break;
    case APPLY:
        log_info("migrate.applied", LOG_STR("schema", g->schema), LOG_UINT("version", g->m->items[g->at].version),
                 LOG_STR("name", g->m->items[g->at].name));
        g->applied++;
        g->at++;
        apply_next(g);
        break;
    case CONNECT:
    case OVER:
        break;
    }
}

static void on_readable(void *cookie)
{
    struct migrate *g = cookie;

    while (g->stage != OVER && !PQisBusy(pg_link_conn(g->link))) {
        PGresult *result = PQgetResult(pg_link_conn(g->link));
        ExecStatusType status;
        enum result r = RESULT_OK;

        if (!result) {
            advance(g);
            return;                     /* what was asked now is answered later */
        }
        status = PQresultStatus(result);
        if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
            r = refused(g, result);
        else if (g->stage == READ)
            r = compare_all(g, result);
        PQclear(result);
        if (r)
            end(g, r);
    }
}

static void on_up(void *cookie)
{
    ask_lock(cookie);
}

static void on_lost(void *cookie, const char *why)
{
    struct migrate *g = cookie;

    end(g, refuse(RESULT_UNAVAILABLE, &g->why, "the migrations of schema %s: %s", g->schema, why));
}

enum result migrate_run(struct uv_loop_s *loop, const struct secret *url, const char *schema,
                        const struct migrations *m, uint64_t timeout_ms, migrate_cb *cb, void *cookie,
                        struct buffer *why)
{
    static const struct pg_link_events events = { on_up, on_readable, on_lost };
    struct migrate *g = calloc(1, sizeof(*g));
    enum result r;

    if (!g)
        return RESULT_NO_MEMORY;
    buffer_init(&g->why, WHY_MAX);
    buffer_init(&g->query, QUERY_MAX);
    g->m = m;
    g->cb = cb;
    g->cookie = cookie;
    r = pg_conninfo_init(&g->info, url, "hlidka-migrate", schema, why);
    if (r)
        goto fail_migrate;
    snprintf(g->schema, sizeof(g->schema), "%s", schema);       /* pg_conninfo_init has looked at it */
    r = RESULT_INTERNAL;
    if (uv_timer_init(loop, &g->timer) != 0)
        goto fail_info;
    g->timer.data = g;
    g->holders = 1;
    if (uv_timer_start(&g->timer, on_timeout, timeout_ms, 0) == 0 &&
        pg_link_open(loop, &g->info, 0, false, &events, g, &g->link) == RESULT_OK)
        g->holders++;
    else
        end(g, refuse(RESULT_UNAVAILABLE, &g->why, "no connection to PostgreSQL can be begun"));
    return RESULT_OK;

fail_info:
    pg_conninfo_free(&g->info);
fail_migrate:
    free(g);
    return r;
}
