/*
 * Activity, written behind the answers' back: what gathers while one batch is being written goes with the next. What
 * does not fit or is not written is lost, and the session's activity is a minute older than it was (protocol.md
 * section 5: last_activity may lag).
 */
#ifndef HLIDKA_TOUCHES_H
#define HLIDKA_TOUCHES_H

#include "bearer_store.h"

#define TOUCHES_MAX 4096u

struct touches {
    struct bearer_store *store;
    size_t count;                       /* that gather */
    bool writing;
    uint64_t written, lost;
    struct touch gathering[TOUCHES_MAX];
};

void touches_init(struct touches *t, struct bearer_store *store);

void touches_add(struct touches *t, const struct uuid *session, uint64_t now_ms);

#endif
