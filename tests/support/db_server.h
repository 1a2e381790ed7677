/*
 * Real servers for integration tests: redis-server or postgres on a free loopback port, in a directory of its
 * own under TMPDIR, as user postgres where we are root (initdb refuses root). They die with the test.
 *
 * postgres wants a data directory, which takes seconds to make: a test program makes one for all its tests
 * (DB_TEMPLATE_BEFORE, DB_TEMPLATE_AFTER); every server starts from a copy. With HLIDKA_TEST_POSTGRES the directory of that
 * name is the template of every program, made by the first of them, and left there.
 */
#ifndef HLIDKA_DB_SERVER_H
#define HLIDKA_DB_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct db_server;

/* False when the programs are not installed. */
bool db_server_have_redis(void);
bool db_server_have_postgres(void);

void db_template_make(void);
void db_template_remove(void);

/* Stand once in a program of Criterion's whose tests start postgres, a line each (its hooks are named by their lines). */
#define DB_TEMPLATE_BEFORE                                                                                          \
    ReportHook(PRE_ALL)(struct criterion_test_set *set)                                                             \
    {                                                                                                               \
        (void)set;                                                                                                  \
        db_template_make();                                                                                         \
    }
#define DB_TEMPLATE_AFTER                                                                                           \
    ReportHook(POST_ALL)(struct criterion_global_stats *stats)                                                      \
    {                                                                                                               \
        (void)stats;                                                                                                \
        db_template_remove();                                                                                       \
    }

/* Runs and answers when these return; a failure ends the test program. extra: arguments, NULL-terminated, or NULL. */
struct db_server *db_redis_start(const char *const *extra);
struct db_server *db_postgres_start(const char *const *extra);

uint16_t db_server_port(const struct db_server *s);
/* redis://127.0.0.1:PORT or postgresql://hlidka:hlidka@127.0.0.1:PORT/postgres */
const char *db_server_url(const struct db_server *s);

/* SIGSTOP and SIGCONT reach the server and its children. */
void db_server_pause(struct db_server *s);
void db_server_resume(struct db_server *s);
/* kill -9, children included; waits until they are gone. */
void db_server_kill(struct db_server *s);
/* On the same port, with what it kept on disk. */
void db_server_restart(struct db_server *s);

/* Kills and removes the directory. */
void db_server_stop(struct db_server *s);

/* A loop whose turns last at most 5 ms, and its end; false when something was left open on it. */
void db_loop_open(uv_loop_t *loop);
bool db_loop_close(uv_loop_t *loop);

/* Turns the loop until the condition holds; false after ms. */
#define db_run_until(loop, ms, condition)                                                                  \
    ({                                                                                                     \
        uint64_t end_ = uv_hrtime() + (uint64_t)(ms) * 1000000;                                            \
        bool held_ = false;                                                                                \
        while (!(held_ = (condition)) && uv_hrtime() < end_)                                               \
            uv_run((loop), UV_RUN_ONCE);                                                                   \
        held_;                                                                                             \
    })

#endif
