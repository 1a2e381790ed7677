/*
 * The outbox: messages that an effect gives rise to, written in its transaction, relayed to Kafka afterwards,
 * at least once and in order per user.
 *
 * Writing. outbox_append goes into the effect's batch after the statement that locks the user's row. The
 * number n comes from a sequence at that moment, so for one user a lower n has always been committed
 * earlier.
 *
 * Relaying. Each process runs one relay per stream. A row belongs to the process that wrote it, for 1 s;
 * whoever finds it older takes it over. The relay is told of each commit (outbox_committed) and publishes its
 * rows from memory: outbox_append has said which row of the same user was in the table before, and where that
 * one is not in the relay's own hands, ahead of it, the new one is left. What is left, by this process or one
 * that is gone, is taken from the table: takes of one stream exclude each other (an advisory lock), and a row
 * waits while an earlier one of the same user is in other hands. Whichever way it came by them, a relay
 * publishes a number of rows, waits for every report, deletes what was delivered (but nothing after an
 * undelivered row of the same user), holds the rest no longer, forgets what it had in memory behind it, and
 * goes on. There is no cursor: what is in the table is unpublished.
 *
 * Kafka is not in here: `publish` is the bus' function, and the bus reports with outbox_done.
 */
#ifndef HLIDKA_OUTBOX_H
#define HLIDKA_OUTBOX_H

#include "pg.h"

struct outbox;

#define OUTBOX_TAKEOVER_MS 1000
#define OUTBOX_BATCH 256                /* rows taken at once, at most */

struct outbox_row {
    int64_t n;
    struct text user_key;               /* whose order is kept; "" is one more user */
    struct text topic;
    struct bytes key;                   /* Kafka key; data NULL: none */
    struct bytes sealed;                /* under the service's data key */
};

/* holder: this process (the same as in outbox_options). RETURNING n first. Errors as pg_batch_add. */
MUST_USE enum result outbox_append(struct pg_batch *b, const struct uuid *holder, struct text stream,
                                   const struct outbox_row *row);

/* One row, one int8: how many rows of that user are unpublished in that stream. */
MUST_USE enum result outbox_pending(struct pg_batch *b, struct text stream, struct text user_key);

/*
 * One row: int8, how many rows are unpublished in that stream, counted up to OUTBOX_COUNTED; float8, seconds since the
 * oldest of them was written, 0 when there is none.
 */
#define OUTBOX_COUNTED 10000
MUST_USE enum result outbox_waiting(struct pg_batch *b, struct text stream);

struct outbox_stats {
    uint64_t kept, taken;               /* rows from memory, rows read from the table */
    uint64_t published, failed;         /* failed ones are taken again */
    uint64_t takeovers;                 /* rows taken that another process had written */
    uint64_t in_hand;                   /* gauge: rows taken and not yet reported */
};

struct outbox_options {
    const char *stream;                 /* copied */
    struct uuid holder;                 /* random at the start of the process */
    uint64_t poll_ms;                   /* 0: 250; how often to look for rows that were left */
    uint64_t gather_ms;                 /* how long a committed row may wait for others to go with it; well below a second */
    /*
     * Hand over one row; it is borrowed for the call. RESULT_OK: outbox_done will follow, once, not from within;
     * anything else: not published, it stays and is tried again.
     */
    enum result (*publish)(void *cookie, const struct outbox_row *row);
    void *cookie;
};

/* Begins to relay. pg is borrowed until closed. RESULT_NO_MEMORY, RESULT_INTERNAL. */
MUST_USE enum result outbox_start(struct uv_loop_s *loop, struct pg *pg, const struct outbox_options *options,
                                  struct outbox **out);

/* b has been committed: relays what outbox_append wrote in it to this stream. Copies; b stays the caller's. */
void outbox_committed(struct outbox *o, struct pg_batch *b);

/* Rows were committed that it was not told of: take now rather than at the next poll. Cheap, as often as you like. */
void outbox_wake(struct outbox *o);

/* The delivery report of a row that publish accepted. Unknown numbers are ignored. */
void outbox_done(struct outbox *o, int64_t n, bool delivered);

const struct outbox_stats *outbox_stats(const struct outbox *o);

/* Takes no more; rows still in hand are left to whoever takes them over. Before pg_close. */
void outbox_stop(struct outbox *o, void (*stopped)(void *cookie), void *cookie);

#endif
