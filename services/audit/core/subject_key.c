#include "subject_key.h"

#include <sodium.h>

#define NONCE_LEN 24
#define TAG_LEN   16

static const uint8_t SUBJECT[] = "hlidka-subject-v1", NOTICE[] = "hlidka-notice-v1";

enum { SUBJECT_AAD_LEN = sizeof(SUBJECT) - 1 + 8 + SUBJECT_HASH_LEN };

static void subject_aad(uint64_t id, const struct subject_hash *hash, uint8_t out[SUBJECT_AAD_LEN])
{
    memcpy(out, SUBJECT, sizeof(SUBJECT) - 1);
    bytes_put_u64(out + sizeof(SUBJECT) - 1, id);
    memcpy(out + sizeof(SUBJECT) - 1 + 8, hash->bytes, SUBJECT_HASH_LEN);
}

enum result subject_wrap(const uint8_t key[32], uint64_t id, const struct subject_hash *hash, const uint8_t nonce[24],
                         const uint8_t subject_key[ENTRY_KEY_LEN], uint8_t out[SUBJECT_WRAPPED_LEN])
{
    uint8_t aad[SUBJECT_AAD_LEN];

    subject_aad(id, hash, aad);
    memcpy(out, nonce, NONCE_LEN);
    return crypto_aead_xchacha20poly1305_ietf_encrypt(out + NONCE_LEN, NULL, subject_key, ENTRY_KEY_LEN, aad, sizeof(aad), NULL,
                                                      nonce, key)
               ? RESULT_CRYPTO
               : RESULT_OK;
}

enum result subject_unwrap(const uint8_t key[32], uint64_t id, const struct subject_hash *hash, struct bytes wrapped,
                           uint8_t out[ENTRY_KEY_LEN])
{
    uint8_t aad[SUBJECT_AAD_LEN];

    subject_aad(id, hash, aad);
    if (wrapped.len != SUBJECT_WRAPPED_LEN ||
        crypto_aead_xchacha20poly1305_ietf_decrypt(out, NULL, NULL, wrapped.data + NONCE_LEN, wrapped.len - NONCE_LEN, aad,
                                                   sizeof(aad), wrapped.data, key))
        return RESULT_NOT_AUTHENTIC;
    return RESULT_OK;
}

enum result notice_seal(const uint8_t key[32], const uint8_t nonce[24], struct bytes payload, struct buffer *out)
{
    unsigned long long len;
    enum result r = buffer_reserve(out, NONCE_LEN + payload.len + TAG_LEN);

    if (r)
        return r;
    uint8_t *at = out->data + out->len;
    memcpy(at, nonce, NONCE_LEN);
    if (crypto_aead_xchacha20poly1305_ietf_encrypt(at + NONCE_LEN, &len, payload.data, payload.len, NOTICE, sizeof(NOTICE) - 1,
                                                   NULL, nonce, key))
        return RESULT_CRYPTO;
    out->len += NONCE_LEN + len;
    return RESULT_OK;
}

enum result notice_open(const uint8_t key[32], struct bytes sealed, struct buffer *out)
{
    unsigned long long len;

    if (sealed.len < NONCE_LEN + TAG_LEN)
        return RESULT_NOT_AUTHENTIC;
    enum result r = buffer_reserve(out, sealed.len);
    if (r)
        return r;
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(out->data + out->len, &len, NULL, sealed.data + NONCE_LEN,
                                                   sealed.len - NONCE_LEN, NOTICE, sizeof(NOTICE) - 1, sealed.data, key))
        return RESULT_NOT_AUTHENTIC;
    out->len += len;
    return RESULT_OK;
}

void fingerprint_of(const uint8_t key[32], struct bytes body, uint8_t out[FINGERPRINT_LEN])
{
    crypto_generichash(out, FINGERPRINT_LEN, body.data, body.len, key, 32);
}
