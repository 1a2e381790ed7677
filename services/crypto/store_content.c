#include "store_content.h"

#include "clock.h"
#include "log.h"

struct text realm_kept(struct request *rq)
{
    struct text realm = request_realm(rq);

    return (struct text){ arena_copy(request_arena(rq), realm), realm.len };
}

static void say_tampered(struct vault *v, const struct owner_key *k)
{
    char id[UUID_TEXT_LEN + 1];

    uuid_format(&k->id, id);
    v->stats.tampered++;
    log_error("crypto.tampered", LOG_STR("owner_key", id), LOG_STR("what", "wrapped key"));
    tell_tampered(v, text_of(id), k->owner, TEXT("wrapped owner key"), clock_unix_ms());
}

enum result owner_key_read(struct vault *v, const struct keyset *set, struct pg_batch *b, size_t stmt, struct text realm,
                           struct arena *a, struct owner_key *out)
{
    struct text owner = pg_text(b, stmt, 0, 1);
    uint32_t version = (uint32_t)pg_int(b, stmt, 0, 2);
    const struct ring_key *k = keyset_find(set, RING_CONTENT, version);
    const char *copy = arena_copy(a, owner);

    *out = (struct owner_key){ .id = pg_uuid(b, stmt, 0, 0), .owner = { copy, owner.len } };
    if (!copy)
        return RESULT_NO_MEMORY;
    if (pg_misread(b))
        return RESULT_INTERNAL;
    out->destroyed = k && k->state == RING_DESTROYED;
    if (out->destroyed)
        return RESULT_OK;
    if (k && !k->wrap)
        return RESULT_UNAVAILABLE;      /* the ring's row does not open; said in the log and by /readyz */
    const struct wrap_about about = { .kind = WRAP_OWNER, .realm = realm, .id = text_bytes(owner), .version = version };
    enum result r = k ? wrap_open(k->wrap, &about, pg_bytes(b, stmt, 0, 3), &out->key) : RESULT_NOT_AUTHENTIC;
    if (r != RESULT_NOT_AUTHENTIC)
        return r;
    say_tampered(v, out);
    return RESULT_OK;
}
