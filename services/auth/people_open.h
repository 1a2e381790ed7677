/* For main.c: making the store of people.h. */
#ifndef HLIDKA_PEOPLE_OPEN_H
#define HLIDKA_PEOPLE_OPEN_H

#include "durable.h"
#include "people.h"

struct people_options {
    struct durable *durable;            /* with a data key and the streams of events and revocations; borrowed */
    struct lifetimes lifetimes;
    struct text totp_issuer;            /* what authenticator apps show; [A-Za-z0-9 ._-], borrowed */
    size_t sessions_max;                /* alive at once, of one user; at least 1 */
    /*
     * What introspection shows of that session, or (NULL) of all of that user's, is another as of now: what this
     * instance holds of it is to be forgotten before this returns.
     */
    void (*changed)(void *cookie, struct text user_id, const struct uuid *session);
    /* A token of that session's came back that is dead: to be counted (reuse.h). */
    void (*reused)(void *cookie, const struct uuid *session, struct text user_id, struct text trace, uint64_t now_ms);
    void *cookie;
};

/* RESULT_NO_MEMORY. */
MUST_USE enum result people_new(const struct people_options *options, struct people **out);
/* The data key is there (durable's `opened`). Errors as durable_subkey. */
MUST_USE enum result people_opened(struct people *p);
/* About once a minute: forgets what is old enough, a little at a time. */
void people_tick(struct people *p, uint64_t now_ms);
/* When no request is at work and durable is closed. NULL is fine. */
void people_free(struct people *p);

#endif
