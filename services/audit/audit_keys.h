/* The keys that audit derives from its data key, one a purpose. main.c makes them when that is open. */
#ifndef HLIDKA_AUDIT_KEYS_H
#define HLIDKA_AUDIT_KEYS_H

#include "secret.h"

#define AUDIT_KEY_LIST(X)                                                                                  \
    X(lookup)                           /* hashes by which a subject is found */                           \
    X(wrap)                             /* of subjects' keys */                                            \
    X(fingerprint)                      /* of events' bodies */                                            \
    X(notice)                           /* events of our own on their way */                               \
    X(cursor)                                                                                              \
    X(group)                            /* ids of rules' groups, and of alerts */                          \
    X(pseudonym)                        /* what alerts show in place of a name */                          \
    X(note)                             /* what operators wrote */

struct audit_keys {
#define X(name) struct secret *name;
    AUDIT_KEY_LIST(X)
#undef X
};

static inline const uint8_t *key_bytes(const struct secret *s)
{
    return secret_bytes(s).data;
}

static inline void audit_keys_free(struct audit_keys *k)
{
#define X(name) secret_free(k->name);
    AUDIT_KEY_LIST(X)
#undef X
    *k = (struct audit_keys){ 0 };
}

#endif
