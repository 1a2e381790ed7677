/*
 * Decision ids: opaque text that carries, sealed, what a check charged, so that a decision costs no memory unless it is
 * refunded. XChaCha20-Poly1305-IETF (libsodium) under the service's key; the nonce is a keyed hash of the message's id
 * and the content, so the same message makes the same text at any instance, and no other message does.
 *
 * Text: base64url, unpadded, of  nonce 24 ‖ box(source 8 ‖ issued_ms 6 ‖ count 1 ‖ charges 41 each).
 */
#ifndef HLIDKA_DECISION_H
#define HLIDKA_DECISION_H

#include "keys.h"
#include "policy.h"
#include "uuid.h"

/* Eight charges: 24 + 16 + 15 + 8 * 41 = 383 bytes, 511 characters. */
#define DECISION_TEXT_MAX 512
#define DECISION_SOURCE_LEN 8
#define DECISION_NONCE_LEN 24

/* What one account gave, and what tells whether it still has it. */
struct charge {
    uint8_t account[POLICY_ACCOUNT_LEN];
    enum algorithm algorithm;
    uint64_t window_us;         /* whole ms */
    uint64_t cost;              /* at most FIXED_LIMIT_MAX */
    uint64_t at_us;             /* the account's now when it was charged */
    uint64_t born_us;           /* the life of the account that was charged: one that was reset has another */
};

struct decision {
    uint8_t nonce[DECISION_NONCE_LEN];          /* names it: a refund is given once for each */
    uint8_t source[DECISION_SOURCE_LEN];        /* decision_source */
    uint64_t issued_ms;                         /* the time in the message's id */
    size_t count;
    struct charge charges[MATCH_MAX];
};

/* Stands for a principal in a decision. */
void decision_source(const struct keys *k, struct text source, uint8_t out[DECISION_SOURCE_LEN]);

/* source, issued_ms, count and charges are read; out is NUL-terminated. */
void decision_seal(const struct keys *k, const struct uuid *message, const struct decision *d,
                   char out[DECISION_TEXT_MAX + 1]);

/* RESULT_NOT_AUTHENTIC for any text but one that was issued. */
MUST_USE enum result decision_open(const struct keys *k, struct text t, struct decision *out);

#endif
