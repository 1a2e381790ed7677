/* What audit hears of that is no part of an effect: decryptions, and things found changed. */
#include "vault.h"

#define ATTRS_MAX 4

struct draft {
    struct audit_event event;
    struct scalar_pair attrs[ATTRS_MAX];
    size_t count;
};

static void put_text(struct draft *d, struct text name, struct text value)
{
    d->attrs[d->count++] = (struct scalar_pair){ name, { .type = MP_STR, .str = value } };
}

static void put_uint(struct draft *d, struct text name, uint64_t value)
{
    d->attrs[d->count++] = (struct scalar_pair){ name, { .type = MP_UINT, .uint = value } };
}

static struct draft draft_of(struct text type, enum audit_outcome outcome, uint64_t time_ms, struct text owner)
{
    return (struct draft){ .event = { .type = type, .time = time_ms, .outcome = outcome, .user_id = owner } };
}

static void send(struct vault *v, struct draft *d)
{
    struct text owner = d->event.user_id;

    d->event.attrs.pairs = d->attrs;
    d->event.attrs.count = d->count;
    d->event.has_attrs = true;
    v->send(v->cookie, &d->event, text_bytes(owner.data ? owner : TEXT("crypto")));
}

/* What audit asks for gives rise to no event: it would never end. */
static bool is_audit(const struct request *rq)
{
    return text_equal(request_source(rq), TEXT("audit"));
}

void tell_decrypt_failed(struct vault *v, const struct request *rq, struct text owner, size_t count)
{
    struct draft d = draft_of(TEXT("crypto.decrypt"), AUDIT_FAILURE, request_now_ms(rq), owner);

    v->stats.items[0] += count;
    if (is_audit(rq))
        return;
    put_text(&d, TEXT("src"), request_source(rq));
    put_uint(&d, TEXT("count"), count);
    send(v, &d);
}

void tell_decrypted(struct vault *v, const struct request *rq, struct text owner, size_t count)
{
    v->stats.items[1] += count;
    if (!is_audit(rq))
        decrypts_add(v->decrypts, request_source(rq), owner, count, request_now_ms(rq));
}

void tell_decrypts(void *cookie, const struct decrypts_count *c)
{
    struct draft d = draft_of(TEXT("crypto.decrypt"), AUDIT_SUCCESS, c->since_ms, c->owner);

    put_text(&d, TEXT("src"), c->src);
    put_uint(&d, TEXT("count"), c->count);
    send(cookie, &d);
}

void tell_tampered(struct vault *v, struct text object_id, struct text owner, struct text what, uint64_t now_ms)
{
    struct draft d = draft_of(TEXT("crypto.decrypt"), AUDIT_FAILURE, now_ms, owner);

    put_text(&d, TEXT("object_id"), object_id);
    put_text(&d, TEXT("tampered"), what);
    send(v, &d);
}
