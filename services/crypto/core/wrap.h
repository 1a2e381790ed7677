/*
 * A key under a key (protocol.md, section 6, "Key hierarchy"):
 *
 *     wrap = nonce (12, random) ‖ AES-256-GCM(wrapping key, nonce, AAD, the key's 32 bytes)
 *     AAD  = "hlidka-wrap-v1", kind, realm, id, version (4 bytes BE), for `data` then the context's pairs,
 *            each as u16 BE length ‖ bytes
 *
 * kind       id                     version                        wrapping key
 * object     object id, 16 bytes    of the audio ring              the ring's for wrapping (ring.h)
 * owner      user_id                of the content ring            "
 * data       data key id, 16 bytes  of the content ring            "
 * ring       the ring's name        of the ring key itself         a root key (roots.h)
 *
 * Random nonces: at most 2^31 wraps under one key (SP 800-38D, 8.3, allows 2^32).
 */
#ifndef HLIDKA_WRAP_H
#define HLIDKA_WRAP_H

#include "context.h"
#include "gcm.h"
#include "secret.h"

#define WRAP_KEY_LEN 32
#define WRAP_LEN (GCM_NONCE_LEN + WRAP_KEY_LEN + GCM_TAG_LEN)
#define WRAPS_MAX (UINT64_C(1) << 31)

enum wrap_kind { WRAP_OBJECT, WRAP_OWNER, WRAP_DATA, WRAP_RING };

/* What the key is; all borrowed. */
struct wrap_about {
    enum wrap_kind kind;
    struct text realm;
    struct bytes id;
    uint32_t version;
    const struct context *context;      /* WRAP_DATA; else NULL */
};

/* key and under: WRAP_KEY_LEN bytes, else RESULT_OUT_OF_RANGE. RESULT_CRYPTO, RESULT_NO_MEMORY, RESULT_TOO_LARGE. */
MUST_USE enum result wrap_seal(const struct secret *under, const struct wrap_about *about,
                               const uint8_t nonce[GCM_NONCE_LEN], const struct secret *key, uint8_t out[WRAP_LEN]);

/* RESULT_NOT_AUTHENTIC: it is of another length, not of this key, or not what `about` says. Else as wrap_seal. */
MUST_USE enum result wrap_open(const struct secret *under, const struct wrap_about *about, struct bytes wrapped,
                               struct secret **out);

#endif
