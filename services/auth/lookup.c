#include "lookup.h"

#include "hashmap.h"

#include <stdlib.h>

enum {
    FLIGHTS_MAX = 16384,
    ROUNDS_MAX = 4,                     /* under way at once; what comes meanwhile gathers for the next */
};

#define ROW_FRESH_NS UINT64_C(1000000000)

/* The reading of one session, and who waits for it. */
struct flight {
    struct uuid id;
    struct flight *next;                /* of those that gather, or of its round */
    struct lookup_ask *asks, **last;
};

struct round {
    struct lookup *lookup;
    bool under_way;
    uint64_t began_ns;
    struct flight *flights;
    size_t count;
    struct uuid ids[LOOKUP_BATCH];
};

struct lookup {
    struct lookup_options options;
    struct hashmap *flights;            /* by session, gathering or under way */
    struct flight *gathering, **gathering_last;
    struct round rounds[ROUNDS_MAX];
    struct lookup_stats stats;
};

enum result lookup_new(const struct lookup_options *options, struct lookup **out)
{
    struct lookup *l = calloc(1, sizeof(*l));

    if (!l)
        return RESULT_NO_MEMORY;
    l->options = *options;
    l->gathering_last = &l->gathering;
    enum result r = hashmap_new(sizeof(struct uuid), FLIGHTS_MAX, options->seed, &l->flights);
    if (r) {
        free(l);
        return r;
    }
    *out = l;
    return RESULT_OK;
}

void lookup_free(struct lookup *l)
{
    if (!l)
        return;
    hashmap_free(l->flights);
    free(l);
}

const struct lookup_stats *lookup_stats(const struct lookup *l)
{
    return &l->stats;
}

static uint64_t boot_ns(const struct lookup *l)
{
    return l->options.boot_ns(l->options.cookie);
}

/* ---- answers: the last thing done with an ask ----------------------------------------------------------------- */

static void tell(struct lookup_ask *ask, enum lookup_outcome outcome, const struct known_session *s)
{
    ask->cb(ask->cookie, outcome, s);
}

static void tell_unavailable(struct lookup *l, struct lookup_ask *ask)
{
    l->stats.unavailable++;
    tell(ask, LOOKUP_UNAVAILABLE, NULL);
}

static bool matches(const struct lookup_ask *ask, const struct known_session *s)
{
    return token_matches(&ask->token, (struct bytes){ s->digest, sizeof(s->digest) });
}

/* Out of memory, if that may be: the question of freshness is the last one before the answer. */
static bool told_from_memory(struct lookup *l, struct lookup_ask *ask)
{
    struct known_session *s = cache_find(l->options.cache, &ask->token.session);

    if (!s || !matches(ask, s) || !session_alive(l->options.lifetimes, &s->life, l->options.unix_ms(l->options.cookie)))
        return false;
    if (!l->options.fresh(l->options.cookie)) {
        l->stats.stale++;
        return false;
    }
    l->stats.hits++;
    tell(ask, LOOKUP_ALIVE, s);
    return true;
}

/* ---- readings ------------------------------------------------------------------------------------------------- */

static void start_rounds(struct lookup *l);

static struct flight *flight_of(struct lookup *l, const struct uuid *id)
{
    struct flight *f = hashmap_get(l->flights, id);

    if (f) {
        l->stats.joined++;
        return f;
    }
    if (!(f = calloc(1, sizeof(*f))))
        return NULL;
    f->id = *id;
    f->last = &f->asks;
    if (hashmap_put(l->flights, id, f)) {
        free(f);
        return NULL;
    }
    *l->gathering_last = f;
    l->gathering_last = &f->next;
    l->stats.flights++;
    return f;
}

static void join(struct lookup *l, struct lookup_ask *ask)
{
    struct flight *f = flight_of(l, &ask->token.session);

    if (!f) {
        tell_unavailable(l, ask);
        return;
    }
    ask->next = NULL;
    *f->last = ask;
    f->last = &ask->next;
}

static void ask_again(struct lookup *l, struct lookup_ask *ask)
{
    if (boot_ns(l) >= ask->until_ns) {
        tell_unavailable(l, ask);
        return;
    }
    l->stats.again++;
    join(l, ask);
}

static void judge(struct lookup *l, struct lookup_ask *ask, const struct known_session *s, bool alive, uint64_t began_ns)
{
    bool mine = s && matches(ask, s);

    if (!mine || !alive) {
        if (ask->joined_ns > began_ns)
            ask_again(l, ask);
        else
            tell(ask, LOOKUP_DEAD, mine ? s : NULL);
        return;
    }
    if (boot_ns(l) - began_ns > ROW_FRESH_NS ||
        cache_overtaken(l->options.cache, &s->life.id, s->shown.user_id, began_ns)) {
        ask_again(l, ask);
        return;
    }
    tell(ask, LOOKUP_ALIVE, s);
}

/* The end of a flight: from here on who asks begins another. */
static struct lookup_ask *land(struct lookup *l, struct flight *f)
{
    struct lookup_ask *asks = f->asks;

    hashmap_remove(l->flights, &f->id);
    l->stats.flights--;
    free(f);
    return asks;
}

static void answered(struct lookup *l, struct flight *f, const struct known_session *s, uint64_t began_ns)
{
    bool alive = s && session_alive(l->options.lifetimes, &s->life, l->options.unix_ms(l->options.cookie));

    if (alive)
        cache_keep(l->options.cache, s, began_ns);
    else
        cache_forget(l->options.cache, &f->id);
    for (struct lookup_ask *ask = land(l, f), *next; ask; ask = next) {
        next = ask->next;
        judge(l, ask, s, alive, began_ns);
    }
}

static void unanswered(struct lookup *l, struct flight *f)
{
    for (struct lookup_ask *ask = land(l, f), *next; ask; ask = next) {
        next = ask->next;
        tell_unavailable(l, ask);
    }
}

static void finish(struct round *round, const struct known_session *const *rows)
{
    struct lookup *l = round->lookup;
    struct flight *f = round->flights;

    for (size_t i = 0; i < round->count; i++) {
        struct flight *next = f->next;
        if (rows)
            answered(l, f, rows[i], round->began_ns);
        else
            unanswered(l, f);
        f = next;
    }
    round->under_way = false;
}

static void on_rows(void *cookie, const struct known_session *const *rows)
{
    struct round *round = cookie;

    finish(round, rows);
    start_rounds(round->lookup);
}

static struct round *free_round(struct lookup *l)
{
    for (size_t i = 0; i < ROUNDS_MAX; i++)
        if (!l->rounds[i].under_way)
            return &l->rounds[i];
    return NULL;
}

/* Takes the flights that have gathered, as many as go into one. */
static void fill(struct lookup *l, struct round *round)
{
    struct flight *last = NULL;

    *round = (struct round){ .lookup = l, .under_way = true, .began_ns = boot_ns(l), .flights = l->gathering };
    for (struct flight *f = l->gathering; f && round->count < LOOKUP_BATCH; f = f->next) {
        round->ids[round->count++] = f->id;
        last = f;
    }
    l->gathering = last->next;
    if (!l->gathering)
        l->gathering_last = &l->gathering;
    last->next = NULL;
}

static void start_rounds(struct lookup *l)
{
    struct round *round;

    while (l->gathering && (round = free_round(l))) {
        fill(l, round);
        l->stats.reads += round->count;
        if (l->options.store->read(l->options.store, round->ids, round->count, on_rows, round))
            finish(round, NULL);
    }
}

void lookup_token(struct lookup *l, struct text token, struct lookup_ask *ask)
{
    if (token_parse(token, &ask->token)) {
        tell(ask, LOOKUP_DEAD, NULL);
        return;
    }
    if (told_from_memory(l, ask))
        return;
    ask->joined_ns = boot_ns(l);
    join(l, ask);
    start_rounds(l);
}
