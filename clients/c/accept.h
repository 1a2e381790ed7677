/*
 * Which values on our reply partition are answers (PROTOCOL.md, section 3, "A client"): `re` is a request that waits,
 * `src` that request's `dst`, `dst` ourselves, `op` the request's, `skid` a key of that `src`, `dkid` one of ours, and
 * the box opens. `re` is compared before anything else, since the partition may be shared with many.
 *
 * Pure: no I/O, no counters.
 */
#ifndef HLIDKA_ACCEPT_H
#define HLIDKA_ACCEPT_H

#include "arena.h"
#include "codec.h"
#include "seal.h"

enum acceptance {
    ACCEPTED,
    IGNORED_MALFORMED,                  /* frame, header, or the body of what did open */
    IGNORED_UNASKED,
    IGNORED_MISMATCHED,                 /* src, dst or op */
    IGNORED_UNKNOWN_KEY,                /* skid or dkid */
    IGNORED_NOT_AUTHENTIC,
};

struct asked {                          /* a request that waits */
    struct text op;
    struct text dst;
};

struct acceptor {
    struct text self;                   /* our principal */
    const struct principals *principals;
    struct keyring *keyring;
    /* What waits under that id, or NULL. */
    const struct asked *(*find)(void *cookie, const struct uuid *id);
    void *cookie;
};

struct accepted {
    struct envelope envelope;           /* borrowed from the value */
    struct reply reply;                 /* borrowed from body, and in the arena */
};

/* body: empty, gets the opened bytes. out is set as far as reading came; out->reply only when ACCEPTED. */
enum acceptance accept_reply(const struct acceptor *a, struct bytes value, struct buffer *body, struct arena *arena,
                             struct accepted *out);

#endif
