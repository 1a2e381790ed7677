/*
 * Where the next page of a query begins: opaque to whoever carries it, and of use only with the filters it was made for.
 *
 *     cursor = base64url(n (24) ‖ XChaCha20-Poly1305-IETF(key, n, aad = filters, seq as 8 bytes BE)), unpadded
 *
 * Pages are stable while records arrive: the next one has what lies below seq, and new records lie above.
 */
#ifndef HLIDKA_CURSOR_H
#define HLIDKA_CURSOR_H

#include "bytes.h"
#include "result.h"

#define CURSOR_NONCE_LEN 24
#define CURSOR_TEXT_LEN 64              /* of 24 + 8 + 16 bytes */

/* filters: bytes in which two queries differ exactly when their filters do. out gets a NUL. RESULT_CRYPTO. */
MUST_USE enum result cursor_make(const uint8_t key[32], struct bytes filters, const uint8_t nonce[CURSOR_NONCE_LEN],
                                 uint64_t seq, char out[CURSOR_TEXT_LEN + 1]);

/* RESULT_NOT_AUTHENTIC for anything that cursor_make did not make with these filters. */
MUST_USE enum result cursor_read(const uint8_t key[32], struct bytes filters, struct text cursor, uint64_t *seq);

#endif
