/*
 * What nobody asks for: recordings past their time are taken away with an event each, uploads that were not completed
 * dropped, tombstones forgotten after 30 d, and blobs that no row names removed. Any instance may do it, several at once
 * too: rows are taken with SKIP LOCKED, and a blob is removed only when it is older than any upload under way
 * (BLOB_GRACE_MS) and PostgreSQL, asked after that, knows no row of it.
 *
 * What readers see does not depend on it: expiry is exact on read.
 */
#ifndef HLIDKA_JANITOR_H
#define HLIDKA_JANITOR_H

#include "vault.h"

struct janitor;

#define JANITOR_TICK_MS 1000
#define JANITOR_SWEEP_TICKS 1           /* a shard of the blob store each so often: a small store in 5 min */

/* grace_ms: BLOB_GRACE_MS, or less in tests. first_shard: any. RESULT_NO_MEMORY. */
MUST_USE enum result janitor_new(struct vault *v, uint64_t grace_ms, unsigned first_shard, struct janitor **out);
/* Once everything is open, every JANITOR_TICK_MS. */
void janitor_tick(struct janitor *j);
/* The store-id was found changed: nothing is swept any more. */
bool janitor_lost_store(const struct janitor *j);
/* After durable_close and offload_close have called back. */
void janitor_free(struct janitor *j);

#endif
