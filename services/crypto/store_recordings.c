/* Rows of recordings, and what their parts' bytes are. */
#include "store_recordings.h"

#include "clock.h"
#include "log.h"

#include <sodium.h>
#include <stdlib.h>

/* ---- objects ------------------------------------------------------------------------------------------------------- */

#define OBJECT_SELECT                                                                                      \
    "SELECT owner, media_type, size, received, created_at, expires_at, sha256, version, wrapped, clock_timestamp()" \
    " FROM objects WHERE id = $1 AND realm = $2"

enum { OWNER, MEDIA_TYPE, SIZE, RECEIVED, CREATED_AT, EXPIRES_AT, SHA256, VERSION, WRAPPED, NOW };

enum result object_ask(struct pg_batch *b, struct text realm, const struct uuid *id, bool lock)
{
    static const struct pg_statement READ = { "object", OBJECT_SELECT, "ut" };
    static const struct pg_statement LOCK = { "object_locked", OBJECT_SELECT " FOR UPDATE", "ut" };
    static const struct pg_statement EXPIRED = { "object_expired",
        "SELECT 1 FROM expired WHERE id = $1 AND realm = $2 AND expired_at > clock_timestamp() - interval '30 days'", "ut" };
    enum result r = pg_add(b, lock ? &LOCK : &READ, PG_UUID(id), PG_TEXT(realm));

    return r ? r : pg_add(b, &EXPIRED, PG_UUID(id), PG_TEXT(realm));
}

static enum result copy_text(struct arena *a, struct text t, struct text *out)
{
    *out = t;
    if (!t.data)
        return RESULT_OK;
    out->data = arena_copy(a, t);
    return out->data ? RESULT_OK : RESULT_NO_MEMORY;
}

static enum result copy_bytes(struct bytes in, uint8_t *out, size_t len)
{
    if (in.len != len)
        return RESULT_INTERNAL;
    memcpy(out, in.data, len);
    return RESULT_OK;
}

static enum result read_object(struct pg_batch *b, size_t stmt, struct arena *a, struct object *o)
{
    enum result r = copy_text(a, pg_text(b, stmt, 0, OWNER), &o->form.owner);

    if (!r)
        r = copy_text(a, pg_text(b, stmt, 0, MEDIA_TYPE), &o->form.media_type);
    o->form.size = (uint64_t)pg_int(b, stmt, 0, SIZE);
    o->form.created_ms = (uint64_t)pg_time_ms(b, stmt, 0, CREATED_AT);
    o->received = (uint64_t)pg_int(b, stmt, 0, RECEIVED);
    o->expires_ms = (uint64_t)pg_time_ms(b, stmt, 0, EXPIRES_AT);
    o->complete = !pg_is_null(b, stmt, 0, SHA256);
    o->version = (uint32_t)pg_int(b, stmt, 0, VERSION);
    if (!r)
        r = copy_bytes(pg_bytes(b, stmt, 0, WRAPPED), o->wrapped, sizeof(o->wrapped));
    if (!r && o->complete)
        r = copy_bytes(pg_bytes(b, stmt, 0, SHA256), o->sha256, sizeof(o->sha256));
    return r || !pg_misread(b) ? r : RESULT_INTERNAL;
}

enum fault_code object_read(struct pg_batch *b, size_t stmt, struct text realm, const struct uuid *id, struct arena *a,
                            struct object *out)
{
    if (pg_rows(b, stmt) == 0)
        return pg_rows(b, stmt + 1) > 0 ? FAULT_GONE : FAULT_NOT_FOUND;
    *out = (struct object){ .form = { .realm = realm, .id = *id } };
    if (read_object(b, stmt, a, out))
        return FAULT_INTERNAL;
    switch (lifetime_at((uint64_t)pg_time_ms(b, stmt, 0, NOW), out->form.created_ms, out->expires_ms, out->complete)) {
    case LIFE_EXPIRED:
        return FAULT_GONE;
    case LIFE_DROPPED:
    case LIFE_FORGOTTEN:
        return FAULT_NOT_FOUND;
    case LIFE_INCOMPLETE:
    case LIFE_COMPLETE:
        break;
    }
    return FAULT_COUNT;
}

enum result object_unwrap(const struct ring_key *k, const struct object *o, struct secret **out)
{
    const struct wrap_about about = {
        .kind = WRAP_OBJECT, .realm = o->form.realm, .id = { o->form.id.bytes, sizeof(o->form.id.bytes) }, .version = o->version,
    };

    return wrap_open(k->wrap, &about, (struct bytes){ o->wrapped, sizeof(o->wrapped) }, out);
}

enum fault_code object_key(struct vault *v, const struct keyset *set, const struct object *o, struct secret **out)
{
    const struct ring_key *k = keyset_find(set, RING_AUDIO, o->version);

    if (k && k->state == RING_DESTROYED)
        return FAULT_KEY_DESTROYED;
    if (k && !k->wrap)
        return FAULT_UNAVAILABLE;       /* its row does not open; said in the log and by /readyz */
    enum result r = k ? object_unwrap(k, o, out) : RESULT_NOT_AUTHENTIC;
    if (r == RESULT_NOT_AUTHENTIC) {
        tampered(v, &o->form.id, o->form.owner, "wrapped key", 0);
        return FAULT_DECRYPT_FAILED;
    }
    return r ? FAULT_INTERNAL : FAULT_COUNT;
}

struct sha256_text sha256_text(const uint8_t sha256[RECORDING_SHA256_LEN])
{
    struct sha256_text t;

    sodium_bin2hex(t.hex, sizeof(t.hex), sha256, RECORDING_SHA256_LEN);
    return t;
}

enum fault_code object_sha256(struct vault *v, const struct secret *key, const struct object *o, struct sha256_text *out)
{
    uint8_t sha256[RECORDING_SHA256_LEN];
    enum result r = recording_open_sha256(key, &o->form.id, (struct bytes){ o->sha256, sizeof(o->sha256) }, sha256);

    if (r == RESULT_NOT_AUTHENTIC) {
        tampered(v, &o->form.id, o->form.owner, "hash", 0);
        return FAULT_DECRYPT_FAILED;
    }
    if (r)
        return FAULT_INTERNAL;
    *out = sha256_text(sha256);
    secret_wipe(sha256, sizeof(sha256));
    return FAULT_COUNT;
}

/* ---- parts --------------------------------------------------------------------------------------------------------- */

#define PART_COLUMNS "p.start, p.length, p.blob, p.header"

enum result parts_ask(struct pg_batch *b, const struct uuid *id, struct part range)
{
    static const struct pg_statement SOME = { "parts_within",
        "SELECT " PART_COLUMNS " FROM parts p WHERE p.object_id = $1 AND p.start < $3 AND p.start + p.length > $2"
        " ORDER BY p.start", "uii" };

    return pg_add(b, &SOME, PG_UUID(id), PG_INT((int64_t)range.offset), PG_INT((int64_t)(range.offset + range.length)));
}

enum result parts_ask_when_whole(struct pg_batch *b, const struct uuid *id, uint64_t more)
{
    static const struct pg_statement ALL = { "parts_when_whole",
        "SELECT " PART_COLUMNS " FROM parts p JOIN objects o ON o.id = p.object_id"
        " WHERE o.id = $1 AND o.received + $2 = o.size ORDER BY p.start", "ui" };

    return pg_add(b, &ALL, PG_UUID(id), PG_INT((int64_t)more));
}

enum result parts_read(struct pg_batch *b, size_t stmt, struct arena *a, struct stored_part **out, size_t *count)
{
    enum result r = RESULT_OK;

    *count = pg_rows(b, stmt);
    *out = *count ? arena_alloc(a, *count, sizeof(**out)) : NULL;
    if (*count && !*out)
        return RESULT_NO_MEMORY;
    for (size_t i = 0; i < *count && !r; i++) {
        struct stored_part *p = &(*out)[i];

        p->range = (struct part){ (uint64_t)pg_int(b, stmt, i, 0), (uint64_t)pg_int(b, stmt, i, 1) };
        p->blob = pg_uuid(b, stmt, i, 2);
        r = copy_bytes(pg_bytes(b, stmt, i, 3), p->header, sizeof(p->header));
    }
    return r || !pg_misread(b) ? r : RESULT_INTERNAL;
}

/* The blob's head, and the run of its chunks: in one go where one follows the other. */
static enum result read_blob(struct blobs *blobs, const struct uuid *name, struct part span, uint8_t *out)
{
    if (span.offset == COBBLESTONE_HEADER_LEN)
        return blobs->get(blobs, name, 0, COBBLESTONE_HEADER_LEN + span.length, out);
    enum result r = blobs->get(blobs, name, 0, COBBLESTONE_HEADER_LEN, out);
    return r ? r : blobs->get(blobs, name, span.offset, span.length, out + COBBLESTONE_HEADER_LEN);
}

enum result part_open(struct blobs *blobs, const struct secret *key, const struct recording *form, const struct stored_part *p,
                      struct part want, uint8_t *out)
{
    struct part span = recording_span(p->range, want);
    uint8_t *sealed = malloc(COBBLESTONE_HEADER_LEN + span.length);
    enum result r = sealed ? read_blob(blobs, &p->blob, span, sealed) : RESULT_NO_MEMORY;

    if (!r && sodium_memcmp(sealed, p->header, COBBLESTONE_HEADER_LEN) != 0)
        r = RESULT_NOT_AUTHENTIC;
    if (!r)
        r = recording_open(key, form, p->range, p->header, want,
                           (struct bytes){ sealed + COBBLESTONE_HEADER_LEN, span.length }, out);
    free(sealed);
    return r;
}

/* ---- what goes wrong ----------------------------------------------------------------------------------------------- */

void tampered(struct vault *v, const struct uuid *id, struct text owner, const char *what, uint64_t offset)
{
    char text[UUID_TEXT_LEN + 1];

    uuid_format(id, text);
    v->stats.tampered++;
    log_error("crypto.tampered", LOG_STR("object_id", text), LOG_STR("what", what), LOG_UINT("offset", offset));
    tell_tampered(v, text_of(text), owner, text_of(what), clock_unix_ms());
}

struct forgetting {
    struct blobs *blobs;
    size_t count;
    struct uuid names[];
};

static void remove_them(void *cookie)
{
    struct forgetting *f = cookie;

    for (size_t i = 0; i < f->count; i++) {
        enum result r = f->blobs->remove(f->blobs, &f->names[i]);
        if (r)
            log_warn("crypto.blob_remove", LOG_RESULT(r));
    }
}

void blobs_forget(struct vault *v, const struct uuid *names, size_t count)
{
    struct forgetting *f = count ? malloc(sizeof(*f) + count * sizeof(*names)) : NULL;

    if (!f)
        return;
    f->blobs = v->blobs;
    f->count = count;
    memcpy(f->names, names, count * sizeof(*names));
    if (offload_run(v->offload, remove_them, free, f))
        free(f);
}
