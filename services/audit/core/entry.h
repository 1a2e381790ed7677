/*
 * A record of the log and the payload behind it (PROTOCOL.md section 8, "Log"). The record is for good, byte for byte:
 *
 *     record  = msgpack [1, seq, received, time, src, type, outcome, tag: bin 16, hash: bin 32], shortest forms
 *     hash    = SHA-256(nonce ‖ payload)            nonce: 32 random bytes; payload: log_event.h
 *     tag     = BLAKE2b-128(key = the subject's key, seq as 8 bytes BE)
 *     sealed  = n (24) ‖ XChaCha20-Poly1305-IETF(the subject's key, n, aad = clear, nonce ‖ payload)
 *     clear   = "hlidka-payload-v1" ‖ msgpack [1, seq, received, time, src, type, outcome]
 *
 * So a sealed payload opens in its own row only, and only while all that the row says in clear is as it was written.
 */
#ifndef HLIDKA_ENTRY_H
#define HLIDKA_ENTRY_H

#include "log_event.h"

#define ENTRY_KEY_LEN   32
#define ENTRY_NONCE_LEN 32
#define ENTRY_TAG_LEN   16
#define ENTRY_HASH_LEN  32
#define ENTRY_SEAL_OVERHEAD (24 + ENTRY_NONCE_LEN + 16)

/* What a row has in clear. Texts are borrowed. */
struct entry {
    uint64_t seq;
    uint64_t received;                  /* ms since 1970, as is time */
    uint64_t time;
    struct text src;
    struct text type;
    enum event_outcome outcome;
    uint8_t tag[ENTRY_TAG_LEN];
    uint8_t hash[ENTRY_HASH_LEN];
};

struct entry_random {
    uint8_t nonce[ENTRY_NONCE_LEN];
    uint8_t seal[24];
};

/* Appends the record. Errors as buffer_append. */
MUST_USE enum result entry_write(const struct entry *e, struct buffer *out);

/* Fills tag and hash and appends the sealed payload. Errors as buffer_append; RESULT_CRYPTO. */
MUST_USE enum result entry_seal(struct entry *e, const uint8_t key[ENTRY_KEY_LEN], const struct entry_random *random,
                                struct bytes payload, struct buffer *out);

/*
 * Appends nonce ‖ payload to opened. RESULT_NOT_AUTHENTIC when sealed, tag, hash or anything in clear is not what was
 * written.
 */
MUST_USE enum result entry_open(const struct entry *e, const uint8_t key[ENTRY_KEY_LEN], struct bytes sealed,
                                struct buffer *opened);

#endif
