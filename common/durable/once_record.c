/* The record of an effect: read and written. */
#include "arena.h"
#include "effects.h"
#include "entropy.h"
#include "once_internal.h"

#include <sodium.h>
#include <string.h>

static enum result record_of(struct once *c, struct record *out)
{
    enum result r = c->digested ? RESULT_OK : record_digest(request_body_bytes(c->rq), c->body);

    if (r)
        return r;
    c->digested = true;
    *out = (struct record){ .src = request_source(c->rq), .id = *request_id(c->rq), .op = request_op(c->rq) };
    memcpy(out->body, c->body, sizeof(out->body));
    return RESULT_OK;
}

static enum result open_reply(struct once *c, const struct record *rec, struct bytes sealed)
{
    struct buffer reply;
    uint8_t *copy;

    buffer_init(&reply, sealed.len + 1);
    enum result r = record_open(c->durable->records, rec, sealed, &reply);
    copy = r ? NULL : arena_alloc(request_arena(c->rq), reply.len ? reply.len : 1, 1);
    if (!r && !copy)
        r = RESULT_NO_MEMORY;
    if (!r) {
        memcpy(copy, reply.data, reply.len);
        c->reply = (struct bytes){ copy, reply.len };
    }
    buffer_free(&reply);
    return r;
}

enum result once_look_at(struct once *c, struct pg_batch *b, size_t stmt)
{
    struct record rec;
    struct effect found;
    uint8_t fingerprint[RECORD_FINGERPRINT_LEN];
    enum result r = effects_read(b, stmt, &found);

    if (r)
        return r;
    if (!found.found)
        return RESULT_NOT_FOUND;
    if ((r = record_of(c, &rec)) || (r = record_fingerprint(c->durable->records, &rec, fingerprint)))
        return r;
    if (found.fingerprint.len != sizeof(fingerprint) || sodium_memcmp(found.fingerprint.data, fingerprint, sizeof(fingerprint)))
        return RESULT_CONFLICT;
    return open_reply(c, &rec, found.reply);
}

/* The record goes with the writes; its key would stop a second runner even without the turn. */
enum result once_add_record(struct once *c)
{
    struct record rec;
    uint8_t fingerprint[RECORD_FINGERPRINT_LEN], nonce[RECORD_NONCE_LEN];
    struct buffer sealed;

    buffer_init(&sealed, c->reply.len + RECORD_SEAL_OVERHEAD);
    entropy_fill(nonce, sizeof(nonce));
    enum result r = record_of(c, &rec);
    if (!r)
        r = record_fingerprint(c->durable->records, &rec, fingerprint);
    if (!r)
        r = record_seal(c->durable->records, &rec, nonce, c->reply, &sealed);
    if (!r)
        r = effects_record(c->writes, rec.src, &rec.id, (struct bytes){ fingerprint, sizeof(fingerprint) }, buffer_bytes(&sealed));
    buffer_free(&sealed);
    return r;
}
