/*
 * Who may say what: the principals file (protocol.md section 2), its keys and grants. Immutable once loaded;
 * a reload makes a new one and the old one lives until nothing refers to it (reference counted).
 */
#ifndef HLIDKA_PRINCIPALS_H
#define HLIDKA_PRINCIPALS_H

#include "envelope.h"

#define PRINCIPALS_MAX       256u
#define PRINCIPAL_KEYS_MAX   8u
#define PRINCIPAL_SIGNS_MAX  4u

struct principals;

struct principal_key {
    struct key_id id;
    uint8_t public_key[32];
};

struct principal {
    struct text name;
    struct text realm;                      /* the name unless given */
    unsigned index;                         /* position in the file, for counters */
    struct principal_key keys[PRINCIPAL_KEYS_MAX];
    unsigned key_count;                     /* keys[0] is the one to send to */
    struct principal_key signs[PRINCIPAL_SIGNS_MAX];
    unsigned sign_count;
    const struct grant *grants;
    unsigned grant_count;
};

/*
 * RESULT_BAD_CONFIG and every mistake in `why`, a line each: unknown keys, a bad name or base64, a public key
 * that stands twice (in the whole file), a low-order point, a grant of no known form. Takes one reference.
 */
MUST_USE enum result principals_load(const char *path, struct principals **out, struct buffer *why);
MUST_USE enum result principals_parse(struct bytes yaml, const char *name, struct principals **out, struct buffer *why);
struct principals *principals_hold(struct principals *p);
void principals_drop(struct principals *p);

const struct principal *principals_find(const struct principals *p, struct text name);
const struct principal *principals_at(const struct principals *p, unsigned index);
unsigned principals_count(const struct principals *p);
/* SHA-256 of the file, for config.changed. */
const uint8_t *principals_sha256(const struct principals *p);

const struct principal_key *principal_key_find(const struct principal *who, const struct key_id *id);

/* Whether `who` may ask for op. A prefix grant never covers a signed op: those by full name, or `*` alone. */
bool principal_may(const struct principal *who, struct text op, bool is_signed);

/* Whether `who` may send events of that type; `*` alone covers all but what audit alone writes. */
bool principal_may_event(const struct principal *who, struct text type);

/* First 8 bytes of BLAKE2b-256 of a public key. */
struct key_id key_id_of(const uint8_t public_key[32]);

#endif
