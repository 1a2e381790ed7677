#include "record_seal.h"

#include <openssl/evp.h>
#include <sodium.h>

#define SRC_MAX 32
#define AAD_MAX (4 + SRC_MAX + 16)

_Static_assert(RECORD_FINGERPRINT_LEN == 32 && crypto_aead_xchacha20poly1305_ietf_KEYBYTES == 32, "one hash serves both");
_Static_assert(RECORD_NONCE_LEN == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, "the nonce is the cipher's");
_Static_assert(RECORD_SEAL_OVERHEAD == RECORD_NONCE_LEN + crypto_aead_xchacha20poly1305_ietf_ABYTES, "nonce and tag");

enum result record_digest(struct bytes body, uint8_t out[RECORD_DIGEST_LEN])
{
    return EVP_Digest(body.data, body.len, out, NULL, EVP_sha256(), NULL) == 1 ? RESULT_OK : RESULT_CRYPTO;
}

/* personal: 16 characters. */
static enum result hash(const struct secret *secret, const struct record *r, const char *personal, uint8_t out[32])
{
    struct bytes key = secret_bytes(secret);
    crypto_generichash_blake2b_state state;
    uint8_t len[4];
    int failed;

    if (key.len != RECORD_SECRET_LEN || r->op.len > UINT32_MAX)
        return RESULT_OUT_OF_RANGE;
    bytes_put_u32(len, (uint32_t)r->op.len);
    failed = crypto_generichash_blake2b_init_salt_personal(&state, key.data, key.len, 32, NULL,
                                                           (const unsigned char *)personal);
    failed |= crypto_generichash_blake2b_update(&state, len, sizeof(len));
    failed |= crypto_generichash_blake2b_update(&state, (const unsigned char *)r->op.data, r->op.len);
    failed |= crypto_generichash_blake2b_update(&state, r->body, sizeof(r->body));
    failed |= crypto_generichash_blake2b_final(&state, out, 32);
    secret_wipe(&state, sizeof(state));
    return failed ? RESULT_CRYPTO : RESULT_OK;
}

static enum result aad_of(const struct record *r, uint8_t out[AAD_MAX], size_t *len)
{
    if (r->src.len > SRC_MAX)
        return RESULT_OUT_OF_RANGE;
    bytes_put_u32(out, (uint32_t)r->src.len);
    if (r->src.len > 0)
        memcpy(out + 4, r->src.data, r->src.len);
    memcpy(out + 4 + r->src.len, r->id.bytes, sizeof(r->id.bytes));
    *len = 4 + r->src.len + sizeof(r->id.bytes);
    return RESULT_OK;
}

enum result record_fingerprint(const struct secret *secret, const struct record *r, uint8_t out[RECORD_FINGERPRINT_LEN])
{
    return hash(secret, r, "hlidka-record-f2", out);
}

enum result record_seal(const struct secret *secret, const struct record *r, const uint8_t nonce[RECORD_NONCE_LEN],
                        struct bytes reply, struct buffer *out)
{
    uint8_t key[32], aad[AAD_MAX], *at;
    size_t aad_len;
    enum result result = aad_of(r, aad, &aad_len);

    if (result)
        return result;
    if (reply.len > SIZE_MAX - RECORD_SEAL_OVERHEAD)
        return RESULT_TOO_LARGE;
    result = buffer_reserve(out, reply.len + RECORD_SEAL_OVERHEAD);
    if (result)
        return result;
    result = hash(secret, r, "hlidka-record-k2", key);
    if (result)
        goto out_key;
    at = out->data + out->len;
    memcpy(at, nonce, RECORD_NONCE_LEN);
    if (crypto_aead_xchacha20poly1305_ietf_encrypt(at + RECORD_NONCE_LEN, NULL, reply.data, reply.len, aad, aad_len,
                                                   NULL, nonce, key) != 0)
        result = RESULT_CRYPTO;
    else
        out->len += reply.len + RECORD_SEAL_OVERHEAD;
out_key:
    secret_wipe(key, sizeof(key));
    return result;
}

enum result record_open(const struct secret *secret, const struct record *r, struct bytes sealed, struct buffer *out)
{
    uint8_t key[32], aad[AAD_MAX];
    size_t aad_len, len;
    enum result result = aad_of(r, aad, &aad_len);

    if (result)
        return result;
    if (sealed.len < RECORD_SEAL_OVERHEAD)
        return RESULT_NOT_AUTHENTIC;
    len = sealed.len - RECORD_SEAL_OVERHEAD;
    result = buffer_reserve(out, len);
    if (result)
        return result;
    result = hash(secret, r, "hlidka-record-k2", key);
    if (result)
        goto out_key;
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(out->data + out->len, NULL, NULL, sealed.data + RECORD_NONCE_LEN,
                                                   sealed.len - RECORD_NONCE_LEN, aad, aad_len, sealed.data, key) != 0)
        result = RESULT_NOT_AUTHENTIC;
    else
        out->len += len;
out_key:
    secret_wipe(key, sizeof(key));
    return result;
}
