/* The table of the outbox: every statement about it, and rows as batches hold them. outbox.h has those for others. */
#ifndef HLIDKA_OUTBOX_ROWS_H
#define HLIDKA_OUTBOX_ROWS_H

#include "outbox.h"

/*
 * Statement `stmt` of a committed batch, if it is an outbox_append to that stream; `row` borrows from the batch. before:
 * the last row of the same user that was in the table before it; 0: there was none; OUTBOX_MANY: who knows.
 */
#define OUTBOX_MANY (-1)
bool outbox_appended(struct pg_batch *b, size_t stmt, struct text stream, struct outbox_row *row, int64_t *before);

/*
 * Takes up to OUTBOX_BATCH rows in their order, for `holder`: its own and those that nobody holds any more, and nothing of
 * a user of whom somebody else still holds an earlier row.
 */
MUST_USE enum result outbox_take(struct pg_batch *b, struct text stream, const struct uuid *holder);
size_t outbox_taken(const struct pg_batch *b);
/* Row i; borrows from the batch. others: it was somebody else's. */
struct outbox_row outbox_taken_row(struct pg_batch *b, size_t i, bool *others);

/* Rows are being seen to still. */
MUST_USE enum result outbox_renew(struct pg_batch *b, const int64_t *n, size_t count, const struct uuid *holder);

/* The end of rows that are in hand: `gone` have been published, `left` are anybody's. */
MUST_USE enum result outbox_settle(struct pg_batch *b, const int64_t *gone, size_t gone_count, const int64_t *left,
                                   size_t left_count, const struct uuid *holder);

#endif
