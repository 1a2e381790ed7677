/*
 * The stored form of a recording (protocol.md, section 6): each part is one Cobblestone-256 under the object's key, with a
 * salt of its own, bound to its place:
 *
 *     context = "hlidka-audio-v1" ‖ realm, object id (16), offset, length, size (8 BE each), media type, owner (empty if
 *               none), created_at (ms, 8 BE), each as u16 BE length ‖ bytes
 *
 * Its row keeps the hash of the whole, under a key that goes with the object's:
 *
 *     sha256  = nonce (12) ‖ AES-256-GCM(HKDF-Expand-SHA-512(object key, "hlidka-audio-sha256-v1"), nonce, AAD = object id,
 *               SHA-256 of the whole)
 */
#ifndef HLIDKA_RECORDING_H
#define HLIDKA_RECORDING_H

#include "cobblestone.h"
#include "context.h"
#include "gcm.h"
#include "parts.h"
#include "secret.h"
#include "uuid.h"

#define RECORDING_KEY_LEN 32
#define RECORDING_SHA256_LEN 32
#define RECORDING_SEALED_SHA256_LEN (GCM_NONCE_LEN + RECORDING_SHA256_LEN + GCM_TAG_LEN)
#define RECORDING_CONTEXT_MAX 512

/* What every part of it is bound to. Borrowed. */
struct recording {
    struct text realm;
    struct uuid id;
    uint64_t size;
    struct text media_type;
    struct text owner;                  /* data NULL: none */
    uint64_t created_ms;
};

/* out: of RECORDING_CONTEXT_MAX. Errors as context_put. */
MUST_USE enum result recording_context(const struct recording *r, struct part p, struct buffer *out);

/* RESULT_OUT_OF_RANGE for a key of another length. */
MUST_USE enum result recording_seal_sha256(const struct secret *key, const struct uuid *id, const uint8_t nonce[GCM_NONCE_LEN],
                                           const uint8_t sha256[RECORDING_SHA256_LEN],
                                           uint8_t out[RECORDING_SEALED_SHA256_LEN]);
/* RESULT_NOT_AUTHENTIC. */
MUST_USE enum result recording_open_sha256(const struct secret *key, const struct uuid *id, struct bytes sealed,
                                           uint8_t out[RECORDING_SHA256_LEN]);

/*
 * Bytes [want.offset, + want.length) of the recording, which lie within part p, from `sealed`: the part's chunks that hold
 * them, as recording_span names them. out: want.length bytes, wiped on failure. header: as its row keeps it.
 * RESULT_NOT_AUTHENTIC, RESULT_NO_MEMORY, RESULT_CRYPTO.
 */
MUST_USE enum result recording_open(const struct secret *key, const struct recording *r, struct part p,
                                    const uint8_t header[COBBLESTONE_HEADER_LEN], struct part want, struct bytes sealed,
                                    uint8_t *out);
/* Where in the part's ciphertext (from its very beginning) the chunks lie that hold these bytes of the recording. */
struct part recording_span(struct part p, struct part want);

#endif
