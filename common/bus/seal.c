#include "seal.h"

#include "keyring.h"
#include "xchacha.h"

#include <sodium.h>
#include <stdlib.h>

_Static_assert(ENVELOPE_NONCE_LEN == (int)XCHACHA_NONCE_LEN, "nonce");
_Static_assert(ENVELOPE_TAG_LEN == (int)XCHACHA_TAG_LEN, "tag");
_Static_assert(ENVELOPE_SIG_LEN == crypto_sign_BYTES, "signature");
_Static_assert(KEY_CACHE_PAIR_LEN == 2 * crypto_kx_SESSIONKEYBYTES, "a kx gives rx and tx");

static const struct text SIGNED_REQUEST = TEXT("hlidka-request-v1\n");

/* ---- shared keys ---------------------------------------------------------------------------------------------- */

enum way { WAY_IN, WAY_OUT };   /* where our rx and tx lie in a cached pair */

static int exchange(enum seal_role role, uint8_t *rx_tx, const struct exchange_key *own, const uint8_t *peer)
{
    uint8_t *rx = rx_tx, *tx = rx_tx + crypto_kx_SESSIONKEYBYTES;
    const uint8_t *secret = secret_bytes(own->secret).data;

    if (role == SEAL_INITIATOR)
        return crypto_kx_client_session_keys(rx, tx, own->half.public_key, secret, peer);
    return crypto_kx_server_session_keys(rx, tx, own->half.public_key, secret, peer);
}

/* RESULT_NOT_FOUND (no such key of ours), RESULT_NOT_AUTHENTIC (a peer's key of low order), RESULT_NO_MEMORY. */
static enum result shared_key(struct keyring *k, enum seal_role role, enum way way, const struct key_id *own,
                              const struct principal_key *peer, const uint8_t **out)
{
    unsigned index = keyring_index(k, own);
    struct key_pair pair = { .own = (uint8_t)index, .role = (uint8_t)role };

    if (index == k->key_count)
        return RESULT_NOT_FOUND;
    memcpy(pair.peer, peer->public_key, sizeof(pair.peer));

    const uint8_t *keys = key_cache_get(k->shared, &pair);
    if (!keys) {
        uint8_t *fresh = key_cache_add(k->shared, &pair);

        if (!fresh)
            return RESULT_NO_MEMORY;
        if (exchange(role, fresh, &k->keys[index], peer->public_key)) {
            key_cache_remove(k->shared, &pair);
            return RESULT_NOT_AUTHENTIC;
        }
        keys = fresh;
    }
    *out = way == WAY_IN ? keys : keys + crypto_kx_SESSIONKEYBYTES;
    return RESULT_OK;
}

/* ---- the box -------------------------------------------------------------------------------------------------- */

enum result seal_box(struct keyring *k, enum seal_role role, const struct principal_key *peer,
                     const struct envelope_header *h, struct bytes header, struct bytes body, struct buffer *out)
{
    const uint8_t *key;
    enum result r;

    if (memcmp(&peer->id, &h->dkid, sizeof(peer->id)) != 0)
        return RESULT_NOT_FOUND;
    if (body.len > ENVELOPE_VALUE_MAX)
        return RESULT_TOO_LARGE;
    r = shared_key(k, role, WAY_OUT, &h->skid, peer, &key);
    if (r)
        return r == RESULT_NOT_AUTHENTIC ? RESULT_CRYPTO : r;
    r = buffer_reserve(out, body.len + ENVELOPE_TAG_LEN);
    if (r)
        return r;
    r = xchacha_seal(key, h->nonce, header, body, out->data + out->len);
    if (r)
        return r;
    out->len += body.len + ENVELOPE_TAG_LEN;
    return RESULT_OK;
}

enum result open_box(struct keyring *k, enum seal_role role, const struct principal_key *peer,
                     const struct envelope *e, struct buffer *out)
{
    const uint8_t *key;
    enum result r;

    if (e->box.len < ENVELOPE_TAG_LEN)
        return RESULT_NOT_AUTHENTIC;
    r = shared_key(k, role, WAY_IN, &e->header.dkid, peer, &key);
    if (r)
        return r;
    r = buffer_reserve(out, e->box.len);        /* the tag's room too: never nothing, so never NULL */
    if (r)
        return r;
    r = xchacha_open(key, e->header.nonce, e->header_bytes, e->box, out->data + out->len);
    if (r)
        return r;
    out->len += e->box.len - ENVELOPE_TAG_LEN;
    return RESULT_OK;
}

/* ---- signatures ----------------------------------------------------------------------------------------------- */

/* Ed25519 reads its message twice, so it must lie in one piece. RESULT_NO_MEMORY. */
static enum result request_text(struct bytes header, struct bytes box, uint8_t **out, size_t *len)
{
    uint8_t *text, *at;

    *len = SIGNED_REQUEST.len + 4 + header.len + box.len;
    at = text = malloc(*len);
    if (!text)
        return RESULT_NO_MEMORY;
    memcpy(at, SIGNED_REQUEST.data, SIGNED_REQUEST.len);
    at += SIGNED_REQUEST.len;
    bytes_put_u32(at, (uint32_t)header.len);
    at += 4;
    memcpy(at, header.data, header.len);
    memcpy(at + header.len, box.data, box.len);
    *out = text;
    return RESULT_OK;
}

enum result seal_sign(const struct keyring *k, struct bytes header, struct bytes box, uint8_t sig[ENVELOPE_SIG_LEN])
{
    uint8_t *text;
    size_t len;

    if (k->sign_count == 0)
        return RESULT_NOT_FOUND;
    if (header.len > ENVELOPE_HEADER_MAX || box.len > ENVELOPE_VALUE_MAX)
        return RESULT_TOO_LARGE;

    enum result r = request_text(header, box, &text, &len);
    if (r)
        return r;
    crypto_sign_detached(sig, NULL, text, len, secret_bytes(k->signs[0].secret).data);
    free(text);
    return RESULT_OK;
}

enum result seal_verify(const struct principal *sender, const struct envelope *e)
{
    uint8_t *text;
    size_t len;

    if (sender->sign_count == 0 || e->sig.len != ENVELOPE_SIG_LEN)
        return RESULT_NOT_AUTHENTIC;

    enum result r = request_text(e->header_bytes, e->box, &text, &len);
    if (r)
        return r;
    r = RESULT_NOT_AUTHENTIC;
    for (unsigned i = 0; r && i < sender->sign_count; i++) {
        if (crypto_sign_verify_detached(e->sig.data, text, len, sender->signs[i].public_key) == 0)
            r = RESULT_OK;
    }
    free(text);
    return r;
}

static enum result detached_text(struct text context, struct bytes body, struct buffer *out)
{
    enum result r = buffer_append_text(out, context);

    return r ? r : buffer_append(out, body.data, body.len);
}

enum result sign_detached(const struct keyring *k, struct text context, struct bytes body, uint8_t sig[64])
{
    struct buffer text;
    enum result r;

    if (k->sign_count == 0)
        return RESULT_NOT_FOUND;
    buffer_init(&text, ENVELOPE_VALUE_MAX);
    r = detached_text(context, body, &text);
    if (!r)
        crypto_sign_detached(sig, NULL, text.data, text.len, secret_bytes(k->signs[0].secret).data);
    buffer_free(&text);
    return r;
}

enum result verify_detached(const uint8_t public_key[32], struct text context, struct bytes body, const uint8_t sig[64])
{
    struct buffer text;
    enum result r;

    buffer_init(&text, ENVELOPE_VALUE_MAX);
    r = detached_text(context, body, &text);
    if (!r && crypto_sign_verify_detached(sig, text.data, text.len, public_key))
        r = RESULT_NOT_AUTHENTIC;
    buffer_free(&text);
    return r;
}

/* ---- a whole message ------------------------------------------------------------------------------------------ */

static enum result sign_value(const struct keyring *k, struct bytes header, struct bytes box, struct buffer *value)
{
    uint8_t sig[ENVELOPE_SIG_LEN];
    enum result r = seal_sign(k, header, box, sig);

    return r ? r : envelope_end(sig, value);
}

enum result seal_value(struct keyring *k, enum seal_role role, const struct principal_key *peer, const struct envelope_header *h,
                       struct bytes header, struct bytes body, bool sign, struct buffer *value)
{
    size_t before = value->len, at;
    enum result r;

    if (body.len > ENVELOPE_VALUE_MAX)
        return RESULT_TOO_LARGE;
    r = envelope_begin(header, body.len + ENVELOPE_TAG_LEN, sign, value);
    at = value->len;
    if (!r)
        r = seal_box(k, role, peer, h, header, body, value);
    if (!r && sign)
        r = sign_value(k, header, (struct bytes){ value->data + at, value->len - at }, value);
    if (!r && value->len - before > ENVELOPE_VALUE_MAX)
        r = RESULT_TOO_LARGE;
    if (r)
        value->len = before;
    return r;
}

enum result seal_message(struct keyring *k, enum envelope_kind kind, const struct principal_key *peer,
                         struct envelope_header *h, struct bytes body, bool sign, struct buffer *value)
{
    enum seal_role role = kind == ENVELOPE_REPLY ? SEAL_RESPONDER : SEAL_INITIATOR;
    enum result r;

    buffer_reset(&k->header);
    h->skid = keyring_own(k)->id;
    h->dkid = peer->id;
    r = envelope_write_header(h, kind, &k->header);
    return r ? r : seal_value(k, role, peer, h, buffer_bytes(&k->header), body, sign, value);
}
