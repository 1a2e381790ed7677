#include "gcra.h"

/* Products of a span and a limit: up to 2^52 µs times 10^9. */
typedef unsigned __int128 wide;

static wide units(struct span s, uint64_t limit)
{
    return (wide)s.us * limit + s.rem;
}

static struct span span_of(wide units_of_limit, uint64_t limit)
{
    return (struct span){ (uint64_t)(units_of_limit / limit), (uint64_t)(units_of_limit % limit) };
}

struct span gcra_span(const struct gcra_rule *rule, uint64_t cost)
{
    return span_of((wide)cost * rule->window_us, rule->limit);
}

uint64_t gcra_now(const struct gcra *g, uint64_t clock_us)
{
    return clock_us > g->last_us ? clock_us : g->last_us;
}

struct span gcra_owed(const struct gcra *g, const struct gcra_rule *rule, uint64_t now_us)
{
    if (g->tat_us < now_us || g->limit == 0)
        return (struct span){ 0, 0 };
    struct span owed = { g->tat_us - now_us, g->rem };
    return g->limit == rule->limit ? owed : span_of(units(owed, g->limit), rule->limit);
}

uint64_t gcra_wait_us(const struct gcra_rule *rule, struct span owed, uint64_t cost)
{
    wide wanted = units(owed, rule->limit) + (wide)cost * rule->window_us;
    wide room = (wide)rule->burst * rule->window_us;

    return wanted <= room ? 0 : (uint64_t)((wanted - room + rule->limit - 1) / rule->limit);
}

uint64_t gcra_remaining(const struct gcra_rule *rule, struct span owed)
{
    wide used = units(owed, rule->limit), room = (wide)rule->burst * rule->window_us;

    return used >= room ? 0 : (uint64_t)((room - used) / rule->window_us);
}

struct span gcra_charge(struct gcra *g, const struct gcra_rule *rule, struct span owed, uint64_t cost, uint64_t now_us)
{
    bool fresh = owed.us == 0 && owed.rem == 0;
    struct span then = span_of(units(owed, rule->limit) + (wide)cost * rule->window_us, rule->limit);

    *g = (struct gcra){
        .tat_us = now_us + then.us,
        .rem = then.rem,
        .limit = rule->limit,
        .last_us = now_us,
        .born_us = fresh ? now_us : g->born_us,
    };
    return then;
}
