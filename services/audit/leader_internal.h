/* The leader from the inside: leader.c (its life), leader_begin.c (how a leadership begins), leader_cycle.c, leader_stats.c. */
#ifndef HLIDKA_LEADER_INTERNAL_H
#define HLIDKA_LEADER_INTERNAL_H

#include "leader.h"

enum {
    TRY_MS = 1000,                      /* between two looks at a lease that another holds */
    AGAIN_MS = 200,                     /* after a failure of one's own */
    TAMPERED_MS = 30000,
    HOLD_MS = 1000,                     /* of the lease's 3 s */
    OWN_MS = 500,                       /* at most so long until the log says what it has to say itself */
    CALM = 16,                          /* transactions that commit before they grow again */
};

enum leader_state { STANDBY, TAKING, LOADING, REPLAYING, LEADING };

struct leader {
    struct leader_options o;
    enum leader_state state;
    bool busy;                          /* a call of the store is under way, other than that which commits */
    bool holding;                       /* … and so is one that holds the lease while it begins */
    int64_t holding_epoch;
    enum store_outcome kept;            /* what became of that */
    bool broken;                        /* the feed has ended; so does the leadership, when all calls are back */
    enum store_outcome failed;          /* … and so it does when one has failed: how the first did */
    bool stopping;
    void (*stopped)(void *cookie);
    void *cookie;

    int64_t epoch;
    uint64_t try_ms, held_ms, own_ms;   /* CLOCK_BOOTTIME: the next try; when the lease was last held, the log last asked */
    struct writer_state writer;
    struct cycle *cycles[2];
    struct cycle *making;               /* of them: taken in, looked up, composed; NULL */
    struct log_write *composed;         /* of `making`, when it is; it waits for … */
    struct cycle *writing;              /* … the one that is being committed; NULL */
    const struct feed_batch *batch;     /* in hand, not taken in yet */
    size_t batch_max;
    unsigned calm;
    struct cycle_poison poison;
    const char *fault;

    uint64_t records, events, repeats, cycles_done, given_up, rejected;
    double leading, size, subjects, producers;      /* gauges */
};

/* Asks for the lease; whatever follows until it leads, or stands by again, follows by itself. */
void leader_take(struct leader *l);
/* To read and to replay may take longer than the lease: held beside. */
void leader_keep_lease(struct leader *l);

/* A call of the store has begun, or could not; not one of a cycle's. */
void leader_began(struct leader *l, enum result r);
/* Of a call that could not begin. */
enum store_outcome leader_meaning(enum result r);
/* A call of the store is back, other than that which commits. True: the leadership goes on. */
bool leader_goes_on(struct leader *l, enum store_outcome o);
/* The same of that which commits: no more is asked than this. */
bool leader_call_ended(struct leader *l, enum store_outcome o);
/* Nothing more is begun; when nothing is under way any more, it stands by. STORE_DONE: it was no failure of the store. */
void leader_give_up(struct leader *l, enum store_outcome o);

/* With the batch that is in hand, or for what the log has to say itself. Nothing is being made. */
void leader_begin_cycle(struct leader *l);
/* With the batch that is in hand, if there is one, and nothing in the way. */
void leader_go_on(struct leader *l);
/* It stops, and nothing is under way any more: the lease goes back. */
void leader_end_if_idle(struct leader *l);

#endif
