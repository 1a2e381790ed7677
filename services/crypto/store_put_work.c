#include "store_put.h"

#include "clock.h"
#include "entropy.h"
#include "log.h"

#include <openssl/evp.h>
#include <sodium.h>
#include <stdlib.h>

/* ---- on the thread pool -------------------------------------------------------------------------------------------- */

static enum result seal_part(struct put *op, uint8_t *sealed)
{
    uint8_t salt[COBBLESTONE_SALT_LEN];
    struct buffer context;

    entropy_fill(salt, sizeof(salt));
    buffer_init(&context, RECORDING_CONTEXT_MAX);
    enum result r = recording_context(&op->form, op->range, &context);
    if (!r)
        r = cobblestone_seal(secret_bytes(op->key).data, buffer_bytes(&context), salt, op->body->data, sealed);
    buffer_free(&context);
    return r;
}

static enum result write_blob(struct put *op)
{
    size_t len = COBBLESTONE_SEALED_LEN(op->body->data.len);
    uint8_t *sealed = malloc(len);
    enum result r = sealed ? seal_part(op, sealed) : RESULT_NO_MEMORY;

    op->written_ns = clock_boot_ns();
    entropy_fill(op->stored.blob.bytes, sizeof(op->stored.blob.bytes));
    if (!r) {
        memcpy(op->stored.header, sealed, COBBLESTONE_HEADER_LEN);
        r = op->vault->blobs->put(op->vault->blobs, &op->stored.blob, (struct bytes){ sealed, len });
    }
    free(sealed);
    return r;
}

static bool update(EVP_MD_CTX *ctx, struct bytes data)
{
    return EVP_DigestUpdate(ctx, data.data, data.len) == 1;
}

/* Parts in their order, this one in its place among them; they leave no gap, or PostgreSQL would not have given them all. */
static enum result hash_parts(struct put *op, EVP_MD_CTX *ctx, uint8_t *plain)
{
    uint64_t at = 0;
    size_t i = 0;

    while (at < op->form.size) {
        if (at == op->range.offset) {
            if (!update(ctx, op->body->data))
                return RESULT_CRYPTO;
            at += op->range.length;
            continue;
        }
        if (i == op->other_count || op->others[i].range.offset != at)
            return RESULT_INTERNAL;
        op->bad = &op->others[i++];
        enum result r = part_open(op->vault->blobs, op->key, &op->form, op->bad, op->bad->range, plain);
        if (!r && !update(ctx, (struct bytes){ plain, op->bad->range.length }))
            r = RESULT_CRYPTO;
        if (r)
            return r;
        at += op->bad->range.length;
    }
    op->bad = NULL;
    return RESULT_OK;
}

static enum result finish_hash(struct put *op, EVP_MD_CTX *ctx)
{
    uint8_t sha256[RECORDING_SHA256_LEN], nonce[GCM_NONCE_LEN];

    if (EVP_DigestFinal_ex(ctx, sha256, NULL) != 1)
        return RESULT_CRYPTO;
    entropy_fill(nonce, sizeof(nonce));
    op->sha256 = sha256_text(sha256);
    enum result r = recording_seal_sha256(op->key, &op->form.id, nonce, sha256, op->sealed_sha256);
    secret_wipe(sha256, sizeof(sha256));
    return r;
}

static enum result hash_whole(struct put *op)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    uint8_t *plain = op->other_count ? malloc(CRYPTO_PART_MAX) : NULL;
    enum result r = ctx && (plain || op->other_count == 0) ? RESULT_OK : RESULT_NO_MEMORY;

    if (!r && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) != 1)
        r = RESULT_CRYPTO;
    if (!r)
        r = hash_parts(op, ctx, plain);
    if (!r)
        r = finish_hash(op, ctx);
    if (plain)
        secret_wipe(plain, CRYPTO_PART_MAX);
    free(plain);
    EVP_MD_CTX_free(ctx);
    return r;
}

/* The part that is there is read back: few are sent twice, and no hash of every one need be kept for them. */
static enum result compare(struct put *op)
{
    uint8_t *plain = malloc(op->range.length);

    if (!plain)
        return RESULT_NO_MEMORY;
    op->bad = op->there;
    enum result r = part_open(op->vault->blobs, op->key, &op->form, op->there, op->range, plain);
    if (!r) {
        op->bad = NULL;
        op->same = sodium_memcmp(plain, op->body->data.data, op->range.length) == 0;
        secret_wipe(plain, op->range.length);
    }
    free(plain);
    return r;
}

static void work(void *cookie)
{
    struct put *op = cookie;

    op->failed = RESULT_OK;
    op->bad = NULL;
    if (op->lack & PUT_COMPARISON)
        op->failed = compare(op);
    if (!op->failed && (op->lack & PUT_HASH))
        op->failed = hash_whole(op);
    if (op->failed)
        return;
    op->have |= op->lack & (PUT_COMPARISON | PUT_HASH);
    /* Last: nothing that fails after it leaves a blob behind. */
    if (op->lack & PUT_BLOB)
        op->failed = write_blob(op);
    if (!op->failed)
        op->have |= op->lack;
}

/* ---- on the loop --------------------------------------------------------------------------------------------------- */

static void answer_failure(struct put *op)
{
    struct vault *v = op->vault;

    if (op->have & PUT_BLOB)
        blobs_forget(v, &op->stored.blob, 1);
    switch (op->failed) {
    case RESULT_NOT_AUTHENTIC:
    case RESULT_TRUNCATED:
        tampered(v, &op->form.id, op->form.owner, "blob", op->bad ? op->bad->range.offset : 0);
        answer_fault(op->rq, FAULT_DECRYPT_FAILED, "a part that is stored does not open");
        return;
    case RESULT_FULL:
    case RESULT_IO:
    case RESULT_DENIED:
    case RESULT_NO_MEMORY:
        log_error("crypto.blob_write", LOG_RESULT(op->failed));
        answer_fault(op->rq, FAULT_UNAVAILABLE, "the blob store does not take it");
        return;
    default:
        log_error("crypto.put", LOG_RESULT(op->failed));
        answer_fault(op->rq, FAULT_INTERNAL, NULL);
        return;
    }
}

static void done(void *cookie)
{
    struct put *op = cookie;

    secret_free(op->key);
    op->key = NULL;
    /* A blob that is away: the object may have been deleted meanwhile. PostgreSQL knows; it is asked TRIES_MAX times. */
    if (!op->failed || (op->failed == RESULT_NOT_FOUND && op->bad))
        put_run(op);
    else
        answer_failure(op);
}

void put_work(struct put *op)
{
    if (!offload_run(op->vault->offload, work, done, op))
        return;
    secret_free(op->key);
    op->key = NULL;
    if (op->have & PUT_BLOB)
        blobs_forget(op->vault, &op->stored.blob, 1);
    answer_fault(op->rq, FAULT_UNAVAILABLE, "too much at once");
}
