/*
 * Who writes the log. Every instance has a leader that stands by until the lease is free; the one that has it reads the
 * feed and writes, a cycle at a time:
 *
 *     STANDBY   asks for the lease once a second
 *     LOADING   size, tree, offsets, counts from the store; then the watch is told what it must know (REPLAYING)
 *     LEADING   feed → cycle → one transaction → the next; when nothing comes, the lease is held by itself
 *
 * Of two cycles at most, one is being committed and the next is made meanwhile, on what the first will have written: it
 * is sent when the first is known to be committed, and thrown away when it is not.
 *
 * Whatever goes wrong in between (the lease has passed, PostgreSQL is away, a transaction was refused, what became of it
 * is not known), everything in memory is forgotten and it stands by again: the store is the only truth. A transaction
 * that PostgreSQL refuses is tried again in halves until the event to blame is alone; that one is dead-lettered.
 */
#ifndef HLIDKA_LEADER_H
#define HLIDKA_LEADER_H

#include "metrics.h"
#include "log_store.h"

struct leader;

/* The feed, as main.c wires it (feed.h). */
struct leader_feed {
    void (*begin)(void *cookie, const struct feed_offset *offsets, size_t count, size_t batch_max);
    void (*next)(void *cookie, size_t batch_max, size_t least);
    void (*stored)(void *cookie, const struct feed_offset *offsets, size_t count);
    void (*end)(void *cookie);
    /* The store will not take this item of the batch in hand. */
    void (*reject)(void *cookie, const struct feed_item *item);
    void *cookie;
};

struct leader_options {
    struct log_store *store;
    struct leader_feed feed;
    const struct watch *watch;          /* or NULL */
    unsigned newcomers_per_minute;      /* new subjects of a source */
    uint64_t (*now_ms)(void);           /* ms since 1970 */
    uint64_t (*boot_ms)(void);          /* CLOCK_BOOTTIME */
};

MUST_USE enum result leader_new(const struct leader_options *options, struct leader **out);
/* Not while it is at work: after leader_stop. */
void leader_free(struct leader *l);

/* A few times a second. */
void leader_tick(struct leader *l);

/* The feed's. */
void leader_batch(struct leader *l, const struct feed_batch *batch);
void leader_feed_broken(struct leader *l);

/* What its watch goes by has changed: it begins anew, with what is stored. */
void leader_renew(struct leader *l);

/* Begins nothing more, lets what is under way end, gives the lease back; then calls back, once. */
void leader_stop(struct leader *l, void (*stopped)(void *cookie), void *cookie);

/* The epoch in which it leads, for others that write in the writer's name; 0: it does not. */
int64_t leader_epoch(const struct leader *l);

/* NULL, or why the log cannot be written by anybody: what is stored is not what was written. */
const char *leader_fault(const struct leader *l);

MUST_USE enum result leader_metrics(struct leader *l, struct metrics *m);

#endif
