/* A postgres, a pool of four connections and one of one, for the tests of what is built on pg.h. */
#ifndef HLIDKA_DB_PG_TEST_H
#define HLIDKA_DB_PG_TEST_H

#include "db_server.h"
#include "pg.h"

struct pg_test {
    uv_loop_t loop;
    struct db_server *server;
    struct pg *pg;                      /* four connections; application name "test" */
    struct pg *one;                     /* one connection; application name "one" */
    unsigned ups, downs, closed;        /* of both */
    unsigned done;                      /* counted by pg_test_done */
    bool free_done;                     /* pg_test_done frees the batch */
};

/*
 * Both pools are up, in schema "hlidka". The server ends a statement after 10 s and an idle transaction after 30 s: not what
 * a test holds, however slow the machine.
 */
void pg_test_start(struct pg_test *t);
void pg_test_stop(struct pg_test *t);
void pg_test_close_one(struct pg_test *t);

/* One more, up, of two connections, whose statements and idle transactions the server ends after that many ms. */
struct pg *pg_test_open_strict(struct pg_test *t, uint64_t ms);
void pg_test_close(struct pg_test *t, struct pg *pg);

/* A pool on that server, closed after so many turns of the loop; answers whether it had come up. */
uint64_t pg_test_open_and_close(struct pg_test *t, const char *url, unsigned turns);

struct pg_batch *pg_test_batch(void);

/* Submits, waits for the callback, leaves the batch to the caller. */
enum pg_outcome pg_test_run(struct pg_test *t, struct pg_batch *b);
enum pg_outcome pg_test_run_on(struct pg_test *t, struct pg *pg, struct pg_batch *b);

/* A pg_batch_cb; the cookie is the struct pg_test. */
void pg_test_done(void *cookie, struct pg_batch *b);

#endif
