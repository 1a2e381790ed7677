#include "detector.h"

#include "hashmap.h"

#include <sodium.h>
#include <stdlib.h>

struct group {
    struct group_id id;
    struct group *newer, *older;        /* of its rule, by when it was last touched */
    uint64_t touched;                   /* by the log's clock */
    struct window window;
    struct episode episodes[DETECTOR_EPISODES];     /* newest last */
    size_t episode_count;
};

struct watched {                        /* a rule */
    struct hashmap *groups;
    struct group *newest, *oldest;
    uint64_t hits;
};

struct detector {
    const struct rule_set *rules;
    uint8_t key[32];
    uint64_t clock;                     /* the newest `received` */
    struct watched rules_seen[RULES_MAX];
    struct detector_stats stats;
};

/* ---- ids ------------------------------------------------------------------------------------------------------- */

static void hash_text(crypto_generichash_state *h, struct text t)
{
    uint8_t len[4];

    bytes_put_u32(len, (uint32_t)t.len);
    crypto_generichash_update(h, len, sizeof(len));
    crypto_generichash_update(h, (const uint8_t *)t.data, t.len);
}

/* False: the record lacks a field, and is not counted. */
static bool group_of(const struct detector *d, const struct correlation *rule, const struct log_record *r, struct group_id *out)
{
    crypto_generichash_state h;
    char number[RULE_NUMBER_LEN];

    crypto_generichash_init(&h, d->key, sizeof(d->key), DETECTOR_GROUP_LEN);
    hash_text(&h, rule->name);
    for (size_t i = 0; i < rule->group_count; i++) {
        struct text value = rule_field_of(&rule->group_by[i], r, number);
        if (!value.data)
            return false;
        hash_text(&h, rule->group_by[i].name);
        hash_text(&h, value);
    }
    crypto_generichash_final(&h, out->bytes, DETECTOR_GROUP_LEN);
    return true;
}

static struct uuid alert_id(const struct detector *d, const struct group_id *group, uint64_t first_seq)
{
    uint8_t in[DETECTOR_GROUP_LEN + 8], out[16];

    memcpy(in, group->bytes, DETECTOR_GROUP_LEN);
    bytes_put_u64(in + DETECTOR_GROUP_LEN, first_seq);
    crypto_generichash(out, sizeof(out), in, sizeof(in), d->key, sizeof(d->key));
    return uuid_v8(out);
}

/* ---- groups ---------------------------------------------------------------------------------------------------- */

static void unlink_group(struct watched *w, struct group *g)
{
    *(g->newer ? &g->newer->older : &w->newest) = g->older;
    *(g->older ? &g->older->newer : &w->oldest) = g->newer;
}

static void link_newest(struct watched *w, struct group *g)
{
    g->newer = NULL;
    g->older = w->newest;
    *(w->newest ? &w->newest->newer : &w->oldest) = g;
    w->newest = g;
}

static void drop_group(struct detector *d, struct watched *w, struct group *g)
{
    unlink_group(w, g);
    (void)hashmap_remove(w->groups, &g->id);
    w->hits -= g->window.count;
    d->stats.kept -= g->window.count;
    d->stats.groups--;
    window_free(&g->window);
    free(g);
}

/* What no event can belong to any more. */
static void forget_idle(struct detector *d, struct watched *w, uint64_t reach)
{
    while (w->oldest && w->oldest->touched + reach < d->clock)
        drop_group(d, w, w->oldest);
}

static void forget_old(struct detector *d, struct watched *w, struct group *g, uint64_t reach)
{
    uint32_t before = g->window.count;
    size_t kept = 0;

    window_forget(&g->window, d->clock > reach ? d->clock - reach : 0);
    w->hits -= before - g->window.count;
    d->stats.kept -= before - g->window.count;
    for (size_t i = 0; i < g->episode_count; i++)
        if (g->episodes[i].received + reach >= d->clock)
            g->episodes[kept++] = g->episodes[i];
    g->episode_count = kept;
}

/* The group of that id, made if need be, as the one last touched. */
static enum result touch_group(struct detector *d, struct watched *w, const struct group_id *id, struct group **out)
{
    struct group *g = hashmap_get(w->groups, id);

    if (g) {
        unlink_group(w, g);
    } else {
        if (hashmap_count(w->groups) == DETECTOR_GROUPS) {
            drop_group(d, w, w->oldest);
            d->stats.evicted++;
        }
        g = calloc(1, sizeof(*g));
        if (!g)
            return RESULT_NO_MEMORY;
        g->id = *id;
        enum result r = hashmap_put(w->groups, id, g);
        if (r) {
            free(g);
            return r;
        }
        d->stats.groups++;
    }
    link_newest(w, g);
    if (g->touched < d->clock)
        g->touched = d->clock;
    *out = g;
    return RESULT_OK;
}

static enum result add_hit(struct detector *d, struct watched *w, struct group *g, const struct log_record *r, size_t *at)
{
    uint32_t before = g->window.count;
    enum result e = window_add(&g->window, &(struct hit){ r->event.time, r->seq, d->clock }, at);

    if (e)
        return e;
    w->hits += g->window.count - before;
    d->stats.kept += g->window.count - before;
    d->stats.hits++;
    while (w->hits > DETECTOR_HITS && w->oldest != g) {
        drop_group(d, w, w->oldest);
        d->stats.evicted++;
    }
    return RESULT_OK;
}

/* ---- episodes -------------------------------------------------------------------------------------------------- */

static void add_episode(struct group *g, const struct episode *e)
{
    if (g->episode_count == DETECTOR_EPISODES)
        memmove(&g->episodes[0], &g->episodes[1], --g->episode_count * sizeof(g->episodes[0]));
    g->episodes[g->episode_count++] = *e;
}

static struct episode *episode_at(struct group *g, uint64_t time, uint64_t timespan)
{
    for (size_t i = g->episode_count; i-- > 0;) {
        struct episode *e = &g->episodes[i];
        if (time + timespan >= e->first && time <= e->last + timespan)
            return e;
    }
    return NULL;
}

static bool go_on(struct group *g, const struct correlation *rule, size_t at, struct finding *f)
{
    uint64_t time = g->window.hits[at].time;
    struct episode *e = episode_at(g, time, rule->timespan_ms);

    if (!e)
        return false;
    uint64_t count = window_fullest(&g->window, at, rule->timespan_ms).count;
    if (count > e->count)
        e->count = count;
    if (time > e->last)
        e->last = time;
    e->received = g->touched;
    f->raised = false;
    f->episode = e;
    return true;
}

static bool raise(struct detector *d, struct group *g, const struct correlation *rule, size_t at, struct finding *f)
{
    const struct window *w = &g->window;
    struct window_span s = window_fullest(w, at, rule->timespan_ms);
    size_t last = s.first + s.count - 1;

    if (s.count < rule->least)
        return false;
    f->raised = true;
    f->first_seen = w->hits[s.first].time;
    f->last_seen = w->hits[last].time;
    f->seq_count = window_seqs(w, s, f->seqs);
    /* Where an event came late, others may stand behind it already that belong to the same episode. */
    while (last + 1 < w->count && w->hits[last + 1].time - w->hits[last].time <= rule->timespan_ms)
        last++;
    add_episode(g, &(struct episode){
        .alert_id = alert_id(d, &g->id, window_first_seq(w, s)),
        .first = f->first_seen, .last = w->hits[last].time, .received = g->touched, .count = s.count,
    });
    f->episode = &g->episodes[g->episode_count - 1];
    d->stats.raised++;
    return true;
}

/* ---- records --------------------------------------------------------------------------------------------------- */

static bool rule_wants(const struct correlation *rule, const bool *matched)
{
    for (size_t i = 0; i < rule->base_count; i++)
        if (matched[rule->bases[i]])
            return true;
    return false;
}

void detector_pass(struct detector *d, uint64_t received)
{
    if (received > d->clock)
        d->clock = received;
}

/* found NULL: only remember. */
static enum result take(struct detector *d, const struct log_record *r, enum result (*found)(void *cookie, const struct finding *f),
                        void *cookie)
{
    bool matched[RULES_MAX];
    struct finding f = { .record = r };
    enum result e = RESULT_OK;

    detector_pass(d, r->received);
    for (size_t i = 0; i < d->rules->base_count; i++)
        matched[i] = rule_matches(&d->rules->bases[i], r);
    for (size_t i = 0; i < d->rules->rule_count && !e; i++) {
        const struct correlation *rule = &d->rules->rules[i];
        struct watched *w = &d->rules_seen[i];
        struct group *g;
        size_t at;
        forget_idle(d, w, rule_reach_ms(rule));
        if (!rule_wants(rule, matched) || !group_of(d, rule, r, &f.group))
            continue;
        e = touch_group(d, w, &f.group, &g);
        if (e)
            break;
        forget_old(d, w, g, rule_reach_ms(rule));
        e = add_hit(d, w, g, r, &at);
        f.rule = rule;
        if (!e && found && (go_on(g, rule, at, &f) || raise(d, g, rule, at, &f)))
            e = found(cookie, &f);
    }
    return e;
}

enum result detector_replay(struct detector *d, const struct log_record *r)
{
    return take(d, r, NULL, NULL);
}

enum result detector_feed(struct detector *d, const struct log_record *r,
                          enum result (*found)(void *cookie, const struct finding *f), void *cookie)
{
    return take(d, r, found, cookie);
}

enum result detector_recall(struct detector *d, struct text rule, const struct group_id *group, const struct episode *e)
{
    for (size_t i = 0; i < d->rules->rule_count; i++) {
        if (!text_equal(d->rules->rules[i].name, rule))
            continue;
        struct group *g;
        enum result r = touch_group(d, &d->rules_seen[i], group, &g);
        if (r)
            return r;
        if (g->touched < e->received)
            g->touched = e->received;
        add_episode(g, e);
    }
    return RESULT_OK;
}

/* ---- life ------------------------------------------------------------------------------------------------------ */

enum result detector_new(const struct rule_set *rules, const uint8_t key[32], const uint8_t seed[16], struct detector **out)
{
    struct detector *d = calloc(1, sizeof(*d));
    enum result r = RESULT_OK;

    if (!d)
        return RESULT_NO_MEMORY;
    d->rules = rules;
    memcpy(d->key, key, sizeof(d->key));
    for (size_t i = 0; i < rules->rule_count && !r; i++)
        r = hashmap_new(DETECTOR_GROUP_LEN, DETECTOR_GROUPS, seed, &d->rules_seen[i].groups);
    if (r)
        detector_free(d);
    else
        *out = d;
    return r;
}

void detector_free(struct detector *d)
{
    if (!d)
        return;
    for (size_t i = 0; i < d->rules->rule_count; i++) {
        struct watched *w = &d->rules_seen[i];
        while (w->oldest)
            drop_group(d, w, w->oldest);
        hashmap_free(w->groups);
    }
    sodium_memzero(d->key, sizeof(d->key));
    free(d);
}

const struct detector_stats *detector_stats(const struct detector *d)
{
    return &d->stats;
}
