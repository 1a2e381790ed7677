#include "gcm.h"

#include "secret.h"

#include <limits.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>

struct gcm {
    EVP_CIPHER_CTX *ctx;
};

/* Looking an algorithm up takes longer than sealing a kilobyte with it: once for the life of the process. */
static EVP_CIPHER *cipher;
static pthread_once_t fetched = PTHREAD_ONCE_INIT;

static void fetch(void)
{
    cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
}

enum result gcm_new(const uint8_t key[GCM_KEY_LEN], struct gcm **out)
{
    struct gcm *g;

    if (pthread_once(&fetched, fetch) || !cipher)
        return RESULT_CRYPTO;
    g = calloc(1, sizeof(*g));
    if (!g)
        return RESULT_NO_MEMORY;
    g->ctx = EVP_CIPHER_CTX_new();
    if (!g->ctx) {
        free(g);
        return RESULT_NO_MEMORY;
    }
    if (EVP_CipherInit_ex2(g->ctx, cipher, key, NULL, 1, NULL) != 1) {
        gcm_free(g);
        return RESULT_CRYPTO;
    }
    *out = g;
    return RESULT_OK;
}

void gcm_free(struct gcm *g)
{
    if (!g)
        return;
    EVP_CIPHER_CTX_free(g->ctx);
    free(g);
}

/* The key stays; nonce, additional data and text of one message. */
static bool run(EVP_CIPHER_CTX *ctx, int sealing, const uint8_t *nonce, struct bytes aad, struct bytes in, uint8_t *out)
{
    int n;

    return EVP_CipherInit_ex2(ctx, NULL, NULL, nonce, sealing, NULL) == 1
           && (aad.len == 0 || EVP_CipherUpdate(ctx, NULL, &n, aad.data, (int)aad.len) == 1)
           && (in.len == 0 || EVP_CipherUpdate(ctx, out, &n, in.data, (int)in.len) == 1);
}

enum result gcm_seal(struct gcm *g, const uint8_t nonce[GCM_NONCE_LEN], struct bytes aad, struct bytes plain, uint8_t *out)
{
    int n;

    if (plain.len > INT_MAX - GCM_TAG_LEN || aad.len > INT_MAX)
        return RESULT_TOO_LARGE;
    if (!run(g->ctx, 1, nonce, aad, plain, out) || EVP_CipherFinal_ex(g->ctx, out + plain.len, &n) != 1
        || EVP_CIPHER_CTX_ctrl(g->ctx, EVP_CTRL_AEAD_GET_TAG, GCM_TAG_LEN, out + plain.len) != 1)
        return RESULT_CRYPTO;
    return RESULT_OK;
}

enum result gcm_open(struct gcm *g, const uint8_t nonce[GCM_NONCE_LEN], struct bytes aad, struct bytes sealed, uint8_t *out)
{
    uint8_t tag[GCM_TAG_LEN], none[1];
    int n;

    if (sealed.len < GCM_TAG_LEN)
        return RESULT_TRUNCATED;
    if (sealed.len > INT_MAX || aad.len > INT_MAX)
        return RESULT_TOO_LARGE;
    struct bytes body = { sealed.data, sealed.len - GCM_TAG_LEN };
    memcpy(tag, sealed.data + body.len, sizeof(tag));
    if (run(g->ctx, 0, nonce, aad, body, out) && EVP_CIPHER_CTX_ctrl(g->ctx, EVP_CTRL_AEAD_SET_TAG, GCM_TAG_LEN, tag) == 1
        && EVP_CipherFinal_ex(g->ctx, none, &n) == 1)
        return RESULT_OK;
    secret_wipe(out, body.len);
    return RESULT_NOT_AUTHENTIC;
}
