/*
 * Cobblestone-256: C2SP chunked encryption (c2sp.org/chunked-encryption@v1) with SHA-512 and AES-256-GCM.
 *
 *     key (32) ‖ base nonce (12) ‖ commitment (32) =
 *         HKDF-Expand-SHA-512(input key, "c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM" ‖ 0 ‖ salt ‖ context)
 *     ciphertext = salt (24) ‖ commitment ‖ chunks of 16 KiB and their tags, the last one shorter, perhaps empty
 *
 * Chunk i has the base nonce XOR i, big-endian. The commitment is checked before anything is opened. A salt is random and
 * serves once; the message is bound to the input key and the context.
 *
 * Any range can be read: plaintext byte i is in chunk i / 16384, which begins at 56 + (i / 16384) * 16400.
 */
#ifndef HLIDKA_COBBLESTONE_H
#define HLIDKA_COBBLESTONE_H

#include "bytes.h"
#include "result.h"

#define COBBLESTONE_KEY_LEN 32
#define COBBLESTONE_SALT_LEN 24
#define COBBLESTONE_COMMITMENT_LEN 32
#define COBBLESTONE_HEADER_LEN (COBBLESTONE_SALT_LEN + COBBLESTONE_COMMITMENT_LEN)
#define COBBLESTONE_CHUNK_LEN 16384
#define COBBLESTONE_TAG_LEN 16
#define COBBLESTONE_SEALED_CHUNK_LEN (COBBLESTONE_CHUNK_LEN + COBBLESTONE_TAG_LEN)
#define COBBLESTONE_CHUNKS_MAX (UINT64_C(1) << 38)

/* Of a message of so many bytes; also a constant expression. */
#define COBBLESTONE_SEALED_LEN(plain_len)                                                                  \
    (COBBLESTONE_HEADER_LEN + (plain_len) + COBBLESTONE_TAG_LEN * ((plain_len) / COBBLESTONE_CHUNK_LEN + 1))

/* RESULT_MALFORMED: no message has a ciphertext of that length. */
MUST_USE enum result cobblestone_plain_len(size_t sealed_len, size_t *out);

/* out: COBBLESTONE_SEALED_LEN(plain.len) bytes, not overlapping. RESULT_CRYPTO, RESULT_NO_MEMORY. */
MUST_USE enum result cobblestone_seal(const uint8_t key[COBBLESTONE_KEY_LEN], struct bytes context,
                                      const uint8_t salt[COBBLESTONE_SALT_LEN], struct bytes plain, uint8_t *out);

/*
 * out: cobblestone_plain_len bytes, all wiped on failure. RESULT_NOT_AUTHENTIC: another key, context or ciphertext than
 * was sealed, a truncated or extended one too. RESULT_MALFORMED, RESULT_CRYPTO, RESULT_NO_MEMORY.
 */
MUST_USE enum result cobblestone_open(const uint8_t key[COBBLESTONE_KEY_LEN], struct bytes context, struct bytes sealed,
                                      uint8_t *out);

/* ---- chunk by chunk ---------------------------------------------------------------------------------------------- */

struct cobblestone;

/* For reading what begins with this header. RESULT_NOT_AUTHENTIC: the commitment is of another key or context. */
MUST_USE enum result cobblestone_begin(const uint8_t key[COBBLESTONE_KEY_LEN], struct bytes context,
                                       const uint8_t header[COBBLESTONE_HEADER_LEN], struct cobblestone **out);
void cobblestone_end(struct cobblestone *c);

/*
 * sealed is chunk `index` with its tag; out gets its sealed.len - COBBLESTONE_TAG_LEN bytes. Which lengths the chunks have
 * is for the caller to know (from the message's length, bound to the context): a full chunk is never the last one.
 */
MUST_USE enum result cobblestone_chunk(struct cobblestone *c, uint64_t index, struct bytes sealed, uint8_t *out);

#endif
