#include "xchacha.h"

#include <limits.h>
#include <openssl/evp.h>
#include <sodium.h>
#include <string.h>

enum {
    LONG = 2 * 1024,                    /* bytes: from 1 KiB on OpenSSL is the faster, its context's beginning included */
    SUBNONCE_AT = 16,                   /* what HChaCha20 does not take of the nonce, behind 4 bytes of 0 */
    INNER_NONCE_LEN = 12,
};

_Static_assert(XCHACHA_KEY_LEN == crypto_aead_xchacha20poly1305_ietf_KEYBYTES && XCHACHA_KEY_LEN == crypto_core_hchacha20_OUTPUTBYTES, "key");
_Static_assert(XCHACHA_NONCE_LEN == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, "nonce");
_Static_assert(XCHACHA_TAG_LEN == crypto_aead_xchacha20poly1305_ietf_ABYTES, "tag");

/* A context under the subkey, which has taken the additional data; NULL: OpenSSL had no memory. */
static EVP_CIPHER_CTX *inner(const uint8_t *key, const uint8_t *nonce, struct bytes aad, int sealing)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    uint8_t subkey[XCHACHA_KEY_LEN], subnonce[INNER_NONCE_LEN] = { 0 };
    int len, ok;

    if (!ctx)
        return NULL;
    memcpy(subnonce + 4, nonce + SUBNONCE_AT, XCHACHA_NONCE_LEN - SUBNONCE_AT);
    ok = crypto_core_hchacha20(subkey, nonce, key, NULL) == 0 &&
         EVP_CipherInit_ex(ctx, EVP_chacha20_poly1305(), NULL, subkey, subnonce, sealing) == 1 &&
         (aad.len == 0 || EVP_CipherUpdate(ctx, NULL, &len, aad.data, (int)aad.len) == 1);
    sodium_memzero(subkey, sizeof(subkey));
    if (!ok) {
        EVP_CIPHER_CTX_free(ctx);
        return NULL;
    }
    return ctx;
}

static enum result seal_long(const uint8_t *key, const uint8_t *nonce, struct bytes aad, struct bytes plain, uint8_t *out)
{
    EVP_CIPHER_CTX *ctx = inner(key, nonce, aad, 1);
    int len;
    bool ok = ctx && EVP_CipherUpdate(ctx, out, &len, plain.data, (int)plain.len) == 1 && EVP_CipherFinal_ex(ctx, out + len, &len) == 1 &&
              EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, XCHACHA_TAG_LEN, out + plain.len) == 1;

    EVP_CIPHER_CTX_free(ctx);           /* which wipes the subkey */
    return ok ? RESULT_OK : RESULT_NO_MEMORY;
}

/* OpenSSL writes what it decrypts before it has seen the tag. */
static enum result open_long(const uint8_t *key, const uint8_t *nonce, struct bytes aad, struct bytes sealed, uint8_t *out)
{
    size_t plain_len = sealed.len - XCHACHA_TAG_LEN;
    EVP_CIPHER_CTX *ctx = inner(key, nonce, aad, 0);
    uint8_t tag[XCHACHA_TAG_LEN];
    enum result r = RESULT_NO_MEMORY;   /* never taken for a forgery: the message is opened again later */
    int len;

    memcpy(tag, sealed.data + plain_len, sizeof(tag));
    if (ctx && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, XCHACHA_TAG_LEN, tag) == 1 &&
        EVP_CipherUpdate(ctx, out, &len, sealed.data, (int)plain_len) == 1)
        r = EVP_CipherFinal_ex(ctx, out + len, &len) == 1 ? RESULT_OK : RESULT_NOT_AUTHENTIC;
    if (r)
        sodium_memzero(out, plain_len);
    EVP_CIPHER_CTX_free(ctx);
    return r;
}

enum result xchacha_seal(const uint8_t key[XCHACHA_KEY_LEN], const uint8_t nonce[XCHACHA_NONCE_LEN], struct bytes aad,
                         struct bytes plain, uint8_t *out)
{
    if (plain.len > INT_MAX - XCHACHA_TAG_LEN || aad.len > INT_MAX)
        return RESULT_TOO_LARGE;
    if (plain.len >= LONG)
        return seal_long(key, nonce, aad, plain, out);
    if (crypto_aead_xchacha20poly1305_ietf_encrypt(out, NULL, plain.data, plain.len, aad.data, aad.len, NULL, nonce, key))
        return RESULT_CRYPTO;
    return RESULT_OK;
}

enum result xchacha_open(const uint8_t key[XCHACHA_KEY_LEN], const uint8_t nonce[XCHACHA_NONCE_LEN], struct bytes aad,
                         struct bytes sealed, uint8_t *out)
{
    if (sealed.len < XCHACHA_TAG_LEN)
        return RESULT_NOT_AUTHENTIC;
    if (sealed.len > INT_MAX || aad.len > INT_MAX)
        return RESULT_TOO_LARGE;
    if (sealed.len >= LONG + XCHACHA_TAG_LEN)
        return open_long(key, nonce, aad, sealed, out);
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(out, NULL, NULL, sealed.data, sealed.len, aad.data, aad.len, nonce, key))
        return RESULT_NOT_AUTHENTIC;
    return RESULT_OK;
}
