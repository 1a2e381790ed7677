/*
 * Copies of one message at once (protocol.md section 2, "Once"): while the first is at work here, a later one of
 * the same (src, id) waits for it, and then runs: the handler's store knows the record by then and repeats the reply,
 * or says that the id was used for something else. What other instances do is the store's to settle.
 */
#ifndef HLIDKA_COPIES_H
#define HLIDKA_COPIES_H

#include "hashmap.h"

struct bus;
struct request;

struct copies {
    struct hashmap *at_work;            /* src, id -> the first request */
    struct request *ready, **ready_last;
    bool running;
    uint64_t waited, refused;
};

MUST_USE enum result copies_init(struct bus *b);
void copies_free(struct bus *b);

/*
 * RESULT_OK: it is the first, serve it. RESULT_EXISTS: it waits. RESULT_FULL: too many wait for that one, or too many
 * are at work; RESULT_NO_MEMORY.
 */
MUST_USE enum result copies_enter(struct bus *b, struct request *rq);

/* The first one ends: the next of those that wait becomes ready. */
void copies_pass_on(struct bus *b, struct request *rq);

/* Serves what is ready; what has passed its deadline meanwhile is dropped. Does nothing when called from within. */
void copies_run(struct bus *b);

#endif
