/*
 * What the record of an effect holds, so that a stolen database opens none of it: the fingerprint of the
 * request and its reply, both under keys that need a secret of the service; the reply's also needs the
 * body that was sent.
 *
 *     fingerprint = BLAKE2b-256(key = secret, personal "hlidka-record-f2", u32 BE length of op ‖ op ‖ SHA-256(body))
 *     key         = BLAKE2b-256(key = secret, personal "hlidka-record-k2", the same)
 *     sealed      = nonce (24) ‖ XChaCha20-Poly1305-IETF(key, nonce, aad = u32 BE length of src ‖ src ‖ id, reply)
 *
 * BLAKE2b: RFC 7693, personalised as in libsodium's crypto_generichash_blake2b_salt_personal (salt zero). SHA-256 (FIPS
 * 180-4) goes over the body once for both, and on today's processors three times as fast as BLAKE2b.
 */
#ifndef HLIDKA_RECORD_SEAL_H
#define HLIDKA_RECORD_SEAL_H

#include "buffer.h"
#include "secret.h"
#include "uuid.h"

#define RECORD_FINGERPRINT_LEN 32
#define RECORD_DIGEST_LEN 32
#define RECORD_SECRET_LEN 32
#define RECORD_NONCE_LEN 24
#define RECORD_SEAL_OVERHEAD (RECORD_NONCE_LEN + 16)

/* What a record is about. All borrowed. */
struct record {
    struct text src;                    /* at most 32 */
    struct uuid id;
    struct text op;
    uint8_t body[RECORD_DIGEST_LEN];    /* of it, by record_digest */
};

/* RESULT_CRYPTO. */
MUST_USE enum result record_digest(struct bytes body, uint8_t out[RECORD_DIGEST_LEN]);

/* secret: RECORD_SECRET_LEN bytes, else RESULT_OUT_OF_RANGE. RESULT_CRYPTO. */
MUST_USE enum result record_fingerprint(const struct secret *secret, const struct record *r,
                                        uint8_t out[RECORD_FINGERPRINT_LEN]);

/* Appends to out. Errors also as buffer_append. */
MUST_USE enum result record_seal(const struct secret *secret, const struct record *r,
                                 const uint8_t nonce[RECORD_NONCE_LEN], struct bytes reply, struct buffer *out);

/* Appends the reply to out. RESULT_NOT_AUTHENTIC when any of secret, src, id, op, body or sealed is another. */
MUST_USE enum result record_open(const struct secret *secret, const struct record *r, struct bytes sealed,
                                 struct buffer *out);

#endif
