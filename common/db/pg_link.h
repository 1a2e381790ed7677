/*
 * One libpq connection on a libuv loop: look-up, connecting, reading, flushing. What is sent and what the results
 * mean is its owner's: the pool (pg_lane.c) and the migrations (migrate.c).
 */
#ifndef HLIDKA_PG_LINK_H
#define HLIDKA_PG_LINK_H

#include "pg_conninfo.h"

struct uv_loop_s;
struct pg_link;

struct pg_link_events {
    void (*up)(void *cookie);
    /* Input was consumed: take results while PQisBusy says no. */
    void (*readable)(void *cookie);
    /* Never came up, or is gone; why is for the log. Close it now. */
    void (*lost)(void *cookie, const char *why);
};

/*
 * Begins to connect; pipeline: enter pipeline mode before `up`. pick: see resolve.h. info is borrowed until closed.
 * Events come from the loop until pg_link_close.
 * RESULT_UNAVAILABLE (refused at once), RESULT_NO_MEMORY, RESULT_INTERNAL.
 */
MUST_USE enum result pg_link_open(struct uv_loop_s *loop, const struct pg_conninfo *info, unsigned pick, bool pipeline,
                                  const struct pg_link_events *events, void *cookie, struct pg_link **out);

/* For PQsend… and PQgetResult, from `up` on. */
PGconn *pg_link_conn(struct pg_link *l);

/* After sending: writes what the socket takes, the rest follows by itself. A broken socket shows as `lost`. */
void pg_link_flush(struct pg_link *l);

/* No event comes any more; closed follows from the loop. */
void pg_link_close(struct pg_link *l, void (*closed)(void *cookie), void *cookie);

#endif
