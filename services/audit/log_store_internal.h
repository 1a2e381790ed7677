/* What the store_*.c share: how a batch ended, and a row of records as it is read. */
#ifndef HLIDKA_LOG_STORE_INTERNAL_H
#define HLIDKA_LOG_STORE_INTERNAL_H

#include "entry.h"
#include "pg.h"
#include "log_store.h"

#define STORE_TIMEOUT_MS 10000

enum store_outcome log_store_outcome_of(const struct pg_batch *b);

/* Makes a batch of at most `limit` bytes, adds the first statement, submits: RESULT_OK, or b is freed. */
MUST_USE enum result log_store_submit(struct log_store *s, struct pg_batch *b, enum result added, pg_batch_cb *done, void *cookie);

/* Of every statement that reads records: `seq, received, time, src, type, outcome, tag, hash` come first. */
#define STORE_ENTRY_COLUMNS "r.seq, r.received, r.time, r.src, r.type, r.outcome, r.tag, r.hash"
#define STORE_ENTRY_COUNT 8

/* RESULT_MALFORMED when the row cannot be one of ours. Texts are borrowed from the batch. */
MUST_USE enum result log_store_read_entry(struct pg_batch *b, size_t stmt, size_t row, struct entry *out);

/*
 * Behind those columns, from col on: `r.sealed, s.id, s.hash, s.wrapped` (LEFT JOIN subjects s). Appends nonce ‖ payload.
 * RESULT_NOT_FOUND: erased. RESULT_NOT_AUTHENTIC: the log says of which record.
 */
#define STORE_SEALED_COLUMNS "r.sealed, s.id, s.hash, s.wrapped"
MUST_USE enum result log_store_open_entry(struct log_store *s, struct pg_batch *b, size_t stmt, size_t row, size_t col,
                                      const struct entry *e, struct buffer *opened);

#endif
