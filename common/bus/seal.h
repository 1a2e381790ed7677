/*
 * Sealing and opening (protocol.md section 2): XChaCha20-Poly1305-IETF under keys from libsodium's crypto_kx
 * between two X25519 identity keys, the header's bytes as additional data; Ed25519 signatures over
 * `hlidka-request-v1\n` ‖ u32 BE length of header ‖ header ‖ box.
 *
 * The principal that starts an exchange (request, event, revocation) is the kx client and seals with its tx;
 * the answer goes the other way. A kx costs 40 us, so shared keys are kept (bounded, in locked memory), found
 * by the pair of public keys; nothing is tried in turn.
 */
#ifndef HLIDKA_SEAL_H
#define HLIDKA_SEAL_H

#include "envelope.h"
#include "principals.h"
#include "secret.h"

struct keyring;

/* From <principal>.key (lines of base64 of 32 bytes; the first sends) and, unless NULL, <principal>.sign
 * (Ed25519 seeds). RESULT_BAD_CONFIG or RESULT_DENIED with `why`. */
MUST_USE enum result keyring_load(const char *key_path, const char *sign_path, struct keyring **out, struct buffer *why);
void keyring_free(struct keyring *k);

/* The public half of the key that sends, and of the one that signs (NULL without). */
const struct principal_key *keyring_own(const struct keyring *k);
const struct principal_key *keyring_signer(const struct keyring *k);
/* Whether that key id is one of ours. */
bool keyring_has(const struct keyring *k, const struct key_id *id);

enum seal_role { SEAL_INITIATOR, SEAL_RESPONDER };

/*
 * Seals body into box (ciphertext ‖ tag appended to out) with our key h->skid to the peer's public key whose
 * id is h->dkid. role: INITIATOR for requests, events, revocations; RESPONDER for replies.
 * RESULT_NOT_FOUND when we have no such key, RESULT_TOO_LARGE, RESULT_NO_MEMORY, RESULT_CRYPTO.
 */
MUST_USE enum result seal_box(struct keyring *k, enum seal_role role, const struct principal_key *peer,
                              const struct envelope_header *h, struct bytes header, struct bytes body, struct buffer *out);

/*
 * Opens a box that the peer (its public key) sealed to our key h->dkid. role is ours: RESPONDER opens requests,
 * INITIATOR opens replies. Appends the body to out. RESULT_NOT_FOUND (we have no key dkid),
 * RESULT_NOT_AUTHENTIC, RESULT_TOO_LARGE, RESULT_NO_MEMORY.
 */
MUST_USE enum result open_box(struct keyring *k, enum seal_role role, const struct principal_key *peer,
                              const struct envelope *e, struct buffer *out);

/* 64 bytes by our first signing key. RESULT_NOT_FOUND without one. */
MUST_USE enum result seal_sign(const struct keyring *k, struct bytes header, struct bytes box, uint8_t sig[ENVELOPE_SIG_LEN]);

/* Whether one of the sender's signing keys made it. RESULT_NOT_AUTHENTIC. */
MUST_USE enum result seal_verify(const struct principal *sender, const struct envelope *e);

/* Ed25519 by our first signing key over context ‖ body (alerts, receipts). RESULT_NOT_FOUND. */
MUST_USE enum result sign_detached(const struct keyring *k, struct text context, struct bytes body, uint8_t sig[64]);
MUST_USE enum result verify_detached(const uint8_t public_key[32], struct text context, struct bytes body, const uint8_t sig[64]);

/*
 * The value of a message whose header is written: body sealed as by seal_box, signed when `sign` (by our first signing key),
 * framed, appended to `value`. Errors as there; RESULT_TOO_LARGE over ENVELOPE_VALUE_MAX; on error value is as it was.
 */
MUST_USE enum result seal_value(struct keyring *k, enum seal_role role, const struct principal_key *peer,
                                const struct envelope_header *h, struct bytes header, struct bytes body, bool sign,
                                struct buffer *value);

/*
 * A whole value: header written, body sealed, signed when `sign`, framed. h->skid and h->dkid are set here from
 * our sending key and peer. Errors as above.
 */
MUST_USE enum result seal_message(struct keyring *k, enum envelope_kind kind, const struct principal_key *peer,
                                  struct envelope_header *h, struct bytes body, bool sign, struct buffer *value);

#endif
