/* HKDF-Expand (RFC 5869, section 2.3) with HMAC-SHA-512, of a uniformly random key. */
#ifndef HLIDKA_KDF_H
#define HLIDKA_KDF_H

#include "bytes.h"
#include "result.h"

#define KDF_PIECES_MAX 8
#define KDF_OUT_MAX (255 * 64)

/*
 * info is the pieces one after the other, at most KDF_PIECES_MAX. len 1 … KDF_OUT_MAX, else RESULT_OUT_OF_RANGE, and
 * nothing is written.
 */
MUST_USE enum result kdf_expand(struct bytes key, const struct bytes *info, size_t pieces, uint8_t *out, size_t len);

#endif
