#include "cursor.h"

#include <sodium.h>

#define BOX_LEN (CURSOR_NONCE_LEN + 8 + 16)

enum result cursor_make(const uint8_t key[32], struct bytes filters, const uint8_t nonce[CURSOR_NONCE_LEN],
                        uint64_t seq, char out[CURSOR_TEXT_LEN + 1])
{
    uint8_t box[BOX_LEN], plain[8];

    bytes_put_u64(plain, seq);
    memcpy(box, nonce, CURSOR_NONCE_LEN);
    if (crypto_aead_xchacha20poly1305_ietf_encrypt(box + CURSOR_NONCE_LEN, NULL, plain, sizeof(plain), filters.data,
                                                   filters.len, NULL, nonce, key))
        return RESULT_CRYPTO;
    sodium_bin2base64(out, CURSOR_TEXT_LEN + 1, box, sizeof(box), sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    return RESULT_OK;
}

enum result cursor_read(const uint8_t key[32], struct bytes filters, struct text cursor, uint64_t *seq)
{
    uint8_t box[BOX_LEN], plain[8];
    size_t len;

    if (cursor.len != CURSOR_TEXT_LEN ||
        sodium_base642bin(box, sizeof(box), cursor.data, cursor.len, NULL, &len, NULL,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING) || len != sizeof(box) ||
        crypto_aead_xchacha20poly1305_ietf_decrypt(plain, NULL, NULL, box + CURSOR_NONCE_LEN, BOX_LEN - CURSOR_NONCE_LEN,
                                                   filters.data, filters.len, box, key))
        return RESULT_NOT_AUTHENTIC;
    *seq = bytes_get_u64(plain);
    return RESULT_OK;
}
