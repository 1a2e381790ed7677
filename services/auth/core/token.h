/*
 * Session tokens (PROTOCOL.md section 4): `hls_` and the base64url, unpadded, of the session's id (the selector) and
 * 32 random bytes. Only the SHA-256 of the random half is stored, so that a stolen database opens no session; with
 * 256 random bits there is nothing to guess, hence no salt and no slow hash.
 */
#ifndef HLIDKA_AUTH_TOKEN_H
#define HLIDKA_AUTH_TOKEN_H

#include "uuid.h"

#define TOKEN_SECRET_LEN 32
#define TOKEN_DIGEST_LEN 32
#define TOKEN_TEXT_LEN 68

/*
 * Of a token that has been superseded the first bytes of its digest are kept: whoever guesses has 2^64 to guess from, and
 * what he would get is an event about himself. So many of a session; older ones are no more known than one that never was.
 */
#define TOKEN_HEAD_LEN 8
#define TOKEN_FORMER_MAX 128

/* What a token says; digest is of its secret half, which is kept nowhere. */
struct token {
    struct uuid session;
    uint8_t digest[TOKEN_DIGEST_LEN];
};

/* Writes the text, NUL-terminated, and the digest to store. Whoever holds secret and text wipes them. */
void token_make(const struct uuid *session, const uint8_t secret[TOKEN_SECRET_LEN], char text[TOKEN_TEXT_LEN + 1],
                uint8_t digest[TOKEN_DIGEST_LEN]);

/* RESULT_MALFORMED for any text that token_make does not write. */
MUST_USE enum result token_parse(struct text text, struct token *out);

/* Whether it is among the superseded: heads of their digests, one after the other. */
bool token_was(const struct token *t, struct bytes former);

/* Constant time. stored is of a row whose id is the token's selector. */
bool token_matches(const struct token *t, struct bytes stored);

#endif
