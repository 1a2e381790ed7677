#include "bearers.h"

#include "hashmap.h"

#include <stdlib.h>

enum {
    FLIGHTS_MAX = 16384,
    ROUNDS_MAX = 4,                     /* under way at once; what comes meanwhile gathers for the next */
};

#define ROW_FRESH_NS UINT64_C(1000000000)

const struct known_session bearer_unreadable;

/* The reading of one session, and who waits for it. */
struct flight {
    struct uuid id;
    struct flight *next;                /* of those that gather, or of its round */
    struct bearer_ask *asks, **last;
};

struct round {
    struct bearers *bearers;
    bool under_way;
    uint64_t began_ns;
    struct flight *flights;
    size_t count;
    struct uuid ids[BEARER_BATCH];
};

struct bearers {
    struct bearers_options options;
    struct hashmap *flights;            /* by session, gathering or under way */
    struct flight *gathering, **gathering_last;
    struct round rounds[ROUNDS_MAX];
    struct bearers_stats stats;
};

enum result bearers_new(const struct bearers_options *options, struct bearers **out)
{
    struct bearers *b = calloc(1, sizeof(*b));

    if (!b)
        return RESULT_NO_MEMORY;
    b->options = *options;
    b->gathering_last = &b->gathering;
    enum result r = hashmap_new(sizeof(struct uuid), FLIGHTS_MAX, options->seed, &b->flights);
    if (r) {
        free(b);
        return r;
    }
    *out = b;
    return RESULT_OK;
}

void bearers_free(struct bearers *b)
{
    if (!b)
        return;
    hashmap_free(b->flights);
    free(b);
}

const struct bearers_stats *bearers_stats(const struct bearers *b)
{
    return &b->stats;
}

static uint64_t boot_ns(const struct bearers *b)
{
    return b->options.boot_ns(b->options.cookie);
}

static uint64_t unix_ms(const struct bearers *b)
{
    return b->options.unix_ms(b->options.cookie);
}

/* ---- answers: the last thing done with an ask ----------------------------------------------------------------- */

static void tell(struct bearer_ask *ask, enum bearer_outcome outcome, const struct known_session *s, uint64_t now_ms)
{
    ask->now_ms = now_ms;
    ask->cb(ask->cookie, outcome, s);
}

static void tell_unavailable(struct bearers *b, struct bearer_ask *ask)
{
    b->stats.unavailable++;
    tell(ask, BEARER_UNAVAILABLE, NULL, 0);
}

static bool matches(const struct bearer_ask *ask, const struct known_session *s)
{
    return token_matches(&ask->token, (struct bytes){ s->digest, sizeof(s->digest) });
}

/* Out of memory, if that may be: the question of freshness is the last one before the answer. */
static bool told_from_memory(struct bearers *b, struct bearer_ask *ask)
{
    struct known_session *s = cache_find(b->options.cache, &ask->token.session);
    uint64_t now_ms = unix_ms(b);

    if (!s || !matches(ask, s) || !session_alive(b->options.lifetimes, &s->life, now_ms))
        return false;
    if (!b->options.fresh(b->options.cookie)) {
        b->stats.stale++;
        return false;
    }
    b->stats.hits++;
    tell(ask, BEARER_ALIVE, s, now_ms);
    return true;
}

/* ---- readings ------------------------------------------------------------------------------------------------- */

static void start_rounds(struct bearers *b);

static struct flight *flight_of(struct bearers *b, const struct uuid *id)
{
    struct flight *f = hashmap_get(b->flights, id);

    if (f) {
        b->stats.joined++;
        return f;
    }
    if (!(f = calloc(1, sizeof(*f))))
        return NULL;
    f->id = *id;
    f->last = &f->asks;
    if (hashmap_put(b->flights, id, f)) {
        free(f);
        return NULL;
    }
    *b->gathering_last = f;
    b->gathering_last = &f->next;
    b->stats.flights++;
    return f;
}

static void join(struct bearers *b, struct bearer_ask *ask)
{
    struct flight *f = flight_of(b, &ask->token.session);

    if (!f) {
        tell_unavailable(b, ask);
        return;
    }
    ask->next = NULL;
    *f->last = ask;
    f->last = &ask->next;
}

static void ask_again(struct bearers *b, struct bearer_ask *ask)
{
    if (boot_ns(b) >= ask->until_ns) {
        tell_unavailable(b, ask);
        return;
    }
    b->stats.again++;
    join(b, ask);
}

static void judge(struct bearers *b, struct bearer_ask *ask, const struct known_session *s, uint64_t now_ms, uint64_t began_ns)
{
    bool alive = s && session_alive(b->options.lifetimes, &s->life, now_ms);
    bool mine = s && matches(ask, s), was_mine = s && token_was(&ask->token, s->former);

    if (!mine || !alive) {
        /* What has ended, or given way to another token, has for good; all else may have become a session's since. */
        if (ask->joined_ns > began_ns && !(mine && s->life.ended) && !was_mine)
            ask_again(b, ask);
        else
            tell(ask, BEARER_DEAD, mine || was_mine ? s : NULL, now_ms);
        return;
    }
    if (boot_ns(b) - began_ns > ROW_FRESH_NS ||
        cache_overtaken(b->options.cache, &s->life.id, s->shown.user_id, began_ns)) {
        ask_again(b, ask);
        return;
    }
    tell(ask, BEARER_ALIVE, s, now_ms);
}

/* The end of a flight: from here on who asks begins another. */
static struct bearer_ask *land(struct bearers *b, struct flight *f)
{
    struct bearer_ask *asks = f->asks;

    hashmap_remove(b->flights, &f->id);
    b->stats.flights--;
    free(f);
    return asks;
}

static void answered(struct bearers *b, struct flight *f, const struct known_session *s, uint64_t began_ns)
{
    uint64_t now_ms = unix_ms(b);

    if (s && session_alive(b->options.lifetimes, &s->life, now_ms))
        cache_keep(b->options.cache, s, began_ns);
    else
        cache_forget(b->options.cache, &f->id);
    for (struct bearer_ask *ask = land(b, f), *next; ask; ask = next) {
        next = ask->next;
        judge(b, ask, s, now_ms, began_ns);
    }
}

static void unanswered(struct bearers *b, struct flight *f)
{
    for (struct bearer_ask *ask = land(b, f), *next; ask; ask = next) {
        next = ask->next;
        tell_unavailable(b, ask);
    }
}

static void finish(struct round *round, const struct known_session *const *rows)
{
    struct bearers *b = round->bearers;
    struct flight *f = round->flights;

    for (size_t i = 0; i < round->count; i++) {
        struct flight *next = f->next;
        if (rows && rows[i] != &bearer_unreadable)
            answered(b, f, rows[i], round->began_ns);
        else
            unanswered(b, f);
        f = next;
    }
    round->under_way = false;
}

static void on_rows(void *cookie, const struct known_session *const *rows)
{
    struct round *round = cookie;

    finish(round, rows);
    start_rounds(round->bearers);
}

static struct round *free_round(struct bearers *b)
{
    for (size_t i = 0; i < ROUNDS_MAX; i++)
        if (!b->rounds[i].under_way)
            return &b->rounds[i];
    return NULL;
}

/* Takes the flights that have gathered, as many as go into one. */
static void fill(struct bearers *b, struct round *round)
{
    struct flight *last = NULL;

    *round = (struct round){ .bearers = b, .under_way = true, .began_ns = boot_ns(b), .flights = b->gathering };
    for (struct flight *f = b->gathering; f && round->count < BEARER_BATCH; f = f->next) {
        round->ids[round->count++] = f->id;
        last = f;
    }
    b->gathering = last->next;
    if (!b->gathering)
        b->gathering_last = &b->gathering;
    last->next = NULL;
}

static void start_rounds(struct bearers *b)
{
    struct round *round;

    while (b->gathering && (round = free_round(b))) {
        fill(b, round);
        b->stats.reads += round->count;
        if (b->options.store->read(b->options.store, round->ids, round->count, on_rows, round))
            finish(round, NULL);
    }
}

void bearers_find(struct bearers *b, struct text token, struct bearer_ask *ask)
{
    if (token_parse(token, &ask->token)) {
        tell(ask, BEARER_DEAD, NULL, unix_ms(b));
        return;
    }
    if (told_from_memory(b, ask))
        return;
    ask->joined_ns = boot_ns(b);
    join(b, ask);
    start_rounds(b);
}
