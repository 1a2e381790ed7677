#include "decide.h"

static struct gcra_rule rule_of(const struct claim *c)
{
    return (struct gcra_rule){ .limit = c->limit, .burst = c->burst, .window_us = c->window_us };
}

/* Before any charge: what is held, and whether the cost fits. */
static void measure(const struct claim *c, const union account *a, uint64_t clock_us, struct rolling_view *view,
                    struct ruling *r)
{
    *r = (struct ruling){ 0 };
    if (c->algorithm == ALGORITHM_ROLLING) {
        *view = rolling_view(&a->rolling, c->window_us, clock_us);
        r->at_us = view->now_us;
        r->held = view->used;
        r->rest = view->rest_us;
        if (!c->never)
            r->wait_us = rolling_wait_us(&a->rolling, view, c->window_us, c->limit, c->cost);
    } else if (c->algorithm == ALGORITHM_GCRA) {
        struct gcra_rule rule = rule_of(c);

        r->at_us = gcra_now(&a->gcra, clock_us);
        struct span owed = gcra_owed(&a->gcra, &rule, r->at_us);
        r->held = owed.us;
        r->rest = owed.rem;
        if (!c->never)
            r->wait_us = gcra_wait_us(&rule, owed, c->cost);
    } else {
        r->at_us = fixed_now(&a->fixed, clock_us);
        r->held = fixed_used(&a->fixed, c->window_us, r->at_us);
        uint64_t end = fixed_rest_us(c->window_us, r->at_us);
        r->rest = r->held > 0 ? end : 0;
        r->wait_us = !c->never && r->held + c->cost > c->limit ? end : 0;
    }
    r->allowed = !c->never && r->wait_us == 0;
}

static void charge(const struct claim *c, union account *a, const struct rolling_view *view, struct ruling *r)
{
    if (c->algorithm == ALGORITHM_ROLLING) {
        r->born_us = rolling_charge(&a->rolling, view, c->cost);
        r->held += c->cost;
        r->rest = c->window_us;
    } else if (c->algorithm == ALGORITHM_GCRA) {
        struct gcra_rule rule = rule_of(c);
        struct span owed = gcra_charge(&a->gcra, &rule, (struct span){ r->held, r->rest }, c->cost, r->at_us);

        r->born_us = a->gcra.born_us;
        r->held = owed.us;
        r->rest = owed.rem;
    } else {
        fixed_charge(&a->fixed, r->held, c->cost, r->at_us);
        r->born_us = a->fixed.born_us;
        r->held += c->cost;
        r->rest = fixed_rest_us(c->window_us, r->at_us);
    }
    r->charged = true;
}

enum result decide(const struct claim *claims, size_t count, bool peek, uint64_t clock_us,
                   union account *const *accounts, struct ruling *rulings, bool *allowed)
{
    struct rolling_view views[MATCH_MAX];

    *allowed = true;
    for (size_t i = 0; i < count; i++) {
        measure(&claims[i], accounts[i], clock_us, &views[i], &rulings[i]);
        *allowed = *allowed && (rulings[i].allowed || claims[i].shadow);
    }
    if (peek || !*allowed)
        return RESULT_OK;
    /* All that can fail comes before the first charge. */
    for (size_t i = 0; i < count; i++)
        if (claims[i].algorithm == ALGORITHM_ROLLING && rolling_reserve(&accounts[i]->rolling))
            return RESULT_NO_MEMORY;
    for (size_t i = 0; i < count; i++)
        if (rulings[i].allowed && claims[i].cost > 0)
            charge(&claims[i], accounts[i], &views[i], &rulings[i]);
    return RESULT_OK;
}

bool account_idle(const union account *a, enum algorithm algorithm, uint64_t window_us, uint64_t clock_us)
{
    if (algorithm == ALGORITHM_ROLLING)
        return rolling_view(&a->rolling, window_us, clock_us).used == 0;
    if (algorithm == ALGORITHM_GCRA)
        return a->gcra.tat_us + (a->gcra.rem > 0) <= clock_us;
    return a->fixed.last_us - a->fixed.last_us % window_us + window_us <= clock_us;
}

uint64_t claim_remaining(const struct claim *c, const struct ruling *r)
{
    if (c->algorithm == ALGORITHM_GCRA) {
        struct gcra_rule rule = rule_of(c);

        return gcra_remaining(&rule, (struct span){ r->held, r->rest });
    }
    return r->held < c->limit ? c->limit - r->held : 0;
}

uint64_t claim_reset_ms(const struct claim *c, const struct ruling *r)
{
    uint64_t us = c->algorithm == ALGORITHM_GCRA ? r->held + (r->rest > 0) : r->rest;

    return (us + 999) / 1000;
}
