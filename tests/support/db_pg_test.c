#include "db_pg_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Support code does not know Criterion: a broken premise ends the program. */
static void demand(bool held, const char *what)
{
    if (held)
        return;
    fprintf(stderr, "db_pg_test: %s\n", what);
    abort();
}

static void on_state(void *cookie, struct pg *pg, bool up)
{
    struct pg_test *t = cookie;

    (void)pg;
    if (up)
        t->ups++;
    else
        t->downs++;
}

static void on_closed(void *cookie)
{
    ((struct pg_test *)cookie)->closed++;
}

#define STATEMENT_MS 10000
#define IDLE_MS      30000

static struct pg *open_pool(struct pg_test *t, const char *url, unsigned connections, const char *name, uint64_t statement_ms,
                            uint64_t idle_ms)
{
    struct pg_options options = {
        .application_name = name, .schema = "hlidka", .connections = connections, .statement_timeout_ms = statement_ms,
        .idle_in_transaction_ms = idle_ms, .lock_timeout_ms = 10000, .connect_timeout_ms = 2000,
        .state = on_state, .cookie = t,
    };
    struct secret *secret;
    struct buffer why;
    struct pg *pg = NULL;

    buffer_init(&why, 1000);
    demand(secret_from(url, strlen(url), &secret) == RESULT_OK, "secret");
    options.url = secret;
    demand(pg_open(&t->loop, &options, &pg, &why) == RESULT_OK, "pg_open");
    secret_free(secret);
    buffer_free(&why);
    return pg;
}

void pg_test_start(struct pg_test *t)
{
    static const struct pg_statement SCHEMA = { "schema", "CREATE SCHEMA IF NOT EXISTS hlidka", "" };
    struct pg_batch *b;

    memset(t, 0, sizeof(*t));
    db_loop_open(&t->loop);
    t->server = db_postgres_start((const char *const[]){ "-c", "fsync=off", "-c", "shared_buffers=16MB", NULL });
    t->pg = open_pool(t, db_server_url(t->server), 4, "test", STATEMENT_MS, IDLE_MS);
    t->one = open_pool(t, db_server_url(t->server), 1, "one", STATEMENT_MS, IDLE_MS);
    demand(db_run_until(&t->loop, 20000, pg_stats(t->pg)->up == 4 && pg_up(t->one)), "the pools do not come up");
    b = pg_test_batch();
    demand(pg_add(b, &SCHEMA) == RESULT_OK && pg_test_run(t, b) == PG_DONE, "CREATE SCHEMA");
    pg_batch_free(b);
}

struct pg *pg_test_open_strict(struct pg_test *t, uint64_t ms)
{
    struct pg *pg = open_pool(t, db_server_url(t->server), 2, "strict", ms, ms);

    demand(db_run_until(&t->loop, 20000, pg_stats(pg)->up == 2), "a pool does not come up");
    return pg;
}

void pg_test_close(struct pg_test *t, struct pg *pg)
{
    unsigned before = t->closed;

    pg_close(pg, on_closed, t);
    demand(db_run_until(&t->loop, 5000, t->closed == before + 1), "a pool does not close");
}

void pg_test_close_one(struct pg_test *t)
{
    struct pg *one = t->one;

    t->one = NULL;
    pg_test_close(t, one);
}

void pg_test_stop(struct pg_test *t)
{
    if (t->one)
        pg_test_close_one(t);
    pg_test_close(t, t->pg);
    demand(db_loop_close(&t->loop), "handles are left on the loop");
    db_server_stop(t->server);
}

uint64_t pg_test_open_and_close(struct pg_test *t, const char *url, unsigned turns)
{
    struct pg *pg = open_pool(t, url, 2, "brief", STATEMENT_MS, IDLE_MS);
    uint64_t connects;

    for (unsigned i = 0; i < turns; i++)
        uv_run(&t->loop, UV_RUN_ONCE);
    connects = pg_stats(pg)->connects;
    pg_test_close(t, pg);
    return connects;
}

struct pg_batch *pg_test_batch(void)
{
    struct pg_batch *b = NULL;

    demand(pg_batch_new(1024 * 1024, &b) == RESULT_OK, "pg_batch_new");
    return b;
}

void pg_test_done(void *cookie, struct pg_batch *b)
{
    struct pg_test *t = cookie;

    t->done++;
    if (t->free_done)
        pg_batch_free(b);
}

static void on_ran(void *cookie, struct pg_batch *b)
{
    (void)b;
    *(bool *)cookie = true;
}

enum pg_outcome pg_test_run_on(struct pg_test *t, struct pg *pg, struct pg_batch *b)
{
    bool ran = false;

    demand(pg_submit(pg, b, 30000, on_ran, &ran) == RESULT_OK, "pg_submit");
    demand(db_run_until(&t->loop, 40000, ran), "a batch has no end");
    return pg_outcome(b);
}

enum pg_outcome pg_test_run(struct pg_test *t, struct pg_batch *b)
{
    return pg_test_run_on(t, t->pg, b);
}
