#include "decision.h"

#include <sodium.h>

#define HEAD_LEN (DECISION_SOURCE_LEN + 6 + 1)
#define CHARGE_LEN (1 + POLICY_ACCOUNT_LEN + 5 + 5 + 7 + 7)
#define PLAIN_MAX (HEAD_LEN + MATCH_MAX * CHARGE_LEN)
#define TAG_LEN crypto_aead_xchacha20poly1305_ietf_ABYTES
#define SEALED_MAX (DECISION_NONCE_LEN + PLAIN_MAX + TAG_LEN)

_Static_assert((SEALED_MAX * 4 + 2) / 3 <= DECISION_TEXT_MAX, "the contract's bound on a decision id");
_Static_assert(DECISION_NONCE_LEN == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, "libsodium's nonce");

/* Tells this content from any later form of it. */
static const uint8_t FORM[] = "hlidka-decision-v1";

static uint8_t *put(uint8_t *out, uint64_t v, size_t len)
{
    for (size_t i = len; i-- > 0; v >>= 8)
        out[i] = (uint8_t)v;
    return out + len;
}

static const uint8_t *get(const uint8_t *in, size_t len, uint64_t *v)
{
    *v = 0;
    for (size_t i = 0; i < len; i++)
        *v = *v << 8 | in[i];
    return in + len;
}

void decision_source(const struct keys *k, struct text source, uint8_t out[DECISION_SOURCE_LEN])
{
    uint8_t hash[16];           /* the shortest that BLAKE2b gives */

    (void)crypto_generichash(hash, sizeof(hash), (const uint8_t *)source.data, source.len, keys_get(k, KEY_SOURCE),
                             KEYS_LEN);
    memcpy(out, hash, DECISION_SOURCE_LEN);
}

static size_t write_plain(const struct decision *d, uint8_t out[PLAIN_MAX])
{
    uint8_t *at = out;

    memcpy(at, d->source, DECISION_SOURCE_LEN);
    at = put(at + DECISION_SOURCE_LEN, d->issued_ms, 6);
    at = put(at, d->count, 1);
    for (size_t i = 0; i < d->count; i++) {
        const struct charge *c = &d->charges[i];

        at = put(at, c->algorithm, 1);
        memcpy(at, c->account, POLICY_ACCOUNT_LEN);
        at = put(at + POLICY_ACCOUNT_LEN, c->window_us / 1000, 5);
        at = put(at, c->cost, 5);
        at = put(at, c->at_us, 7);
        at = put(at, c->born_us, 7);
    }
    return (size_t)(at - out);
}

/* We wrote it, so only its length is looked at again. */
static enum result read_plain(const uint8_t *in, size_t len, struct decision *d)
{
    uint64_t v;

    if (len < HEAD_LEN)
        return RESULT_NOT_AUTHENTIC;
    memcpy(d->source, in, DECISION_SOURCE_LEN);
    const uint8_t *at = get(in + DECISION_SOURCE_LEN, 6, &d->issued_ms);
    at = get(at, 1, &v);
    if (v > MATCH_MAX || len != HEAD_LEN + v * CHARGE_LEN)
        return RESULT_NOT_AUTHENTIC;
    d->count = (size_t)v;
    for (size_t i = 0; i < d->count; i++) {
        struct charge *c = &d->charges[i];

        at = get(at, 1, &v);
        if (v > ALGORITHM_FIXED)
            return RESULT_NOT_AUTHENTIC;
        c->algorithm = (enum algorithm)v;
        memcpy(c->account, at, POLICY_ACCOUNT_LEN);
        at = get(at + POLICY_ACCOUNT_LEN, 5, &c->window_us);
        c->window_us *= 1000;
        at = get(at, 5, &c->cost);
        at = get(at, 7, &c->at_us);
        at = get(at, 7, &c->born_us);
    }
    return RESULT_OK;
}

void decision_seal(const struct keys *k, const struct uuid *message, const struct decision *d,
                   char out[DECISION_TEXT_MAX + 1])
{
    uint8_t plain[PLAIN_MAX], sealed[SEALED_MAX];
    size_t len = write_plain(d, plain);
    crypto_generichash_state hash;

    (void)crypto_generichash_init(&hash, keys_get(k, KEY_NONCE), KEYS_LEN, DECISION_NONCE_LEN);
    (void)crypto_generichash_update(&hash, message->bytes, sizeof(message->bytes));
    (void)crypto_generichash_update(&hash, plain, len);
    (void)crypto_generichash_final(&hash, sealed, DECISION_NONCE_LEN);
    (void)crypto_aead_xchacha20poly1305_ietf_encrypt(sealed + DECISION_NONCE_LEN, NULL, plain, len, FORM, sizeof(FORM),
                                                     NULL, sealed, keys_get(k, KEY_DECISION));
    (void)sodium_bin2base64(out, DECISION_TEXT_MAX + 1, sealed, DECISION_NONCE_LEN + len + TAG_LEN,
                            sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

enum result decision_open(const struct keys *k, struct text t, struct decision *out)
{
    uint8_t sealed[SEALED_MAX], plain[PLAIN_MAX];
    unsigned long long plain_len;
    size_t len;

    if (t.len > DECISION_TEXT_MAX
        || sodium_base642bin(sealed, sizeof(sealed), t.data, t.len, NULL, &len, NULL,
                             sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0
        || len < DECISION_NONCE_LEN + TAG_LEN)
        return RESULT_NOT_AUTHENTIC;
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(plain, &plain_len, NULL, sealed + DECISION_NONCE_LEN,
                                                   len - DECISION_NONCE_LEN, FORM, sizeof(FORM), sealed,
                                                   keys_get(k, KEY_DECISION)) != 0)
        return RESULT_NOT_AUTHENTIC;
    memcpy(out->nonce, sealed, DECISION_NONCE_LEN);
    return read_plain(plain, (size_t)plain_len, out);
}
