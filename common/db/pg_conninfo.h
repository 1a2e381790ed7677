/*
 * The URL of PostgreSQL, as libpq reads it (postgresql://, manual section 34.1.1.2), with what this project demands
 * on top: one host, named, so that libpq never looks one up by itself, because that blocks.
 */
#ifndef HLIDKA_PG_CONNINFO_H
#define HLIDKA_PG_CONNINFO_H

#include "buffer.h"
#include "secret.h"

#include <libpq-fe.h>

struct pg_conninfo {
    struct secret *url;                 /* NUL-terminated */
    char host[256];                     /* a path: a Unix socket's directory */
    uint16_t port;
    char application_name[64];
    char options[512];                  /* settings of the session: -c name=value … */
};

/* schema and application_name: as in pg_options. RESULT_BAD_CONFIG with `why`, RESULT_NO_MEMORY. */
MUST_USE enum result pg_conninfo_init(struct pg_conninfo *c, const struct secret *url, const char *application_name,
                                      const char *schema, struct buffer *why);
void pg_conninfo_free(struct pg_conninfo *c);

/* name=value for every session; in order, so that a later one wins. Before the first connect. */
void pg_conninfo_set(struct pg_conninfo *c, const char *name, uint64_t value);

/* PQconnectStartParams; hostaddr is NULL for a Unix socket. NULL without memory. */
PGconn *pg_conninfo_connect(const struct pg_conninfo *c, const char *hostaddr);

#endif
