#include "recording.h"

#include "kdf.h"

#include <stdlib.h>

#define LABEL "hlidka-audio-v1"

enum result recording_context(const struct recording *r, struct part p, struct buffer *out)
{
    enum result e = buffer_append_text(out, TEXT(LABEL));

    if (!e)
        e = context_put_text(out, r->realm);
    if (!e)
        e = context_put(out, (struct bytes){ r->id.bytes, sizeof(r->id.bytes) });
    if (!e)
        e = context_put_u64(out, p.offset);
    if (!e)
        e = context_put_u64(out, p.length);
    if (!e)
        e = context_put_u64(out, r->size);
    if (!e)
        e = context_put_text(out, r->media_type);
    if (!e)
        e = context_put_text(out, r->owner);
    return e ? e : context_put_u64(out, r->created_ms);
}

static enum result derive(const struct secret *key, struct text purpose, struct secret **out)
{
    const struct bytes info = text_bytes(purpose);

    if (secret_bytes(key).len != RECORDING_KEY_LEN)
        return RESULT_OUT_OF_RANGE;
    enum result e = secret_new(RECORDING_KEY_LEN, out);
    if (e)
        return e;
    e = kdf_expand(secret_bytes(key), &info, 1, secret_fill(*out), RECORDING_KEY_LEN);
    if (e)
        secret_free(*out);
    return e;
}

static enum result sha256_gcm(const struct secret *key, struct gcm **out)
{
    struct secret *sub;
    enum result e = derive(key, TEXT("hlidka-audio-sha256-v1"), &sub);

    if (e)
        return e;
    e = gcm_new(secret_bytes(sub).data, out);
    secret_free(sub);
    return e;
}

enum result recording_seal_sha256(const struct secret *key, const struct uuid *id, const uint8_t nonce[GCM_NONCE_LEN],
                                  const uint8_t sha256[RECORDING_SHA256_LEN], uint8_t out[RECORDING_SEALED_SHA256_LEN])
{
    struct gcm *g;
    enum result e = sha256_gcm(key, &g);

    if (e)
        return e;
    memcpy(out, nonce, GCM_NONCE_LEN);
    e = gcm_seal(g, nonce, (struct bytes){ id->bytes, sizeof(id->bytes) }, (struct bytes){ sha256, RECORDING_SHA256_LEN },
                 out + GCM_NONCE_LEN);
    gcm_free(g);
    return e;
}

enum result recording_open_sha256(const struct secret *key, const struct uuid *id, struct bytes sealed,
                                  uint8_t out[RECORDING_SHA256_LEN])
{
    struct gcm *g;

    if (sealed.len != RECORDING_SEALED_SHA256_LEN)
        return RESULT_NOT_AUTHENTIC;
    enum result e = sha256_gcm(key, &g);
    if (e)
        return e;
    e = gcm_open(g, sealed.data, (struct bytes){ id->bytes, sizeof(id->bytes) },
                 (struct bytes){ sealed.data + GCM_NONCE_LEN, sealed.len - GCM_NONCE_LEN }, out);
    gcm_free(g);
    return e;
}

/* ---- reading ------------------------------------------------------------------------------------------------------- */

struct part recording_span(struct part p, struct part want)
{
    uint64_t first = (want.offset - p.offset) / COBBLESTONE_CHUNK_LEN;
    /* What reaches the end proves the end: the last chunk, an empty one too. */
    bool to_the_end = want.offset + want.length == p.offset + p.length;
    uint64_t last = (want.offset + want.length - (to_the_end ? 0 : 1) - p.offset) / COBBLESTONE_CHUNK_LEN;
    uint64_t from = COBBLESTONE_HEADER_LEN + first * COBBLESTONE_SEALED_CHUNK_LEN;
    uint64_t end = COBBLESTONE_HEADER_LEN + (last + 1) * COBBLESTONE_SEALED_CHUNK_LEN;
    uint64_t whole = COBBLESTONE_SEALED_LEN(p.length);

    return (struct part){ from, (end < whole ? end : whole) - from };
}

/* One chunk: straight into out where all of it is wanted, else by way of `chunk`. */
static enum result open_chunk(struct cobblestone *c, uint64_t index, struct bytes sealed, struct part here, struct part want,
                              uint8_t *chunk, uint8_t *out)
{
    struct part common = part_common(want, here);
    uint8_t *into = out + (common.offset - want.offset);

    if (common.length == here.length)
        return cobblestone_chunk(c, index, sealed, into);
    enum result e = cobblestone_chunk(c, index, sealed, chunk);
    if (!e)
        memcpy(into, chunk + (common.offset - here.offset), common.length);
    return e;
}

static enum result open_chunks(struct cobblestone *c, struct part p, struct part want, struct bytes sealed, uint8_t *out)
{
    uint8_t *chunk = malloc(COBBLESTONE_CHUNK_LEN);
    uint64_t index = (want.offset - p.offset) / COBBLESTONE_CHUNK_LEN;
    enum result e = chunk ? RESULT_OK : RESULT_NO_MEMORY;

    for (size_t at = 0; at < sealed.len && !e; index++) {
        uint64_t from = p.offset + index * COBBLESTONE_CHUNK_LEN, left = p.offset + p.length - from;
        struct part here = { from, left < COBBLESTONE_CHUNK_LEN ? left : COBBLESTONE_CHUNK_LEN };
        size_t step = (size_t)here.length + COBBLESTONE_TAG_LEN;

        if (step > sealed.len - at)
            e = RESULT_NOT_AUTHENTIC;
        else
            e = open_chunk(c, index, (struct bytes){ sealed.data + at, step }, here, want, chunk, out);
        at += step;
    }
    if (chunk)
        secret_wipe(chunk, COBBLESTONE_CHUNK_LEN);
    free(chunk);
    return e;
}

enum result recording_open(const struct secret *key, const struct recording *r, struct part p,
                           const uint8_t header[COBBLESTONE_HEADER_LEN], struct part want, struct bytes sealed, uint8_t *out)
{
    struct cobblestone *c = NULL;
    struct buffer context;

    buffer_init(&context, RECORDING_CONTEXT_MAX);
    enum result e = recording_context(r, p, &context);
    if (!e && sealed.len != recording_span(p, want).length)
        e = RESULT_NOT_AUTHENTIC;
    if (!e)
        e = cobblestone_begin(secret_bytes(key).data, buffer_bytes(&context), header, &c);
    if (!e)
        e = open_chunks(c, p, want, sealed, out);
    cobblestone_end(c);
    buffer_free(&context);
    if (e)
        secret_wipe(out, want.length);
    return e;
}
