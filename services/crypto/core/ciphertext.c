#include "ciphertext.h"

#include <sodium.h>

#define MAGIC "hlc1"
#define MAGIC_LEN 4
#define LABEL "hlidka-content-v1"
#define BOUND_MAX (256 + CONTEXT_BYTES_MAX)

enum result ciphertext_read(struct bytes in, struct ciphertext_head *head, size_t *plain_len)
{
    if (in.len < CIPHERTEXT_HEAD_LEN || memcmp(in.data, MAGIC, MAGIC_LEN) != 0)
        return RESULT_MALFORMED;
    head->version = bytes_get_u32(in.data + MAGIC_LEN);
    memcpy(head->owner_key.bytes, in.data + MAGIC_LEN + 4, sizeof(head->owner_key.bytes));
    head->owned = !sodium_is_zero(head->owner_key.bytes, sizeof(head->owner_key.bytes));
    return cobblestone_plain_len(in.len - CIPHERTEXT_HEAD_LEN, plain_len);
}

static enum result bind(const uint8_t head[CIPHERTEXT_HEAD_LEN], const struct ciphertext_about *about, struct buffer *out)
{
    enum result r = buffer_append_text(out, TEXT(LABEL));

    if (!r)
        r = buffer_append(out, head, CIPHERTEXT_HEAD_LEN);
    if (!r)
        r = context_put_text(out, about->realm);
    return r ? r : context_put_pairs(out, about->context);
}

enum result ciphertext_seal(struct bytes key, const struct ciphertext_head *head, const struct ciphertext_about *about,
                            const uint8_t salt[COBBLESTONE_SALT_LEN], struct bytes plain, uint8_t *out)
{
    struct buffer bound;

    if (key.len != COBBLESTONE_KEY_LEN)
        return RESULT_OUT_OF_RANGE;
    memcpy(out, MAGIC, MAGIC_LEN);
    bytes_put_u32(out + MAGIC_LEN, head->version);
    memcpy(out + MAGIC_LEN + 4, head->owner_key.bytes, sizeof(head->owner_key.bytes));
    buffer_init(&bound, BOUND_MAX);
    enum result r = bind(out, about, &bound);
    if (!r)
        r = cobblestone_seal(key.data, buffer_bytes(&bound), salt, plain, out + CIPHERTEXT_HEAD_LEN);
    buffer_free(&bound);
    return r;
}

enum result ciphertext_open(struct bytes key, const struct ciphertext_about *about, struct bytes in, uint8_t *out)
{
    struct buffer bound;

    if (in.len < CIPHERTEXT_HEAD_LEN)
        return RESULT_MALFORMED;
    if (key.len != COBBLESTONE_KEY_LEN)
        return RESULT_OUT_OF_RANGE;
    buffer_init(&bound, BOUND_MAX);
    enum result r = bind(in.data, about, &bound);
    if (!r)
        r = cobblestone_open(key.data, buffer_bytes(&bound),
                             (struct bytes){ in.data + CIPHERTEXT_HEAD_LEN, in.len - CIPHERTEXT_HEAD_LEN }, out);
    buffer_free(&bound);
    return r;
}
