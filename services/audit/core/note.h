/*
 * What an operator wrote about an alert, as it is kept: it may name a person.
 *
 *     sealed = n (24) ‖ XChaCha20-Poly1305-IETF(key, n, aad = "hlidka-note-v1" ‖ alert_id, text)
 */
#ifndef HLIDKA_NOTE_H
#define HLIDKA_NOTE_H

#include "buffer.h"
#include "uuid.h"

#define NOTE_MAX 512u                   /* bytes of text */
#define NOTE_NONCE_LEN 24u

/* Append. Errors as buffer_append; RESULT_CRYPTO. */
MUST_USE enum result note_seal(const uint8_t key[32], const struct uuid *alert_id, const uint8_t nonce[NOTE_NONCE_LEN],
                               struct text note, struct buffer *out);
/* RESULT_NOT_AUTHENTIC: not written so, or for another alert. */
MUST_USE enum result note_open(const uint8_t key[32], const struct uuid *alert_id, struct bytes sealed, struct buffer *out);

#endif
