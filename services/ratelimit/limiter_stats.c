#include "limiter_stats.h"

#include <stdio.h>
#include <stdlib.h>

struct policy_stats {
    char name[POLICY_NAME_MAX + 1];             /* empty: all others */
    uint64_t denied[2];                         /* enforcing, shadow */
};

static enum result add(struct limiter_stats *s, const char *name, const char *help, const char *labels, const uint64_t *value)
{
    return metrics_counter(s->metrics, name, help, labels, value);
}

static enum result add_checks(struct limiter_stats *s)
{
    static const char *const VERDICTS[] = { "denied", "allowed" };
    static const char *const SOURCES[STATS_SOURCES] = { "store", "local", "fallback" };

    for (size_t v = 0; v < 2; v++)
        for (size_t o = 0; o < STATS_SOURCES; o++) {
            char labels[64];

            (void)snprintf(labels, sizeof(labels), "verdict=\"%s\",source=\"%s\"", VERDICTS[v], SOURCES[o]);
            enum result r = add(s, "hlidka_ratelimit_checks_total", "Checks answered with a verdict.", labels,
                                &s->checks[v][o]);
            if (r)
                return r;
        }
    return RESULT_OK;
}

static enum result add_rest(struct limiter_stats *s)
{
    const struct {
        const char *name, *help, *labels;
        const uint64_t *value;
    } rows[] = {
        { "hlidka_ratelimit_repeated_total", "Checks answered from the record of an earlier copy.", NULL, &s->repeated },
        { "hlidka_ratelimit_conflicts_total", "Ids that came again with another op or body.", NULL, &s->conflicts },
        { "hlidka_ratelimit_unavailable_total", "Checks whose outcome in the store is unknown, told so.", NULL,
          &s->unavailable },
        { "hlidka_ratelimit_unmatched_total", "Checks that no policy met.", NULL, &s->unmatched },
        { "hlidka_ratelimit_episodes_total", "Episodes of denials begun.", "mode=\"enforce\"", &s->episodes[0] },
        { "hlidka_ratelimit_episodes_total", "Episodes of denials begun.", "mode=\"shadow\"", &s->episodes[1] },
        { "hlidka_ratelimit_episodes_missed_total", "Denials that no episode had room for.", NULL, &s->episodes_missed },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        enum result r = add(s, rows[i].name, rows[i].help, rows[i].labels, rows[i].value);

        if (r)
            return r;
    }
    return metrics_gauge(s->metrics, "hlidka_ratelimit_policies", "Policies in force.", NULL, &s->policies);
}

/* Names are of [A-Za-z0-9_.-], so they need no escaping as labels. */
static enum result add_name(struct limiter_stats *s, const char *name)
{
    static const char *const MODES[] = { "enforce", "shadow" };
    struct policy_stats *p = calloc(1, sizeof(*p));

    if (!p)
        return RESULT_NO_MEMORY;
    (void)snprintf(p->name, sizeof(p->name), "%s", name);
    s->names[s->name_count++] = p;
    for (size_t i = 0; i < 2; i++) {
        char labels[POLICY_NAME_MAX + 48];

        (void)snprintf(labels, sizeof(labels), "policy=\"%s\",mode=\"%s\"", name[0] ? name : "*", MODES[i]);
        enum result r = add(s, "hlidka_ratelimit_denied_total", "Checks that a policy denied, or would have.", labels,
                            &p->denied[i]);
        if (r)
            return r;
    }
    return RESULT_OK;
}

enum result limiter_stats_new(struct metrics *m, struct limiter_stats **out)
{
    struct limiter_stats *s = calloc(1, sizeof(*s));
    enum result r;

    if (!s)
        return RESULT_NO_MEMORY;
    s->metrics = m;
    r = add_checks(s);
    if (!r)
        r = add_rest(s);
    if (!r)
        r = add_name(s, "");    /* all others; first, so that it is always there */
    if (r) {
        limiter_stats_free(s);
        return r;
    }
    *out = s;
    return RESULT_OK;
}

static struct policy_stats *find(const struct limiter_stats *s, const char *name)
{
    for (size_t i = 1; i < s->name_count; i++)
        if (strcmp(s->names[i]->name, name) == 0)
            return s->names[i];
    return s->names[0];
}

enum result limiter_stats_adopt(struct limiter_stats *s, const struct policies *p)
{
    for (size_t i = 0; i < p->count; i++) {
        if (find(s, p->items[i].name) != s->names[0] || s->name_count > STATS_NAMES_MAX)
            continue;
        enum result r = add_name(s, p->items[i].name);
        if (r)
            return r;
    }
    s->policies = (double)p->count;
    return RESULT_OK;
}

void limiter_stats_denied(struct limiter_stats *s, const struct policy *p)
{
    find(s, p->name)->denied[p->shadow]++;
}

void limiter_stats_free(struct limiter_stats *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->name_count; i++)
        free(s->names[i]);
    free(s);
}
