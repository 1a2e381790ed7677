/*
 * The log in PostgreSQL (schema/010_log.sql). Each call is one round trip or a few, never blocks, and calls back once
 * from the loop unless it returns an error. Everything a callback is given is borrowed for the call.
 */
#ifndef HLIDKA_LOG_STORE_H
#define HLIDKA_LOG_STORE_H

#include "cycle.h"

struct pg;

struct log_store {
    struct pg *pg;
    const struct audit_keys *keys;
    struct uuid self;                   /* this process, random */
    unsigned notices_out;               /* under way */
};

enum store_outcome {
    STORE_DONE,
    STORE_LEASE_LOST,                   /* the epoch has passed: rolled back */
    STORE_REFUSED,                      /* PostgreSQL does not take what was to be written: rolled back */
    STORE_AWAY,                         /* not reachable, or what became of it is not known */
    STORE_TAMPERED,                     /* what is stored is not what was written: in the log, by name */
};

typedef void log_store_done(void *cookie, enum store_outcome o);

/* ---- the writer's lease: store_lease.c ------------------------------------------------------------------------ */

/* epoch 0: another holds it. */
MUST_USE enum result log_store_lease_take(struct log_store *s,
                                          void (*done)(void *cookie, enum store_outcome o, int64_t epoch),
                                          void *cookie);
MUST_USE enum result log_store_lease_hold(struct log_store *s, int64_t epoch, log_store_done *done, void *cookie);
/* Whoever comes next need not wait for its end. */
MUST_USE enum result log_store_lease_release(struct log_store *s, int64_t epoch, log_store_done *done, void *cookie);

/* ---- how a leadership begins: store_load.c, store_replay.c ---------------------------------------------------- */

/*
 * Fills the tree, the number of subjects and the producers' counts of a state whose maps are empty, and checks that the
 * newest records and the nodes hash to the stored roots (STORE_TAMPERED, named in the log).
 */
MUST_USE enum result log_store_load(struct log_store *s, struct writer_state *state,
                                void (*done)(void *cookie, enum store_outcome o, const struct feed_offset *offsets, size_t count),
                                void *cookie);

/* The records that were received within its reach of the newest, to the watch; those that are erased are left out. */
MUST_USE enum result log_store_replay(struct log_store *s, const struct watch *watch, log_store_done *done,
                                  void *cookie);

/* ---- a cycle: store_look.c, store_write.c --------------------------------------------------------------------- */

MUST_USE enum result log_store_look(struct log_store *s, struct cycle *c, log_store_done *done, void *cookie);

/* A transaction that is composed: *out borrows nothing, and is log_store_commit's or log_write_free's. Errors of cycle_compose. */
struct log_write;
MUST_USE enum result log_store_compose(struct log_store *s, int64_t epoch, struct cycle *c, struct log_write **out);
/* w is gone whatever this returns. */
MUST_USE enum result log_store_commit(struct log_store *s, struct log_write *w, log_store_done *done, void *cookie);
/* Decided against; NULL is fine. */
void log_write_free(struct log_write *w);

/* ---- what any instance has to say: store_notice.c ------------------------------------------------------------- */

/* An event of audit's own, to be recorded by the writer. Without an answer (notices_out); what fails is in the log. */
struct audit_event;
void log_store_notice(struct log_store *s, const struct audit_event *e);

/* Forgets ids that can never come again, and alerts past their 30 days; about once a minute, by the writer. Without an answer: store_purge.c. */
void log_store_purge(struct log_store *s, uint64_t now_ms);

#endif
