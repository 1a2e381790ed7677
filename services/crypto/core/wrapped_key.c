#include "wrapped_key.h"

#define MAGIC "hld1"
#define MAGIC_LEN 4

enum result wrapped_key_read(struct bytes in, struct wrapped_key *out)
{
    if (in.len != WRAPPED_KEY_LEN || memcmp(in.data, MAGIC, MAGIC_LEN) != 0)
        return RESULT_MALFORMED;
    out->version = bytes_get_u32(in.data + MAGIC_LEN);
    memcpy(out->id.bytes, in.data + MAGIC_LEN + 4, sizeof(out->id.bytes));
    out->wrap = (struct bytes){ in.data + WRAPPED_KEY_LEN - WRAP_LEN, WRAP_LEN };
    return RESULT_OK;
}

static struct wrap_about about(uint32_t version, struct text realm, const struct uuid *id, const struct context *context)
{
    return (struct wrap_about){
        .kind = WRAP_DATA, .realm = realm, .id = { id->bytes, sizeof(id->bytes) }, .version = version, .context = context,
    };
}

enum result wrapped_key_seal(const struct secret *under, uint32_t version, struct text realm, const struct uuid *id,
                             const struct context *context, const uint8_t nonce[GCM_NONCE_LEN], const struct secret *key,
                             uint8_t out[WRAPPED_KEY_LEN])
{
    struct wrap_about what = about(version, realm, id, context);

    memcpy(out, MAGIC, MAGIC_LEN);
    bytes_put_u32(out + MAGIC_LEN, version);
    memcpy(out + MAGIC_LEN + 4, id->bytes, sizeof(id->bytes));
    return wrap_seal(under, &what, nonce, key, out + WRAPPED_KEY_LEN - WRAP_LEN);
}

enum result wrapped_key_open(const struct secret *under, const struct wrapped_key *w, struct text realm,
                             const struct context *context, struct secret **out)
{
    struct wrap_about what = about(w->version, realm, &w->id, context);

    return wrap_open(under, &what, w->wrap, out);
}
