#include "keys.h"

#include <sodium.h>
#include <stdlib.h>

#define CONTEXT "hlidkarl"      /* crypto_kdf_CONTEXTBYTES */

struct keys {
    struct secret *memory;      /* KEY_COUNT keys, one after the other */
};

static enum result decode(const struct secret *file, struct secret *master)
{
    struct bytes text = secret_bytes(file);
    size_t len;

    if (sodium_base642bin(secret_fill(master), KEYS_LEN, (const char *)text.data, text.len, NULL, &len, NULL,
                          sodium_base64_VARIANT_ORIGINAL) != 0 || len != KEYS_LEN)
        return RESULT_BAD_CONFIG;
    return RESULT_OK;
}

enum result keys_new(const struct secret *file, struct keys **out)
{
    struct secret *master;
    struct keys *k;
    enum result r;

    r = secret_new(KEYS_LEN, &master);
    if (r)
        return r;
    r = decode(file, master);
    if (r)
        goto fail_master;
    k = calloc(1, sizeof(*k));
    if (!k) {
        r = RESULT_NO_MEMORY;
        goto fail_master;
    }
    r = secret_new(KEY_COUNT * KEYS_LEN, &k->memory);
    if (r)
        goto fail_keys;
    for (unsigned use = 0; use < KEY_COUNT; use++)
        if (crypto_kdf_derive_from_key(secret_fill(k->memory) + use * KEYS_LEN, KEYS_LEN, use + 1, CONTEXT,
                                       secret_bytes(master).data) != 0) {
            r = RESULT_CRYPTO;
            goto fail_memory;
        }
    secret_free(master);
    *out = k;
    return RESULT_OK;

fail_memory:
    secret_free(k->memory);
fail_keys:
    free(k);
fail_master:
    secret_free(master);
    return r;
}

const uint8_t *keys_get(const struct keys *k, enum key_use use)
{
    return secret_bytes(k->memory).data + (size_t)use * KEYS_LEN;
}

void keys_free(struct keys *k)
{
    if (!k)
        return;
    secret_free(k->memory);
    free(k);
}
