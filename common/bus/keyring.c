#include "keyring.h"

#include "file.h"

#include <sodium.h>
#include <stdlib.h>

#define LINE_LEN 44u            /* base64 of 32 bytes */

/* Pairs of keys: PRINCIPALS_MAX peers in both roles, 32 KiB of locked memory. */
#define SHARED_MAX ((size_t)2 * PRINCIPALS_MAX)

_Static_assert(crypto_kx_SECRETKEYBYTES == 32 && crypto_kx_PUBLICKEYBYTES == 32, "an X25519 key is 32 bytes");
_Static_assert(crypto_sign_SEEDBYTES == 32 && crypto_sign_PUBLICKEYBYTES == 32, "an Ed25519 seed is 32 bytes");

/* Takes the 32 bytes of a line into the next place of the keyring. RESULT_EXISTS, RESULT_FULL. */
typedef enum result (*key_taker)(struct keyring *k, const uint8_t *raw);

static enum result take_exchange_key(struct keyring *k, const uint8_t *raw)
{
    struct exchange_key *key = &k->keys[k->key_count];

    if (k->key_count == PRINCIPAL_KEYS_MAX)
        return RESULT_FULL;
    if (crypto_scalarmult_base(key->half.public_key, raw))
        return RESULT_CRYPTO;
    key->half.id = key_id_of(key->half.public_key);
    if (keyring_has(k, &key->half.id))
        return RESULT_EXISTS;

    enum result r = secret_from(raw, 32, &key->secret);
    if (!r)
        k->key_count++;
    return r;
}

static enum result take_signing_key(struct keyring *k, const uint8_t *raw)
{
    struct signing_key *key = &k->signs[k->sign_count];

    if (k->sign_count == PRINCIPAL_SIGNS_MAX)
        return RESULT_FULL;

    enum result r = secret_new(crypto_sign_SECRETKEYBYTES, &key->secret);
    if (r)
        return r;
    crypto_sign_seed_keypair(key->half.public_key, secret_fill(key->secret), raw);
    key->half.id = key_id_of(key->half.public_key);
    for (unsigned i = 0; i < k->sign_count; i++) {
        if (memcmp(&k->signs[i].half.id, &key->half.id, sizeof(key->half.id)) == 0) {
            secret_free(key->secret);
            return RESULT_EXISTS;
        }
    }
    k->sign_count++;
    return RESULT_OK;
}

static enum result complain(struct buffer *why, const char *path, unsigned line, const char *message)
{
    enum result r = buffer_printf(why, "%s:%u: %s\n", path, line, message);

    return r ? r : RESULT_BAD_CONFIG;
}

static enum result read_line(struct keyring *k, struct bytes line, key_taker take, const char *path, unsigned number, struct buffer *why)
{
    uint8_t raw[32];
    size_t len = 0;
    enum result r;

    if (line.len != LINE_LEN ||
        sodium_base642bin(raw, sizeof(raw), (const char *)line.data, line.len, NULL, &len, NULL, sodium_base64_VARIANT_ORIGINAL) ||
        len != sizeof(raw))
        r = complain(why, path, number, "expected the base64 of 32 bytes and nothing else on the line");
    else
        r = take(k, raw);
    secret_wipe(raw, sizeof(raw));

    if (r == RESULT_EXISTS)
        return complain(why, path, number, "the same key again");
    if (r == RESULT_FULL)
        return complain(why, path, number, "too many keys");
    if (r == RESULT_NO_MEMORY)
        complain(why, path, number, "no locked memory for the key (raise RLIMIT_MEMLOCK)");
    return r;
}

static enum result read_keys(struct keyring *k, const char *path, key_taker take, struct buffer *why)
{
    struct secret *file;
    unsigned number = 0;
    enum result r = file_read_secret(path, &file, why);

    if (r)
        return r == RESULT_DENIED || r == RESULT_NO_MEMORY ? r : RESULT_BAD_CONFIG;

    struct bytes left = secret_bytes(file);
    do {
        const uint8_t *end = left.len > 0 ? memchr(left.data, '\n', left.len) : NULL;
        struct bytes line = { left.data, end ? (size_t)(end - left.data) : left.len };

        r = read_line(k, line, take, path, ++number, why);
        left = end ? (struct bytes){ end + 1, left.len - line.len - 1 } : (struct bytes){ NULL, 0 };
    } while (!r && left.data);
    secret_free(file);
    return r;
}

enum result keyring_load(const char *key_path, const char *sign_path, struct keyring **out, struct buffer *why)
{
    struct keyring *k = calloc(1, sizeof(*k));
    enum result r;

    if (!k)
        return RESULT_NO_MEMORY;
    buffer_init(&k->header, ENVELOPE_HEADER_MAX);
    r = key_cache_new(SHARED_MAX, &k->shared);
    if (r) {
        complain(why, key_path, 1, "no locked memory for the keys (raise RLIMIT_MEMLOCK)");
        goto fail;
    }
    r = read_keys(k, key_path, take_exchange_key, why);
    if (r)
        goto fail;
    if (sign_path)
        r = read_keys(k, sign_path, take_signing_key, why);
    if (r)
        goto fail;
    *out = k;
    return RESULT_OK;

fail:
    keyring_free(k);
    return r;
}

void keyring_free(struct keyring *k)
{
    if (!k)
        return;
    buffer_free(&k->header);
    for (unsigned i = 0; i < k->sign_count; i++)
        secret_free(k->signs[i].secret);
    for (unsigned i = 0; i < k->key_count; i++)
        secret_free(k->keys[i].secret);
    key_cache_free(k->shared);
    free(k);
}

const struct principal_key *keyring_own(const struct keyring *k)
{
    return &k->keys[0].half;
}

const struct principal_key *keyring_signer(const struct keyring *k)
{
    return k->sign_count > 0 ? &k->signs[0].half : NULL;
}

unsigned keyring_index(const struct keyring *k, const struct key_id *id)
{
    unsigned i = 0;

    while (i < k->key_count && memcmp(&k->keys[i].half.id, id, sizeof(*id)) != 0)
        i++;
    return i;
}

bool keyring_has(const struct keyring *k, const struct key_id *id)
{
    return keyring_index(k, id) < k->key_count;
}
