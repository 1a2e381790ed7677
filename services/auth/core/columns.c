#include "columns.h"

#include <sodium.h>
#include <stdlib.h>

#define CONTEXT "hlidkaau"              /* crypto_kdf_CONTEXTBYTES */
#define VERSION 1
#define AAD_MAX 128
#define TAG_LEN crypto_aead_xchacha20poly1305_ietf_ABYTES

_Static_assert(COLUMN_NONCE_LEN == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, "nonce");
_Static_assert(COLUMN_OVERHEAD == 1 + COLUMN_NONCE_LEN + TAG_LEN, "overhead");

/* In this order for good: the numbers are what keys are derived by. */
enum purpose { SEAL, TELEGRAM, DEVICE_ID, DEVICE_INFO, LOGIN, BACKUP_CODE, PURPOSES };

struct columns {
    struct secret *keys;                /* PURPOSES of them */
};

static const uint8_t *key_of(const struct columns *c, enum purpose p)
{
    return secret_bytes(c->keys).data + (size_t)p * COLUMNS_KEY_LEN;
}

enum result columns_new(struct bytes data_key, struct columns **out)
{
    if (data_key.len != COLUMNS_KEY_LEN)
        return RESULT_OUT_OF_RANGE;
    struct columns *c = calloc(1, sizeof(*c));
    if (!c)
        return RESULT_NO_MEMORY;
    enum result r = secret_new(PURPOSES * COLUMNS_KEY_LEN, &c->keys);
    for (unsigned p = 0; !r && p < PURPOSES; p++)
        if (crypto_kdf_derive_from_key(secret_fill(c->keys) + p * COLUMNS_KEY_LEN, COLUMNS_KEY_LEN, p + 1, CONTEXT,
                                       data_key.data) != 0)
            r = RESULT_CRYPTO;
    if (r)
        columns_free(c);
    else
        *out = c;
    return r;
}

void columns_free(struct columns *c)
{
    if (!c)
        return;
    secret_free(c->keys);
    free(c);
}

/* ---- sealed ------------------------------------------------------------------------------------------------------ */

/* 0: names and keys of rows that no table of ours has. */
static size_t bind(const char *column, struct bytes row, uint8_t aad[AAD_MAX])
{
    size_t name = strlen(column) + 1;

    if (name + row.len > AAD_MAX)
        return 0;
    memcpy(aad, column, name);
    memcpy(aad + name, row.data, row.len);
    return name + row.len;
}

enum result column_seal(const struct columns *c, const char *column, struct bytes row,
                        const uint8_t nonce[COLUMN_NONCE_LEN], struct bytes value, struct buffer *out)
{
    uint8_t aad[AAD_MAX], *at;
    size_t aad_len = bind(column, row, aad);
    enum result r = buffer_reserve(out, value.len + COLUMN_OVERHEAD);

    if (r)
        return r;
    at = out->data + out->len;
    *at++ = VERSION;
    memcpy(at, nonce, COLUMN_NONCE_LEN);
    if (!aad_len || crypto_aead_xchacha20poly1305_ietf_encrypt(at + COLUMN_NONCE_LEN, NULL, value.data, value.len, aad,
                                                               aad_len, NULL, nonce, key_of(c, SEAL)) != 0)
        return RESULT_CRYPTO;
    out->len += value.len + COLUMN_OVERHEAD;
    return RESULT_OK;
}

enum result column_open(const struct columns *c, const char *column, struct bytes row, struct bytes sealed,
                        struct buffer *out)
{
    uint8_t aad[AAD_MAX];
    size_t aad_len = bind(column, row, aad);

    if (!aad_len || sealed.len < COLUMN_OVERHEAD || sealed.data[0] != VERSION)
        return RESULT_NOT_AUTHENTIC;
    const uint8_t *nonce = sealed.data + 1, *box = nonce + COLUMN_NONCE_LEN;
    size_t box_len = sealed.len - 1 - COLUMN_NONCE_LEN;
    enum result r = buffer_reserve(out, box_len - TAG_LEN);
    if (r)
        return r;
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(out->data + out->len, NULL, NULL, box, box_len, aad, aad_len, nonce,
                                                   key_of(c, SEAL)) != 0)
        return RESULT_NOT_AUTHENTIC;
    out->len += box_len - TAG_LEN;
    return RESULT_OK;
}

/* ---- looked up by ------------------------------------------------------------------------------------------------ */

static void hash(const struct columns *c, enum purpose p, const struct bytes *parts, size_t count, uint8_t out[LOOKUP_LEN])
{
    crypto_generichash_state state;

    crypto_generichash_init(&state, key_of(c, p), COLUMNS_KEY_LEN, LOOKUP_LEN);
    for (size_t i = 0; i < count; i++) {
        uint8_t len[4];

        bytes_put_u32(len, (uint32_t)parts[i].len);
        crypto_generichash_update(&state, len, sizeof(len));
        crypto_generichash_update(&state, parts[i].data, parts[i].len);
    }
    crypto_generichash_final(&state, out, LOOKUP_LEN);
    sodium_memzero(&state, sizeof(state));
}

void lookup_telegram(const struct columns *c, struct text telegram_id, uint8_t out[LOOKUP_LEN])
{
    hash(c, TELEGRAM, (const struct bytes[]){ text_bytes(telegram_id) }, 1, out);
}

void lookup_device_id(const struct columns *c, struct text owner, struct text device_id, uint8_t out[LOOKUP_LEN])
{
    hash(c, DEVICE_ID, (const struct bytes[]){ text_bytes(owner), text_bytes(device_id) }, 2, out);
}

void lookup_device_info(const struct columns *c, struct text owner, enum device_type type, struct text info,
                        uint8_t out[LOOKUP_LEN])
{
    uint8_t kind = (uint8_t)type;

    hash(c, DEVICE_INFO, (const struct bytes[]){ text_bytes(owner), { &kind, 1 }, text_bytes(info) }, 3, out);
}

void lookup_login(const struct columns *c, struct bytes login_hash, uint8_t out[LOOKUP_LEN])
{
    hash(c, LOGIN, &login_hash, 1, out);
}

void lookup_backup_code(const struct columns *c, struct text user_id, struct bytes bits, uint8_t out[LOOKUP_LEN])
{
    hash(c, BACKUP_CODE, (const struct bytes[]){ text_bytes(user_id), bits }, 2, out);
}
