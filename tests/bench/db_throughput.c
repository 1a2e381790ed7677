/*
 * What common/db makes of Redis and PostgreSQL on this machine, next to redis-benchmark on the same server:
 *
 *     build/release/tests/bench/db_throughput [SECONDS]
 *
 * Closed loops: so many commands or batches are always under way.
 */
#include "db_server.h"
#include "pg.h"
#include "redis.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FLIGHT 512

static uv_loop_t loop;
static double seconds = 3;

struct run {
    struct redis *redis;
    struct pg *pg;
    size_t argc;
    const char *const *argv;
    size_t lens[8];
    unsigned rows;                      /* a batch */
    uint64_t done, failed, under_way;
    bool over;
    bool closed;
    int64_t next;
};

static void demand(bool held, const char *what)
{
    if (held)
        return;
    fprintf(stderr, "db_throughput: %s\n", what);
    exit(1);
}

static void on_closed(void *cookie)
{
    ((struct run *)cookie)->closed = true;
}

static struct secret *secret_url(const struct db_server *s)
{
    struct secret *url = NULL;

    demand(secret_from(db_server_url(s), strlen(db_server_url(s)), &url) == RESULT_OK, "secret");
    return url;
}

static double spend(struct run *r)
{
    uint64_t begun = uv_hrtime();

    db_run_until(&loop, seconds * 1000, false);
    double took = (double)(uv_hrtime() - begun) / 1e9;
    double rate = (double)r->done / took;

    r->over = true;
    demand(db_run_until(&loop, 20000, r->under_way == 0), "what was under way has no end");
    demand(r->failed == 0, "something failed");
    r->over = false;
    r->done = 0;
    return rate;
}

/* ---- Redis ------------------------------------------------------------------------------------------------ */

static void ask(struct run *r);

static void on_reply(void *cookie, enum redis_outcome outcome, const struct redis_value *v)
{
    struct run *r = cookie;

    (void)v;
    r->under_way--;
    r->done++;
    r->failed += outcome != REDIS_ANSWERED;
    if (!r->over)
        ask(r);
}

static void ask(struct run *r)
{
    demand(redis_command(r->redis, on_reply, r, r->argc, r->argv, r->lens) == RESULT_OK, "redis_command");
    r->under_way++;
}

static void load(void *cookie, struct redis *redis)
{
    /* A decision of the rate limiter's shape: clock, read, compute, write with a time to live. */
    static const char code[] =
        "#!lua name=bench\n"
        "redis.register_function('gcra', function(keys, args)\n"
        "  local t = redis.call('TIME'); local now = t[1] * 1000000 + t[2]\n"
        "  local tat = tonumber(redis.call('GET', keys[1])) or now\n"
        "  if tat < now then tat = now end\n"
        "  tat = tat + 1\n"
        "  redis.call('SET', keys[1], string.format('%.0f', tat), 'PX', 60000)\n"
        "  return {1, tat - now}\n"
        "end)";
    struct run *r = cookie;

    r->under_way++;
    r->over = true;
    demand(redis_command(redis, on_reply, r, 4, (const char *[]){ "FUNCTION", "LOAD", "REPLACE", code },
                         (size_t[]){ 8, 4, 7, sizeof(code) - 1 }) == RESULT_OK, "FUNCTION LOAD");
}

static double measure(struct run *r, size_t argc, const char *const *argv)
{
    r->over = false;
    r->done = 0;
    r->argc = argc;
    r->argv = argv;
    for (size_t i = 0; i < argc; i++)
        r->lens[i] = strlen(argv[i]);
    for (unsigned i = 0; i < FLIGHT; i++)
        ask(r);
    return spend(r);
}

static void bench_redis(void)
{
    struct db_server *server = db_redis_start(NULL);
    struct secret *url = secret_url(server);
    struct run r = { 0 };
    struct buffer why;
    char command[256];

    db_loop_open(&loop);
    buffer_init(&why, 1000);
    demand(redis_open(&loop, &(struct redis_options){ .url = url, .command_timeout_ms = 5000, .setup = load, .cookie = &r },
                      &r.redis, &why) == RESULT_OK, "redis_open");
    demand(db_run_until(&loop, 5000, redis_up(r.redis)), "Redis does not come up");
    printf("Redis, one connection, %d under way:\n", FLIGHT);
    printf("  PING   %8.0f /s\n", measure(&r, 1, (const char *[]){ "PING" }));
    printf("  FCALL  %8.0f /s\n", measure(&r, 4, (const char *[]){ "FCALL", "gcra", "1", "user:1" }));
    fflush(stdout);
    snprintf(command, sizeof(command), "redis-benchmark -p %u -c 1 -P %d -n 300000 -q PING; "
             "redis-benchmark -p %u -c 1 -P %d -n 200000 -q FCALL gcra 1 user:1", db_server_port(server), FLIGHT,
             db_server_port(server), FLIGHT);
    printf("redis-benchmark -c 1 -P %d:\n", FLIGHT);
    fflush(stdout);
    demand(system(command) == 0, "redis-benchmark");
    redis_close(r.redis, on_closed, &r);
    demand(db_run_until(&loop, 5000, r.closed) && db_loop_close(&loop), "Redis does not close");
    secret_free(url);
    buffer_free(&why);
    db_server_stop(server);
}

/* ---- PostgreSQL ------------------------------------------------------------------------------------------- */

static const struct pg_statement TABLE = { "table", "CREATE TABLE bench (id bigint PRIMARY KEY, name text, raw bytea)", "" };
static const struct pg_statement INSERT = { "insert", "INSERT INTO bench VALUES ($1, $2, $3)", "itb" };
static const struct pg_statement SELECT = { "select", "SELECT name, raw FROM bench WHERE id = $1", "i" };

static void submit(struct run *r);

static void on_batch(void *cookie, struct pg_batch *b)
{
    struct run *r = cookie;

    r->under_way--;
    r->failed += pg_outcome(b) != PG_DONE;
    r->done += pg_count(b);
    pg_batch_free(b);
    if (!r->over)
        submit(r);
}

/* rows 0: a look-up. */
static void submit(struct run *r)
{
    static const uint8_t raw[100] = { 1 };
    struct pg_batch *b;

    demand(pg_batch_new(1024 * 1024, &b) == RESULT_OK, "pg_batch_new");
    for (unsigned i = 0; i < r->rows; i++)
        demand(pg_add(b, &INSERT, PG_INT(r->next++), PG_TEXT(TEXT("somebody")), PG_BYTES(((struct bytes){ raw, 100 }))) ==
               RESULT_OK, "pg_add");
    if (r->rows == 0)
        demand(pg_add(b, &SELECT, PG_INT(r->next++ % 1000)) == RESULT_OK, "pg_add");
    demand(pg_submit(r->pg, b, 20000, on_batch, r) == RESULT_OK, "pg_submit");
    r->under_way++;
}

static void bench_postgres(void)
{
    static const unsigned rows[] = { 1, 16, 64, 256, 0 };
    struct db_server *server = db_postgres_start(NULL);
    struct secret *url = secret_url(server);
    struct run r = { .over = true };
    struct buffer why;
    struct pg_batch *b;

    db_loop_open(&loop);
    buffer_init(&why, 1000);
    demand(pg_open(&loop, &(struct pg_options){ .url = url, .application_name = "bench", .schema = "public" }, &r.pg,
                   &why) == RESULT_OK, "pg_open");
    demand(db_run_until(&loop, 10000, pg_stats(r.pg)->up == 4), "PostgreSQL does not come up");
    demand(pg_batch_new(1000, &b) == RESULT_OK && pg_add(b, &TABLE) == RESULT_OK &&
           pg_submit(r.pg, b, 5000, on_batch, &r) == RESULT_OK, "CREATE TABLE");
    r.under_way++;
    demand(db_run_until(&loop, 5000, r.under_way == 0), "CREATE TABLE");
    printf("PostgreSQL, 4 connections, 64 batches under way, durable commits:\n");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        r.rows = rows[i];
        r.over = false;
        r.done = 0;
        for (unsigned k = 0; k < 64; k++)
            submit(&r);
        if (rows[i])
            printf("  INSERT, %3u a batch %8.0f rows/s\n", rows[i], spend(&r));
        else
            printf("  SELECT by key        %7.0f /s\n", spend(&r));
        fflush(stdout);
    }
    pg_close(r.pg, on_closed, &r);
    demand(db_run_until(&loop, 5000, r.closed) && db_loop_close(&loop), "PostgreSQL does not close");
    secret_free(url);
    buffer_free(&why);
    db_server_stop(server);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        seconds = strtod(argv[1], NULL);
    if (db_server_have_redis())
        bench_redis();
    if (db_server_have_postgres()) {
        db_template_make();
        bench_postgres();
        db_template_remove();
    }
    return 0;
}
