#include "cobblestone.h"

#include "gcm.h"
#include "kdf.h"
#include "secret.h"

#include <sodium.h>
#include <stdlib.h>

_Static_assert(COBBLESTONE_KEY_LEN == GCM_KEY_LEN && COBBLESTONE_TAG_LEN == GCM_TAG_LEN, "the AEAD is AES-256-GCM");

struct cobblestone {
    struct gcm *gcm;
    uint8_t base_nonce[GCM_NONCE_LEN];
};

struct derived {
    uint8_t key[GCM_KEY_LEN];
    uint8_t base_nonce[GCM_NONCE_LEN];
    uint8_t commitment[COBBLESTONE_COMMITMENT_LEN];
};
_Static_assert(sizeof(struct derived) == GCM_KEY_LEN + GCM_NONCE_LEN + COBBLESTONE_COMMITMENT_LEN, "no padding");

static enum result derive(const uint8_t *key, struct bytes context, const uint8_t *salt, struct derived *out)
{
    static const char LABEL[] = "c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM";       /* with its 0 */
    const struct bytes info[] = { { (const uint8_t *)LABEL, sizeof(LABEL) }, { salt, COBBLESTONE_SALT_LEN }, context };

    return kdf_expand((struct bytes){ key, COBBLESTONE_KEY_LEN }, info, sizeof(info) / sizeof(info[0]), (uint8_t *)out,
                      sizeof(*out));
}

static enum result open_gcm(const struct derived *d, struct cobblestone *c)
{
    memcpy(c->base_nonce, d->base_nonce, sizeof(c->base_nonce));
    return gcm_new(d->key, &c->gcm);
}

static void nonce_of(const struct cobblestone *c, uint64_t index, uint8_t nonce[GCM_NONCE_LEN])
{
    memcpy(nonce, c->base_nonce, GCM_NONCE_LEN);
    for (size_t i = 0; i < sizeof(index); i++)
        nonce[GCM_NONCE_LEN - 1 - i] ^= (uint8_t)(index >> 8 * i);
}

enum result cobblestone_plain_len(size_t sealed_len, size_t *out)
{
    if (sealed_len < COBBLESTONE_HEADER_LEN)
        return RESULT_MALFORMED;
    size_t body = sealed_len - COBBLESTONE_HEADER_LEN, full = body / COBBLESTONE_SEALED_CHUNK_LEN;
    size_t last = body % COBBLESTONE_SEALED_CHUNK_LEN;
    /* The last chunk is always a short one: without it the message has been cut. */
    if (last < COBBLESTONE_TAG_LEN || full >= COBBLESTONE_CHUNKS_MAX)
        return RESULT_MALFORMED;
    *out = full * COBBLESTONE_CHUNK_LEN + last - COBBLESTONE_TAG_LEN;
    return RESULT_OK;
}

enum result cobblestone_seal(const uint8_t key[COBBLESTONE_KEY_LEN], struct bytes context,
                             const uint8_t salt[COBBLESTONE_SALT_LEN], struct bytes plain, uint8_t *out)
{
    struct cobblestone c = { NULL, { 0 } };
    struct derived d;
    uint8_t nonce[GCM_NONCE_LEN];
    enum result r = derive(key, context, salt, &d);

    memcpy(out, salt, COBBLESTONE_SALT_LEN);
    memcpy(out + COBBLESTONE_SALT_LEN, d.commitment, COBBLESTONE_COMMITMENT_LEN);
    out += COBBLESTONE_HEADER_LEN;
    if (!r)
        r = open_gcm(&d, &c);
    for (size_t i = 0, chunks = plain.len / COBBLESTONE_CHUNK_LEN + 1; i < chunks && !r; i++) {
        size_t at = i * COBBLESTONE_CHUNK_LEN, left = plain.len - at;
        struct bytes chunk = { plain.data ? plain.data + at : NULL, left < COBBLESTONE_CHUNK_LEN ? left : COBBLESTONE_CHUNK_LEN };

        nonce_of(&c, i, nonce);
        r = gcm_seal(c.gcm, nonce, (struct bytes){ NULL, 0 }, chunk, out);
        out += chunk.len + COBBLESTONE_TAG_LEN;
    }
    gcm_free(c.gcm);
    secret_wipe(&d, sizeof(d));
    return r;
}

enum result cobblestone_begin(const uint8_t key[COBBLESTONE_KEY_LEN], struct bytes context,
                              const uint8_t header[COBBLESTONE_HEADER_LEN], struct cobblestone **out)
{
    struct cobblestone *c = calloc(1, sizeof(*c));
    struct derived d;

    if (!c)
        return RESULT_NO_MEMORY;
    enum result r = derive(key, context, header, &d);
    if (!r && sodium_memcmp(d.commitment, header + COBBLESTONE_SALT_LEN, COBBLESTONE_COMMITMENT_LEN) != 0)
        r = RESULT_NOT_AUTHENTIC;
    if (!r)
        r = open_gcm(&d, c);
    secret_wipe(&d, sizeof(d));
    if (r)
        cobblestone_end(c);
    else
        *out = c;
    return r;
}

void cobblestone_end(struct cobblestone *c)
{
    if (!c)
        return;
    gcm_free(c->gcm);
    secret_wipe(c, sizeof(*c));
    free(c);
}

enum result cobblestone_chunk(struct cobblestone *c, uint64_t index, struct bytes sealed, uint8_t *out)
{
    uint8_t nonce[GCM_NONCE_LEN];

    if (index >= COBBLESTONE_CHUNKS_MAX || sealed.len > COBBLESTONE_SEALED_CHUNK_LEN)
        return RESULT_MALFORMED;
    nonce_of(c, index, nonce);
    return gcm_open(c->gcm, nonce, (struct bytes){ NULL, 0 }, sealed, out);
}

enum result cobblestone_open(const uint8_t key[COBBLESTONE_KEY_LEN], struct bytes context, struct bytes sealed, uint8_t *out)
{
    struct cobblestone *c = NULL;
    size_t len, at = COBBLESTONE_HEADER_LEN, done = 0;
    enum result r = cobblestone_plain_len(sealed.len, &len);

    if (r)
        return r;
    r = cobblestone_begin(key, context, sealed.data, &c);
    for (uint64_t i = 0; at < sealed.len && !r; i++) {
        size_t left = sealed.len - at, step = left < COBBLESTONE_SEALED_CHUNK_LEN ? left : COBBLESTONE_SEALED_CHUNK_LEN;

        r = cobblestone_chunk(c, i, (struct bytes){ sealed.data + at, step }, out + done);
        at += step;
        done += step - COBBLESTONE_TAG_LEN;
    }
    cobblestone_end(c);
    if (r)
        secret_wipe(out, len);
    return r;
}
