/*
 * The service's data key: its wrapped form is in the service's schema, crypto wraps and opens it (crypto.datakey.*,
 * context {service: name}). Made on the first start, and never for a schema that has sealed rows: that one has lost the
 * row of its key. Of two instances that start at once both end with the same. Asked for over the bus as the service's own
 * principal, by a client that is closed again when the errand is over. Each errand ends with a rewrap, so that no old
 * version of crypto's ring is needed for long after a rotation.
 */
#ifndef HLIDKA_DATAKEY_H
#define HLIDKA_DATAKEY_H

#include "pg.h"
#include "service.h"

struct datakey;

#define DATAKEY_LEN 32

struct datakey_options {                /* all borrowed until it is stopped */
    struct service *service;
    struct pg *pg;
    const char *schema;                 /* also the service's name */
    /* Called once; key is borrowed for the call. What fails after it is left to the next errand. */
    void (*found)(void *cookie, const struct secret *key);
    /* There are sealed rows and no key (datakey_why says what to do). Called at every look until the row is back. */
    void (*lost)(void *cookie);
    void *cookie;
};

/*
 * Begins, and goes on trying until it is found or stopped; is to be stopped when it is over, too. RESULT_NO_MEMORY,
 * RESULT_BAD_CONFIG with `why`.
 */
MUST_USE enum result datakey_find(const struct datakey_options *options, struct datakey **out, struct buffer *why);

/* What it waits for, in words. */
const char *datakey_why(const struct datakey *d);

/* Nothing is under way any more. */
bool datakey_over(const struct datakey *d);

/* When it is over or its pool has been closed; not from within `found` or `lost`. Calls back when it is gone. */
void datakey_stop(struct datakey *d, void (*stopped)(void *cookie), void *cookie);

#endif
