#include "check.h"

#include "headers.h"

/* After that long a store that was away may be back. */
#define UNAVAILABLE_RETRY_MS 1000

_Static_assert((int)SCOPE_USER == (int)RATELIMIT_USER && (int)SCOPE_IP == (int)RATELIMIT_IP
                   && (int)SCOPE_GLOBAL == (int)RATELIMIT_GLOBAL
                   && (int)SCOPE_USER_ENDPOINT == (int)RATELIMIT_USER_ENDPOINT,
               "the core's scopes are the wire's");
_Static_assert(RATELIMIT_STORE == 0 && RATELIMIT_FALLBACK + 1 == STATS_SOURCES, "stats count by the wire's sources");

static void name_source(struct ratelimit *r, struct text name, uint8_t out[DECISION_SOURCE_LEN])
{
    struct asker *a = &r->asker;

    if (name.len != a->len || memcmp(a->name, name.data, name.len) != 0) {
        decision_source(r->keys, name, a->source);
        a->len = name.len <= sizeof(a->name) ? name.len : 0;
        memcpy(a->name, name.data, a->len);
    }
    memcpy(out, a->source, DECISION_SOURCE_LEN);
}

/* The same message makes the same text, whenever it is answered: nothing in it but what the store has on record. */
static void seal(const struct check *c, const struct store_outcome *ruled, const struct term *terms,
                 char out[DECISION_TEXT_MAX + 1])
{
    const struct uuid *id = request_id(c->rq);
    struct decision d = { .issued_ms = uuid_time_ms(id) };

    name_source(c->service, request_source(c->rq), d.source);
    for (size_t i = 0; ruled && i < ruled->count; i++) {
        const struct ruling *r = &ruled->rulings[i];

        if (!r->charged)
            continue;
        struct charge *charge = &d.charges[d.count++];
        memcpy(charge->account, terms[i].account, sizeof(charge->account));
        charge->algorithm = terms[i].algorithm;
        charge->window_us = terms[i].window_us;
        charge->cost = terms[i].cost;
        charge->at_us = r->at_us;
        charge->born_us = r->born_us;
    }
    decision_seal(c->service->keys, id, &d, out);
}

static size_t fill_headers(const struct headers *h, struct text_pair pairs[3])
{
    const struct text_pair all[] = {
        { TEXT("RateLimit-Policy"), text_of(h->policy) },
        { TEXT("RateLimit"), text_of(h->limit) },
        { TEXT("Retry-After"), text_of(h->retry_after) },
    };
    size_t count = 0;

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (all[i].value.len > 0)
            pairs[count++] = all[i];
    return count;
}

static void fill_limits(const struct judgement *j, struct ratelimit_limit *limits)
{
    for (size_t i = 0; i < j->count; i++) {
        const struct row *row = &j->rows[i];

        limits[i] = (struct ratelimit_limit){
            .policy = row->policy,
            .scope = (enum ratelimit_scope)row->scope,
            .limit = row->limit,
            .window_ms = row->window_ms,
            .remaining = row->remaining,
            .reset_ms = row->reset_ms,
            .retry_after_ms = row->retry_ms,
            .allowed = row->allowed,
            .shadow = row->shadow,
        };
    }
}

void answer(struct check *c, const struct judgement *j, enum ratelimit_source source, const struct store_outcome *ruled,
            const struct term *terms)
{
    char decision[DECISION_TEXT_MAX + 1];
    struct ratelimit_limit limits[MATCH_MAX];
    struct text_pair pairs[3];
    struct headers headers;

    if (headers_format(j, &headers)) {
        answer_fault(c, FAULT_INTERNAL, "the headers do not fit");
        return;
    }
    seal(c, ruled, terms, decision);
    fill_limits(j, limits);
    struct ratelimit_check_result result = {
        .decision_id = text_of(decision),
        .allowed = j->allowed,
        .retry_after_ms = j->retry_ms,
        .limits = { limits, j->count },
        .headers = { pairs, fill_headers(&headers, pairs) },
        .source = source,
    };
    c->service->stats->checks[j->allowed][source]++;
    policies_release(c->policies);
    request_reply(c->rq, &result);
}

void answer_fault(struct check *c, enum fault_code code, const char *detail)
{
    policies_release(c->policies);
    request_fail(c->rq, code, detail);
}

void answer_unavailable(struct check *c, const char *detail)
{
    c->service->stats->unavailable++;
    policies_release(c->policies);
    request_fail_retry(c->rq, FAULT_UNAVAILABLE, UNAVAILABLE_RETRY_MS, detail);
}
