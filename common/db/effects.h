/*
 * The record of effects: one effect per (src, id), proven by a row that is committed with it
 * (proto/PROTOCOL.md, "Once"). These functions append statements to a batch; the caller's own go into the
 * same batch or transaction.
 *
 *     find:    effects_turn(b, src, &id), effects_find(b, src, &id) … pg_begin … effects_read(b, 1, &found)
 *     effect:  effects_record(b, src, &id, fingerprint, sealed_reply)       first: a second runner waits here
 *              … the effect's statements, outbox_append …                   … submit or pg_commit
 *              effects_taken(b): someone else was first, look it up again
 *
 * Fingerprint and reply are bytes here; record_seal.h makes and opens them. Times are the database's.
 */
#ifndef HLIDKA_EFFECTS_H
#define HLIDKA_EFFECTS_H

#include "pg.h"

#define EFFECTS_KEEP_S 1200             /* records live 20 min */

struct effect {
    bool found;
    struct bytes fingerprint;           /* borrowed from the batch */
    struct bytes reply;
};

/*
 * In a transaction, before the find: copies of one message take turns, in all processes. Whoever comes second is let in when
 * the first one's transaction has ended, and its find then sees what came of it; a decision made from rows alone would
 * otherwise refuse the copy of what has just been granted. Errors as pg_batch_add, here and below.
 */
MUST_USE enum result effects_turn(struct pg_batch *b, struct text src, const struct uuid *id);

MUST_USE enum result effects_find(struct pg_batch *b, struct text src, const struct uuid *id);
/* stmt: the number of the find in its batch. RESULT_INTERNAL when the rows are not what find asked for. */
MUST_USE enum result effects_read(struct pg_batch *b, size_t stmt, struct effect *out);

MUST_USE enum result effects_record(struct pg_batch *b, struct text src, const struct uuid *id,
                                    struct bytes fingerprint, struct bytes reply);
/* The batch failed because the record exists already: nothing of it happened, the first one's did. */
bool effects_taken(const struct pg_batch *b);

/* Removes at most `limit` records past their time; pg_affected says how many, so that the caller may go on. */
MUST_USE enum result effects_purge(struct pg_batch *b, int64_t limit);

#endif
