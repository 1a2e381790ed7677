#include "wrap.h"

#define AAD_MAX (256 + CONTEXT_BYTES_MAX)

static struct text kind_text(enum wrap_kind kind)
{
    switch (kind) {
    case WRAP_OBJECT:
        return TEXT("object");
    case WRAP_OWNER:
        return TEXT("owner");
    case WRAP_DATA:
        return TEXT("data");
    case WRAP_RING:
        break;
    }
    return TEXT("ring");
}

static enum result put_aad(const struct wrap_about *about, struct buffer *aad)
{
    uint8_t version[4];
    enum result r = context_put_text(aad, TEXT("hlidka-wrap-v1"));

    bytes_put_u32(version, about->version);
    if (!r)
        r = context_put_text(aad, kind_text(about->kind));
    if (!r)
        r = context_put_text(aad, about->realm);
    if (!r)
        r = context_put(aad, about->id);
    if (!r)
        r = context_put(aad, (struct bytes){ version, sizeof(version) });
    return r || !about->context ? r : context_put_pairs(aad, about->context);
}

static enum result begin(const struct secret *under, const struct wrap_about *about, struct buffer *aad, struct gcm **g)
{
    struct bytes key = secret_bytes(under);

    if (key.len != GCM_KEY_LEN)
        return RESULT_OUT_OF_RANGE;
    enum result r = put_aad(about, aad);
    return r ? r : gcm_new(key.data, g);
}

enum result wrap_seal(const struct secret *under, const struct wrap_about *about, const uint8_t nonce[GCM_NONCE_LEN],
                      const struct secret *key, uint8_t out[WRAP_LEN])
{
    struct buffer aad;
    struct gcm *g = NULL;

    if (secret_bytes(key).len != WRAP_KEY_LEN)
        return RESULT_OUT_OF_RANGE;
    buffer_init(&aad, AAD_MAX);
    enum result r = begin(under, about, &aad, &g);
    if (!r) {
        memcpy(out, nonce, GCM_NONCE_LEN);
        r = gcm_seal(g, nonce, buffer_bytes(&aad), secret_bytes(key), out + GCM_NONCE_LEN);
    }
    gcm_free(g);
    buffer_free(&aad);
    return r;
}

enum result wrap_open(const struct secret *under, const struct wrap_about *about, struct bytes wrapped, struct secret **out)
{
    struct secret *key;
    struct buffer aad;
    struct gcm *g = NULL;

    if (wrapped.len != WRAP_LEN)
        return RESULT_NOT_AUTHENTIC;
    enum result r = secret_new(WRAP_KEY_LEN, &key);
    if (r)
        return r;
    buffer_init(&aad, AAD_MAX);
    r = begin(under, about, &aad, &g);
    if (!r)
        r = gcm_open(g, wrapped.data, buffer_bytes(&aad),
                     (struct bytes){ wrapped.data + GCM_NONCE_LEN, wrapped.len - GCM_NONCE_LEN }, secret_fill(key));
    gcm_free(g);
    buffer_free(&aad);
    if (r)
        secret_free(key);
    else
        *out = key;
    return r;
}
