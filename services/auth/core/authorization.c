#include "authorization.h"

/* How exactly the rule speaks of the action; 0: not at all. */
static size_t specific(const struct authorization_rule *r, struct text action)
{
    struct text name = text_of(r->name);

    if (!r->prefix)
        return text_equal(name, action) ? SIZE_MAX : 0;
    return action.len > name.len && text_starts(action, name) ? name.len + 1 : 0;
}

static const struct authorization_rule *rule_of(const struct authorization_rules *rules, struct text action)
{
    const struct authorization_rule *best = NULL;
    size_t most = 0;

    for (size_t i = 0; i < rules->count; i++) {
        size_t s = specific(&rules->items[i], action);

        if (s > most) {
            most = s;
            best = &rules->items[i];
        }
    }
    return best;
}

static bool has_role(const struct bearer_facts *f, const char *role)
{
    for (size_t i = 0; i < f->role_count; i++)
        if (text_equal(f->roles[i], text_of(role)))
            return true;
    return false;
}

static bool too_old(uint64_t at_ms, uint64_t max_age_s, uint64_t now_ms)
{
    return max_age_s > 0 && now_ms > at_ms && now_ms - at_ms > max_age_s * 1000;
}

static enum authorization_reason judge(const struct demand *d, const struct bearer_facts *f, uint64_t now_ms)
{
    if (d->aal < 2)
        return too_old(f->auth_ms, d->max_age_s, now_ms) ? REFUSED_REAUTH_REQUIRED : ALLOWED;
    if (f->aal >= 2 && !too_old(f->aal2_ms, d->max_age_s, now_ms))
        return ALLOWED;
    if (!f->enrolled)
        return REFUSED_MFA_ENROLLMENT_REQUIRED;
    if (f->locked)
        return REFUSED_MFA_LOCKED;
    return f->aal >= 2 ? REFUSED_REAUTH_REQUIRED : REFUSED_MFA_REQUIRED;
}

enum authorization_reason authorize(const struct authorization *a, struct text action, const struct bearer_facts *facts,
                                    uint64_t now_ms, struct demand *missed)
{
    const struct authorization_rule *rule = rule_of(&a->actions, action);

    *missed = (struct demand){ 0, 0 };
    if (!rule)
        return REFUSED_FORBIDDEN;
    enum authorization_reason reason = judge(&rule->demand, facts, now_ms);
    for (size_t i = 0; reason == ALLOWED && i < a->roles.count; i++)
        if (has_role(facts, a->roles.items[i].name)) {
            rule = &a->roles.items[i];
            reason = judge(&rule->demand, facts, now_ms);
        }
    if (reason != ALLOWED)
        *missed = rule->demand;
    return reason;
}
