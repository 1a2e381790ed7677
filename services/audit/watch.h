/*
 * Who looks at every record as it enters the log, and may write what follows from it (alerts and their outbox rows)
 * into the very transaction that stores it. The rules are the one watch of the service.
 *
 * A leader's life, as its watch sees it:
 *
 *     forget                           all state is worth nothing: a leadership begins, or a transaction was lost
 *     recall                           what it keeps in tables of its own, now that nobody else writes them
 *     pass or replay × n               the records that were received within reach_ms before the newest, in seq order: of
 *                                      those that it does not want nothing but the newest `received` so far
 *     feed × n, settle                 a transaction of n new records, in seq order; then the next
 *     written                          … and that one is committed, though the next may have been fed meanwhile
 *
 * A transaction that does not commit is never undone in parts: forget and replay come again, from what is stored. So
 * a watch needs no way back, and what it knows beyond reach_ms it keeps in tables, written in the records' transaction.
 * Same log, same alerts: nothing but the records may decide, neither the clock nor how they were cut into transactions.
 */
#ifndef HLIDKA_WATCH_H
#define HLIDKA_WATCH_H

#include "log_event.h"

struct pg_batch;
struct rule_types;

struct watch {
    void (*forget)(void *cookie);
    /* Calls back once, from the loop, unless it returns an error. */
    enum result (*recall)(void *cookie, void (*recalled)(void *leader, enum result r), void *leader);
    uint64_t (*reach_ms)(void *cookie);
    /* Of what types the records are that may matter to it; borrowed until the next `forget`. */
    const struct rule_types *(*wanted)(void *cookie);
    void (*pass)(void *cookie, uint64_t received);
    /* A failure of anything gives the leadership up; the next one tries again. */
    enum result (*replay)(void *cookie, const struct log_record *r);
    /*
     * Both may add statements to writes, behind those that fence the transaction. r and all it borrows live for the call.
     * RESULT_TOO_LARGE: too much for one transaction; fewer records come at once.
     */
    enum result (*feed)(void *cookie, const struct log_record *r, struct pg_batch *writes);
    /* The last of a transaction. tells: `written` is to be called. */
    enum result (*settle)(void *cookie, struct pg_batch *writes, bool *tells);
    /* There is something for the relay, committed. */
    void (*written)(void *cookie);
    void *cookie;
};

#endif
