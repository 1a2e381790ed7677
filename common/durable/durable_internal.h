/* What the parts of common/durable share. Nobody outside includes this. */
#ifndef HLIDKA_DURABLE_INTERNAL_H
#define HLIDKA_DURABLE_INTERNAL_H

#include "datakey.h"
#include "durable.h"
#include "migrate.h"
#include "outbox.h"
#include "uuid.h"

#include <uv.h>

enum durable_phase { DURABLE_MIGRATING, DURABLE_UNLOCKING, DURABLE_OPEN, DURABLE_CLOSING };

struct durable_stream {
    struct durable *owner;
    const char *name;
    struct outbox *relay;               /* NULL: not running */
};

struct durable {
    struct durable_options options;
    enum durable_phase phase;
    struct secret *url;
    struct pg *pg;
    struct uuid self;
    struct migrations migrations;
    bool migrating;                     /* a run is under way */
    char *why;                          /* what the last run failed of, or NULL */
    struct datakey *datakey;            /* an errand under way, or NULL */
    struct secret *secret;              /* NULL: not known yet */
    struct secret *records, *rows;      /* subkeys: of once.c and outgoing.c */
    struct durable_stream streams[DURABLE_STREAMS_MAX];
    size_t stream_count;
    uv_timer_t tick;
    uint64_t sweep_due_ns, retry_ns, rewrap_due_ns;
    unsigned open_handles;              /* and what is under way: all that has to end before d is gone */
    bool sweeping;
    struct once *doubtful;              /* requests whose COMMIT had no answer: looked for at the next tick */
    void (*closed)(void *cookie);
    void *closed_cookie;

    struct {
        uint64_t made, repeated, conflicts, refused, restarts, unavailable, failed;     /* of once.c */
        uint64_t purged;
        uint64_t published[DURABLE_STREAMS_MAX], undelivered[DURABLE_STREAMS_MAX], takeovers[DURABLE_STREAMS_MAX];
        double up, in_hand[DURABLE_STREAMS_MAX], waiting[DURABLE_STREAMS_MAX], oldest_s[DURABLE_STREAMS_MAX];
    } stats;
};

MUST_USE enum result durable_add_metrics(struct durable *d);

/* One of open_handles; d may be gone afterwards. */
void durable_part_closed(struct durable *d);

/* Opens a row and hands it to the bus; publish of every relay, whose cookie is the stream. */
enum result outgoing_publish(void *cookie, const struct outbox_row *row);

/* Looks again for what became of the doubtful. Once it is closing they end as unavailable. */
void once_resolve(struct durable *d);

#endif
