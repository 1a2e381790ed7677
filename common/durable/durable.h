/*
 * What a service with PostgreSQL stands on: its schema migrated, a pool of connections, the record of effects (once.h),
 * the outbox on its way to Kafka (outgoing.h), and the 32-byte secret under which its rows are sealed. main.c opens it
 * in start() and closes it in stop():
 *
 *     static const char *const STREAMS[] = { "events", "revocations", NULL };
 *
 *     durable_open(&(struct durable_options){
 *         .service = s, .pg_url_file = set->pg_url_file, .schema = "auth", .streams = STREAMS, .data_key = true,
 *         .opened = opened, .cookie = app,
 *     }, &app->durable, why);
 *
 * The service's intake is held until all of it is there (the migrations have run, the secret is known): then `opened`
 * is called, once, and requests flow. When PostgreSQL goes away later, nothing is held: once_run answers 503.
 */
#ifndef HLIDKA_DURABLE_H
#define HLIDKA_DURABLE_H

#include "pg.h"
#include "secret.h"
#include "service.h"

struct durable;
struct uuid;

#define DURABLE_SECRET_LEN 32
#define DURABLE_STREAMS_MAX 4

struct durable_options {
    struct service *service;
    const char *pg_url_file;            /* secret file, postgresql://… */
    const char *schema;                 /* also the service's name: services/<schema>/schema holds its migrations */
    const char *const *streams;         /* of the outbox, NULL at the end; static text */
    bool data_key;                      /* the secret is a data key, opened by crypto; else durable_set_secret gives it */
    unsigned connections;               /* of the pool; 0: its default */
    /* The schema is as it should be. Where data_key is false the service finds its secret now. May be NULL. */
    void (*migrated)(void *cookie);
    /* All is there. May be NULL. */
    void (*opened)(void *cookie);
    void *cookie;
};

/* RESULT_BAD_CONFIG, RESULT_DENIED with `why`, RESULT_NO_MEMORY, RESULT_INTERNAL. */
MUST_USE enum result durable_open(const struct durable_options *options, struct durable **out, struct buffer *why);

/* Whatever waits for PostgreSQL ends within this call; `closed` follows from the loop, when d is gone. */
void durable_close(struct durable *d, void (*closed)(void *cookie), void *cookie);

/* For those that have no data key: DURABLE_SECRET_LEN bytes, copied. Once, after `migrated`. */
MUST_USE enum result durable_set_secret(struct durable *d, const struct secret *secret);

/* Whether `opened` has been called. */
bool durable_is_open(const struct durable *d);

/* For reading, and for writing what is not an op's effect. Queries before `opened` fail as RESULT_UNAVAILABLE. */
struct pg *durable_pg(const struct durable *d);

/* This process, random: holder of its rows of the outbox. */
const struct uuid *durable_self(const struct durable *d);

/*
 * A key of its own for each purpose: BLAKE2b-256(key = the secret, "hlidka-subkey-v1" ‖ 0 ‖ purpose). After `opened`.
 * RESULT_UNAVAILABLE before, RESULT_NO_MEMORY.
 */
MUST_USE enum result durable_subkey(const struct durable *d, const char *purpose, struct secret **out);

/* "word: detail\n" for /readyz when something is missing: `store`, `schema`, `datakey`. */
void durable_ready(const struct durable *d, struct buffer *reasons);

/* b, which added rows to the outbox, has been committed, and not by once.h: relays them. b stays the caller's. */
void durable_committed(struct durable *d, struct pg_batch *b);
/* The same where the batch is not at hand: the rows are read back. */
void durable_wake(struct durable *d);

/*
 * Calls back when no row of that user is left unpublished in that stream, whoever wrote it, or (false) after timeout_ms
 * or when that cannot be learned. Never from within, unless there is no memory. stream is static.
 */
void durable_when_published(struct durable *d, const char *stream, struct text user_key, uint64_t timeout_ms,
                            void (*done)(void *cookie, bool published), void *cookie);

#endif
