/*
 * The ciphertext of `encrypt` (protocol.md, section 6):
 *
 *     `hlc1` ‖ version of the content ring at sealing, u32 BE ‖ owner-key id (16, zero without an owner) ‖ Cobblestone-256
 *     context of it = "hlidka-content-v1" ‖ these 24 bytes ‖ realm ‖ the pairs of the caller's context,
 *                     realm and each string of a pair as u16 BE length ‖ bytes
 *
 * The input key is the ring's for content (ring.h), or the owner's key.
 */
#ifndef HLIDKA_CIPHERTEXT_H
#define HLIDKA_CIPHERTEXT_H

#include "cobblestone.h"
#include "context.h"
#include "uuid.h"

#define CIPHERTEXT_HEAD_LEN 24
#define CIPHERTEXT_LEN(plain_len) (CIPHERTEXT_HEAD_LEN + COBBLESTONE_SEALED_LEN(plain_len))

struct ciphertext_head {
    uint32_t version;
    bool owned;
    struct uuid owner_key;              /* zero unless owned */
};

/* What an item is bound to besides its head. Borrowed. */
struct ciphertext_about {
    struct text realm;
    const struct context *context;
};

/* Also how long its plaintext is. RESULT_MALFORMED: it is nothing of this form. */
MUST_USE enum result ciphertext_read(struct bytes in, struct ciphertext_head *head, size_t *plain_len);

/* out: CIPHERTEXT_LEN(plain.len) bytes. Errors as cobblestone_seal. */
MUST_USE enum result ciphertext_seal(struct bytes key, const struct ciphertext_head *head, const struct ciphertext_about *about,
                                     const uint8_t salt[COBBLESTONE_SALT_LEN], struct bytes plain, uint8_t *out);

/* out: the plaintext's length. RESULT_NOT_AUTHENTIC, RESULT_MALFORMED; nothing is in out then. */
MUST_USE enum result ciphertext_open(struct bytes key, const struct ciphertext_about *about, struct bytes in, uint8_t *out);

#endif
