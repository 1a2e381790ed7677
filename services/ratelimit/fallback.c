/*
 * A check without the store. Every policy says for itself what becomes of it: `allow`, `deny`, or `local`, a count in
 * this instance's memory. The check stays one: if a policy denies, nothing is counted locally.
 *
 * Where the outcome is unknown the store may have charged for the message. It can do so only once, as the message is
 * not sent again; but a denial might then deny what was paid for. So it is not denied: it is told `unavailable`, and
 * the same message again finds its charge, or is judged.
 */
#include "check.h"

#define DENIED_RETRY_MS 1000

/* An instance sees all of a user's traffic, but only its share of an address's or everybody's. */
static uint64_t share(const struct check *c, enum scope scope, uint64_t limit)
{
    bool whole = scope == SCOPE_USER || scope == SCOPE_USER_ENDPOINT;
    uint64_t part = whole ? limit : limit / c->service->instances(c->service->cookie);

    return part > 0 ? part : 1;
}

/* The local store's account is told apart from the other's by nothing: they never meet. */
static size_t fill_local(struct check *c)
{
    size_t count = 0;

    for (size_t i = 0; i < c->count; i++) {
        if (c->met[i]->on_store_failure != STORE_FAILURE_LOCAL)
            continue;
        struct term *t = &c->local_terms[count];

        *t = c->terms[i];
        t->limit = share(c, t->scope, t->limit);
        t->burst = share(c, t->scope, t->burst);
        c->ask_local.claims[count] = term_claim(t, t->limit);
        c->local_of[count++] = i;
    }
    return count;
}

static bool denied_anyway(const struct check *c)
{
    for (size_t i = 0; i < c->count; i++)
        if (c->met[i]->on_store_failure == STORE_FAILURE_DENY && !c->met[i]->shadow)
            return true;
    return false;
}

/* local: rulings on local_terms, or NULL when those had no room either. */
static void conclude(struct check *c, const struct store_outcome *local)
{
    struct judgement j;
    size_t next = 0;

    judgement_start(&j);
    for (size_t i = 0; i < c->count; i++) {
        if (c->met[i]->on_store_failure != STORE_FAILURE_LOCAL) {
            judgement_add_unruled(&j, &c->terms[i], c->met[i]->on_store_failure == STORE_FAILURE_ALLOW,
                                  DENIED_RETRY_MS);
        } else if (local) {
            judgement_add(&j, &c->local_terms[next], &local->rulings[next]);
            next++;
        } else {
            judgement_add_unruled(&j, &c->terms[i], false, DENIED_RETRY_MS);
        }
    }
    if (!j.allowed && c->unknown) {
        answer_unavailable(c, "the store did not answer in time; the same message again is safe");
        return;
    }
    for (size_t i = 0; local && !c->peek && local->answer == STORE_RULED && i < local->count; i++)
        if (!local->rulings[i].allowed)
            check_denied(c, c->local_of[i]);
    answer(c, &j, local && local->count > 0 ? RATELIMIT_LOCAL : RATELIMIT_FALLBACK, NULL, NULL);
}

static void on_local(void *cookie, const struct store_outcome *o)
{
    struct check *c = cookie;

    if (o->answer == STORE_CONFLICT) {
        c->service->stats->conflicts++;
        answer_fault(c, FAULT_CONFLICT, "the id has charged for another op or body");
        return;
    }
    /* A repeat of a time with other policies has rulings that fit no more. */
    bool fits = (o->answer == STORE_RULED || o->answer == STORE_REPEATED) && o->count == c->ask_local.count;
    c->service->stats->repeated += o->answer == STORE_REPEATED;
    conclude(c, fits ? o : NULL);
}

void fallback(struct check *c, bool unknown)
{
    size_t count = fill_local(c);

    c->unknown = unknown;
    if (count == 0) {
        conclude(c, &(struct store_outcome){ .answer = STORE_RULED });
        return;
    }
    memcpy(c->ask_local.record, c->ask.record, sizeof(c->ask_local.record));
    memcpy(c->ask_local.fingerprint, c->ask.fingerprint, sizeof(c->ask_local.fingerprint));
    if (check_terms(c, c->local_terms, count, &c->ask_local)) {
        answer_fault(c, FAULT_INTERNAL, "out of memory");
        return;
    }
    c->ask_local.peek = c->peek || denied_anyway(c);
    c->service->local->check(c->service->local, &c->ask_local, on_local, c);
}
