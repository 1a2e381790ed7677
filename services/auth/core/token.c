#include "token.h"

#include "secret.h"

#include <sodium.h>

#define PREFIX "hls_"
#define PREFIX_LEN (sizeof(PREFIX) - 1)
#define RAW_LEN (sizeof(struct uuid) + TOKEN_SECRET_LEN)

_Static_assert(RAW_LEN % 3 == 0 && PREFIX_LEN + RAW_LEN / 3 * 4 == TOKEN_TEXT_LEN, "no bits are left over: one text a token");
_Static_assert(crypto_hash_sha256_BYTES == TOKEN_DIGEST_LEN, "SHA-256");

void token_make(const struct uuid *session, const uint8_t secret[TOKEN_SECRET_LEN], char text[TOKEN_TEXT_LEN + 1],
                uint8_t digest[TOKEN_DIGEST_LEN])
{
    uint8_t raw[RAW_LEN];

    memcpy(raw, session->bytes, sizeof(session->bytes));
    memcpy(raw + sizeof(session->bytes), secret, TOKEN_SECRET_LEN);
    memcpy(text, PREFIX, PREFIX_LEN);
    sodium_bin2base64(text + PREFIX_LEN, TOKEN_TEXT_LEN + 1 - PREFIX_LEN, raw, sizeof(raw),
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    crypto_hash_sha256(digest, secret, TOKEN_SECRET_LEN);
    secret_wipe(raw, sizeof(raw));
}

/* sodium_base642bin takes some bytes above 127 for letters. */
static bool is_base64url(struct text t)
{
    for (size_t i = 0; i < t.len; i++) {
        char c = t.data[i];

        if (!(c >= 'A' && c <= 'Z') && !(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-' && c != '_')
            return false;
    }
    return true;
}

enum result token_parse(struct text text, struct token *out)
{
    uint8_t raw[RAW_LEN];
    size_t len = 0;
    enum result r = RESULT_OK;

    if (text.len != TOKEN_TEXT_LEN || !text_starts(text, TEXT(PREFIX)))
        return RESULT_MALFORMED;
    struct text body = { text.data + PREFIX_LEN, text.len - PREFIX_LEN };
    if (!is_base64url(body))
        return RESULT_MALFORMED;
    if (sodium_base642bin(raw, sizeof(raw), body.data, body.len, NULL, &len, NULL,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 || len != sizeof(raw)) {
        r = RESULT_MALFORMED;
    } else {
        memcpy(out->session.bytes, raw, sizeof(out->session.bytes));
        crypto_hash_sha256(out->digest, raw + sizeof(out->session.bytes), TOKEN_SECRET_LEN);
    }
    secret_wipe(raw, sizeof(raw));
    return r;
}

bool token_was(const struct token *t, struct bytes former)
{
    bool was = false;

    for (; former.len >= TOKEN_HEAD_LEN; former.data += TOKEN_HEAD_LEN, former.len -= TOKEN_HEAD_LEN)
        was |= sodium_memcmp(t->digest, former.data, TOKEN_HEAD_LEN) == 0;
    return was;
}

bool token_matches(const struct token *t, struct bytes stored)
{
    return stored.len == TOKEN_DIGEST_LEN && sodium_memcmp(t->digest, stored.data, TOKEN_DIGEST_LEN) == 0;
}
