/*
 * Two instances of a service with PostgreSQL, in one process and on one loop: a real postgres, a cluster and its clients
 * (bus_fixture.h), and a `durable` each. Their buses are at places 0 and 1 of the fixture; the test starts them.
 * db_template_make has been called before.
 */
#ifndef HLIDKA_TEST_DURABLE_SCENE_H
#define HLIDKA_TEST_DURABLE_SCENE_H

#include "bus_fixture.h"
#include "db_server.h"
#include "durable.h"
#include "service_double.h"

struct durable_scene {
    struct fixture *f;
    struct db_server *server;
    struct service services[2];
    struct durable *durables[2];        /* NULL: closed */
    unsigned closed;
    uint64_t up[2], connects[2];        /* of the pools, when the server was killed */
    char directory[64];
};

/* sql: migration 010 of the service's own. streams: as in durable_options. Both are open when this returns. */
void durable_scene_open(struct durable_scene *s, const char *const *streams, const char *sql);
/* kill -9; and started again, with all the connections there were made anew. Between them requests find no store. */
void durable_scene_kill(struct durable_scene *s);
void durable_scene_restart(struct durable_scene *s);
void durable_scene_close_one(struct durable_scene *s, unsigned i);
void durable_scene_close(struct durable_scene *s);

/* Runs the batch in a pool of instance i and frees it; the int8 in its first row's first column, or -1. */
int64_t durable_scene_run(struct durable_scene *s, unsigned i, struct pg_batch *b);
int64_t durable_scene_int(struct durable_scene *s, unsigned i, const struct pg_statement *what);

#endif
