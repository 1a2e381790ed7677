#include "check.h"

/* ---- from the body to what the store is asked ------------------------------------------------------------------- */

/* The policies that meet the request: those of a scope whose id it lacks are left out. */
static void meet(struct check *c, struct text endpoint)
{
    const struct match *m = matcher_find(c->service->matcher, endpoint, c->tier);

    for (size_t i = 0; i < m->count; i++) {
        const struct policy *p = &c->policies->items[m->items[i]];

        if (subject_has(&c->who, p->scope))
            c->met[c->count++] = p;
    }
}

static void fill_terms(struct check *c)
{
    for (size_t i = 0; i < c->count; i++) {
        const struct policy *p = c->met[i];
        struct term *t = &c->terms[i];

        *t = (struct term){
            .policy = text_of(p->name),
            .scope = p->scope,
            .algorithm = p->algorithm,
            .shadow = p->shadow,
            .limit = p->limit,
            .burst = p->burst,
            .window_us = p->window_us,
            .cost = c->cost,
        };
        account_id(c->service->keys, p, &c->who, t->account);
        c->ask.claims[i] = term_claim(t, p->widest);
    }
}

enum result check_terms(struct check *c, const struct term *terms, size_t count, struct store_check *ask)
{
    struct buffer encoded;
    uint8_t *copy;
    enum result r;

    buffer_init(&encoded, TERMS_MAX);
    r = terms_encode(terms, count, &encoded);
    if (r)
        goto done;
    copy = arena_alloc(request_arena(c->rq), encoded.len, 1);
    r = RESULT_NO_MEMORY;
    if (!copy)
        goto done;
    memcpy(copy, encoded.data, encoded.len);
    ask->terms = (struct bytes){ copy, encoded.len };
    ask->count = count;
    ask->peek = c->peek;
    r = RESULT_OK;
done:
    buffer_free(&encoded);
    return r;
}

static void identify(struct check *c)
{
    uint8_t fingerprint[32];

    record_id(c->service->keys, request_source(c->rq), request_id(c->rq), c->ask.record);
    request_fingerprint(c->rq, keys_get(c->service->keys, KEY_FINGERPRINT), fingerprint);
    memcpy(c->ask.fingerprint, fingerprint, sizeof(c->ask.fingerprint));
}

/* ---- from what the store says to the answer --------------------------------------------------------------------- */

void check_denied(struct check *c, size_t index)
{
    const struct policy *p = c->met[index];
    struct text tier = text_equal(c->tier, TIER_DEFAULT) ? (struct text){ NULL, 0 } : c->tier;

    limiter_stats_denied(c->service->stats, p);
    if (denials_add(c->service->denials, p, &c->who, tier, c->terms[index].account, request_now_ms(c->rq)))
        c->service->stats->episodes_missed++;
}

static void judge(const struct store_outcome *o, const struct term *terms, struct judgement *j)
{
    judgement_start(j);
    for (size_t i = 0; i < o->count; i++)
        judgement_add(j, &terms[i], &o->rulings[i]);
}

static void on_store(void *cookie, const struct store_outcome *o)
{
    struct check *c = cookie;
    struct judgement j;

    switch (o->answer) {
    case STORE_RULED:
        judge(o, c->terms, &j);
        for (size_t i = 0; i < o->count && !c->peek; i++)
            if (!o->rulings[i].allowed)
                check_denied(c, i);
        answer(c, &j, RATELIMIT_STORE, o, c->terms);
        return;
    case STORE_REPEATED:
        c->service->stats->repeated++;
        judge(o, o->terms, &j);
        answer(c, &j, RATELIMIT_STORE, o, o->terms);
        return;
    case STORE_CONFLICT:
        c->service->stats->conflicts++;
        answer_fault(c, FAULT_CONFLICT, "the id has charged for another op or body");
        return;
    case STORE_AWAY:
        fallback(c, false);
        return;
    case STORE_UNKNOWN:
        fallback(c, true);
        return;
    }
}

void handle_check(void *service, struct request *rq)
{
    struct ratelimit *r = service;
    const struct ratelimit_check_request *body = request_body(rq);
    struct check *c = arena_alloc(request_arena(rq), 1, sizeof(*c));

    if (!c) {
        request_fail(rq, FAULT_INTERNAL, "out of memory");
        return;
    }
    c->service = r;
    c->rq = rq;
    c->policies = policies_hold(r->policies);
    c->who = (struct subject){ .user = body->user_id, .endpoint = body->endpoint };
    if (body->has_ip)
        c->who.ip = body->ip;
    c->tier = body->tier.data ? body->tier : TIER_DEFAULT;
    c->peek = body->mode == RATELIMIT_PEEK;
    c->cost = body->cost;
    meet(c, body->endpoint);
    if (c->count == 0) {
        struct judgement j;

        judgement_start(&j);
        r->stats->unmatched++;
        answer(c, &j, RATELIMIT_STORE, NULL, NULL);
        return;
    }
    fill_terms(c);
    identify(c);
    if (check_terms(c, c->terms, c->count, &c->ask)) {
        answer_fault(c, FAULT_INTERNAL, "out of memory");
        return;
    }
    r->store->check(r->store, &c->ask, on_store, c);
}
