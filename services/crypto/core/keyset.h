/*
 * The ring keys as they stand at one epoch: a set that never changes, shared by whoever works with it. A change in
 * PostgreSQL makes another set; work that was begun under the old one sees by the pointer that there is a newer.
 *
 *     struct keyset *set;
 *     keyset_new(&set);
 *     for each row: keyset_add(set, roots, &row);
 *     const struct ring_key *k = keyset_active(set, RING_AUDIO, (struct text){ 0 });
 */
#ifndef HLIDKA_KEYSET_H
#define HLIDKA_KEYSET_H

#include "ring.h"
#include "roots.h"
#include "wrap.h"

struct keyset;

/* A row of ring_keys, borrowed. */
struct ring_row {
    enum ring ring;
    uint32_t version;
    struct text realm;                  /* of an imported Fernet key; else empty */
    enum ring_state state;
    uint32_t root_version;
    struct bytes wrapped;               /* none when destroyed */
    uint64_t uses, wraps;               /* as counted in PostgreSQL */
};

struct ring_key {
    enum ring ring;
    uint32_t version;
    enum ring_state state;
    struct secret *wrap;                /* both NULL when destroyed, or when it did not open */
    struct secret *content;
    char realm[33];
    uint64_t uses, wraps;               /* as counted in PostgreSQL, which lags; changed on the loop's thread alone */
};

/* One reference. RESULT_NO_MEMORY. */
MUST_USE enum result keyset_new(struct keyset **out);
/* References are counted on the loop's thread only. */
struct keyset *keyset_hold(struct keyset *s);
/* The last one wipes the keys; NULL is fine. */
void keyset_release(struct keyset *s);

/*
 * RESULT_NOT_AUTHENTIC: the row does not open (tampered with, or a root key that is not the one), RESULT_NOT_FOUND: its
 * root version is not at hand; the version is then in the set, without keys. RESULT_NO_MEMORY, RESULT_CRYPTO.
 */
MUST_USE enum result keyset_add(struct keyset *s, const struct roots *roots, const struct ring_row *row);

/* NULL when there never was such a version. */
const struct ring_key *keyset_find(const struct keyset *s, enum ring r, uint32_t version);
/* The newest active one of that realm; NULL when there is none. */
const struct ring_key *keyset_active(const struct keyset *s, enum ring r, struct text realm);
/* The same, when it can be used for one more wrap; else NULL. */
const struct ring_key *keyset_wrapping(const struct keyset *s, enum ring r);
void keyset_counted(struct keyset *s, enum ring r, uint32_t version, uint64_t uses, uint64_t wraps);

/* A new ring key wrapped under the newest root: what first starts and rotations insert. Errors as wrap_seal. */
MUST_USE enum result ring_key_make(const struct roots *roots, enum ring r, struct text realm, uint32_t version,
                                   const struct secret *key, const uint8_t nonce[GCM_NONCE_LEN], uint8_t wrapped[WRAP_LEN]);

#endif
