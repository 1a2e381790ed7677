#include "entry.h"

#include "secret.h"

#include <sodium.h>

#define CLEAR_MAX 256

static const struct text PURPOSE = TEXT("hlidka-payload-v1");

_Static_assert(crypto_aead_xchacha20poly1305_ietf_KEYBYTES == ENTRY_KEY_LEN, "the key of a subject");
_Static_assert(ENTRY_SEAL_OVERHEAD == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES + ENTRY_NONCE_LEN +
               crypto_aead_xchacha20poly1305_ietf_ABYTES, "what sealing adds");

static void put_clear(const struct entry *e, uint32_t count, struct mp_writer *w)
{
    mp_put_array(w, count);
    mp_put_uint(w, 1);
    mp_put_uint(w, e->seq);
    mp_put_uint(w, e->received);
    mp_put_uint(w, e->time);
    mp_put_text(w, e->src);
    mp_put_text(w, e->type);
    mp_put_text(w, event_outcome_text(e->outcome));
}

enum result entry_write(const struct entry *e, struct buffer *out)
{
    struct mp_writer w = mp_writer_to(out);

    put_clear(e, 9, &w);
    mp_put_bin(&w, e->tag, sizeof(e->tag));
    mp_put_bin(&w, e->hash, sizeof(e->hash));
    return w.status;
}

/* What is sealed along. The lengths of names and types are the protocol's: it always fits. */
static enum result associate(const struct entry *e, uint8_t room[CLEAR_MAX], struct bytes *out)
{
    struct buffer b = { .data = room, .cap = CLEAR_MAX, .limit = CLEAR_MAX };
    struct mp_writer w = mp_writer_to(&b);
    enum result r = buffer_append_text(&b, PURPOSE);

    put_clear(e, 7, &w);
    *out = buffer_bytes(&b);
    return r ? r : w.status;
}

static void hash_of(const uint8_t nonce[ENTRY_NONCE_LEN], struct bytes payload, uint8_t out[ENTRY_HASH_LEN])
{
    crypto_hash_sha256_state s;

    crypto_hash_sha256_init(&s);
    crypto_hash_sha256_update(&s, nonce, ENTRY_NONCE_LEN);
    crypto_hash_sha256_update(&s, payload.data, payload.len);
    crypto_hash_sha256_final(&s, out);
}

static void tag_of(const uint8_t key[ENTRY_KEY_LEN], uint64_t seq, uint8_t out[ENTRY_TAG_LEN])
{
    uint8_t be[8];

    bytes_put_u64(be, seq);
    crypto_generichash(out, ENTRY_TAG_LEN, be, sizeof(be), key, ENTRY_KEY_LEN);
}

enum result entry_seal(struct entry *e, const uint8_t key[ENTRY_KEY_LEN], const struct entry_random *random,
                       struct bytes payload, struct buffer *out)
{
    uint8_t room[CLEAR_MAX];
    struct bytes clear;
    unsigned long long boxed;
    size_t begin = out->len;
    enum result r = associate(e, room, &clear);

    if (!r)
        r = buffer_reserve(out, ENTRY_SEAL_OVERHEAD + payload.len);
    if (r)
        return r;
    hash_of(random->nonce, payload, e->hash);
    tag_of(key, e->seq, e->tag);
    uint8_t *at = out->data + begin + sizeof(random->seal);
    memcpy(out->data + begin, random->seal, sizeof(random->seal));
    memcpy(at, random->nonce, ENTRY_NONCE_LEN);
    memcpy(at + ENTRY_NONCE_LEN, payload.data, payload.len);
    if (crypto_aead_xchacha20poly1305_ietf_encrypt(at, &boxed, at, ENTRY_NONCE_LEN + payload.len, clear.data, clear.len,
                                                   NULL, random->seal, key))
        return RESULT_CRYPTO;
    out->len = begin + sizeof(random->seal) + boxed;
    return RESULT_OK;
}

enum result entry_open(const struct entry *e, const uint8_t key[ENTRY_KEY_LEN], struct bytes sealed, struct buffer *opened)
{
    uint8_t room[CLEAR_MAX], tag[ENTRY_TAG_LEN], hash[ENTRY_HASH_LEN];
    struct bytes clear;
    unsigned long long len;
    size_t begin = opened->len;

    if (sealed.len < ENTRY_SEAL_OVERHEAD || associate(e, room, &clear))
        return RESULT_NOT_AUTHENTIC;
    enum result r = buffer_reserve(opened, sealed.len);
    if (r)
        return r;
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(opened->data + begin, &len, NULL, sealed.data + 24, sealed.len - 24,
                                                   clear.data, clear.len, sealed.data, key))
        return RESULT_NOT_AUTHENTIC;
    const uint8_t *at = opened->data + begin;
    hash_of(at, (struct bytes){ at + ENTRY_NONCE_LEN, len - ENTRY_NONCE_LEN }, hash);
    tag_of(key, e->seq, tag);
    if (sodium_memcmp(hash, e->hash, sizeof(hash)) || sodium_memcmp(tag, e->tag, sizeof(tag))) {
        secret_wipe(opened->data + begin, len);
        return RESULT_NOT_AUTHENTIC;
    }
    opened->len = begin + len;
    return RESULT_OK;
}
