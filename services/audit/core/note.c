#include "note.h"

#include <sodium.h>

#define LABEL "hlidka-note-v1"
#define AAD_LEN (sizeof(LABEL) - 1 + 16)
#define TAG_LEN crypto_aead_xchacha20poly1305_ietf_ABYTES

static void additional(const struct uuid *alert_id, uint8_t out[AAD_LEN])
{
    memcpy(out, LABEL, sizeof(LABEL) - 1);
    memcpy(out + sizeof(LABEL) - 1, alert_id->bytes, sizeof(alert_id->bytes));
}

enum result note_seal(const uint8_t key[32], const struct uuid *alert_id, const uint8_t nonce[NOTE_NONCE_LEN],
                      struct text note, struct buffer *out)
{
    uint8_t aad[AAD_LEN];
    unsigned long long len;
    enum result r = buffer_reserve(out, NOTE_NONCE_LEN + note.len + TAG_LEN);

    if (r)
        return r;
    uint8_t *at = out->data + out->len;
    additional(alert_id, aad);
    memcpy(at, nonce, NOTE_NONCE_LEN);
    if (crypto_aead_xchacha20poly1305_ietf_encrypt(at + NOTE_NONCE_LEN, &len, (const uint8_t *)note.data, note.len, aad, sizeof(aad),
                                                   NULL, nonce, key))
        return RESULT_CRYPTO;
    out->len += NOTE_NONCE_LEN + (size_t)len;
    return RESULT_OK;
}

enum result note_open(const uint8_t key[32], const struct uuid *alert_id, struct bytes sealed, struct buffer *out)
{
    uint8_t aad[AAD_LEN];
    unsigned long long len;

    if (sealed.len < NOTE_NONCE_LEN + TAG_LEN)
        return RESULT_NOT_AUTHENTIC;
    enum result r = buffer_reserve(out, sealed.len);
    if (r)
        return r;
    additional(alert_id, aad);
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(out->data + out->len, &len, NULL, sealed.data + NOTE_NONCE_LEN,
                                                   sealed.len - NOTE_NONCE_LEN, aad, sizeof(aad), sealed.data, key))
        return RESULT_NOT_AUTHENTIC;
    out->len += (size_t)len;
    return RESULT_OK;
}
