/*
 * Who we are and whom we know at one time: keys and principals as they were loaded together. A reload makes a new
 * identity; the old one lives as long as a request that came under it, so that its reply is sealed with its keys.
 */
#ifndef HLIDKA_IDENTITY_H
#define HLIDKA_IDENTITY_H

#include "file.h"
#include "peers.h"
#include "seal.h"

struct identity_files {
    const char *principals;
    const char *key;
    const char *sign;                   /* or NULL */
};

struct identity {
    unsigned refs;
    struct principals *principals;
    struct keyring *keyring;
    const struct principal *audit;      /* NULL: there is nobody to send events to */
    struct peer *peers[PRINCIPALS_MAX]; /* by a principal's index */
    struct file_stamp stamps[3];        /* of the files, in the order above */
};

/* Takes one reference. RESULT_BAD_CONFIG, RESULT_DENIED with `why`, RESULT_NO_MEMORY. */
MUST_USE enum result identity_load(const struct identity_files *files, struct peers *peers, struct identity **out,
                                   struct buffer *why);
struct identity *identity_hold(struct identity *id);
void identity_drop(struct identity *id);

/* Whether a file differs from what was loaded (or cannot be looked at: the reload will say why). */
bool identity_changed(const struct identity *id, const struct identity_files *files);

/* NULL when others can speak to `self`, else what is wrong: not among the principals, or without our key. */
const char *identity_fault(const struct identity *id, struct text self);

#endif
