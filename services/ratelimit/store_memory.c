#include "store_memory.h"

#include "hashmap.h"

#include <stdlib.h>

struct held {
    enum algorithm algorithm;
    uint64_t window_us;
    union account account;
};

/* Of a message that charged. They end in the order in which they began, so a ring is enough. */
struct record {
    uint8_t id[RECORD_ID_LEN];
    uint8_t fingerprint[FINGERPRINT_LEN];
    uint64_t until_us;
    size_t count;
    struct ruling rulings[MATCH_MAX];
    struct bytes terms;         /* owned */
};

struct store_memory {
    struct store store;         /* first: a store is this */
    struct store_memory_options options;
    struct hashmap *accounts;   /* to struct held */
    struct hashmap *index;      /* to struct record, in the ring */
    struct record *ring;
    size_t next;
    uint64_t full;
};

static void forget(struct store_memory *m, struct record *r)
{
    if (!r->terms.data)
        return;
    (void)hashmap_remove(m->index, r->id);
    free((void *)(uintptr_t)r->terms.data);
    r->terms = (struct bytes){ NULL, 0 };
}

/* Without memory for it the charge stands and a copy of the message would charge again: told as AWAY, before that. */
static struct record *record_begin(struct store_memory *m, const struct store_check *c, uint64_t clock_us)
{
    struct record *r = &m->ring[m->next];
    uint8_t *terms = malloc(c->terms.len + 1);

    if (!terms)
        return NULL;
    forget(m, r);
    if (hashmap_put(m->index, c->record, r)) {
        free(terms);
        return NULL;
    }
    if (c->terms.len > 0)
        memcpy(terms, c->terms.data, c->terms.len);
    memcpy(r->id, c->record, sizeof(r->id));
    memcpy(r->fingerprint, c->fingerprint, sizeof(r->fingerprint));
    r->until_us = clock_us + RECORD_MS * UINT64_C(1000);
    r->terms = (struct bytes){ terms, c->terms.len };
    m->next = (m->next + 1) % m->options.records;
    /* cppcheck-suppress memleak ; the record owns terms */
    return r;
}

static void answer_from_record(const struct store_check *c, const struct record *r, struct store_outcome *out)
{
    struct bytes rest;

    out->answer = STORE_CONFLICT;
    if (memcmp(r->fingerprint, c->fingerprint, sizeof(r->fingerprint)) != 0)
        return;
    out->answer = terms_decode(r->terms, out->terms, &out->count, &rest) ? STORE_AWAY : STORE_REPEATED;
    memcpy(out->rulings, r->rulings, sizeof(out->rulings));
}

static void free_held(struct held *h)
{
    if (h->algorithm == ALGORITHM_ROLLING)
        rolling_free(&h->account.rolling);
    free(h);
}

static bool visit_idle(void *cookie, const void *key, void *value)
{
    const uint64_t *clock_us = cookie;
    struct held *h = value;

    (void)key;
    if (!account_idle(&h->account, h->algorithm, h->window_us, *clock_us))
        return false;
    free_held(h);
    return true;
}

/* The account, made when it is not there; NULL when there is no room. */
static struct held *hold(struct store_memory *m, const struct claim *c)
{
    struct held *h = hashmap_get(m->accounts, c->account);

    if (h)
        return h;
    h = calloc(1, sizeof(*h));
    if (!h)
        return NULL;
    h->algorithm = c->algorithm;
    h->window_us = c->window_us;
    if (hashmap_put(m->accounts, c->account, h)) {
        free(h);
        return NULL;
    }
    return h;
}

/* rulings: as of a peek. A shadow claim that would deny is not charged. */
static bool any_charge(const struct store_check *c, const struct ruling *rulings)
{
    for (size_t i = 0; i < c->count; i++)
        if (rulings[i].allowed && c->claims[i].cost > 0)
            return true;
    return false;
}

static enum store_answer rule(struct store_memory *m, const struct store_check *c, uint64_t clock_us,
                              struct store_outcome *out)
{
    static union account nothing;
    union account *accounts[MATCH_MAX];
    struct record *record = NULL;
    bool allowed;

    if (hashmap_count(m->accounts) + c->count > m->options.accounts)
        hashmap_sweep(m->accounts, visit_idle, &clock_us);
    /* As a peek first: what will be charged is then known, and has its room before anything is. */
    for (size_t i = 0; i < c->count; i++) {
        struct held *h = hashmap_get(m->accounts, c->claims[i].account);

        accounts[i] = h ? &h->account : &nothing;
    }
    out->count = c->count;
    if (decide(c->claims, c->count, true, clock_us, accounts, out->rulings, &allowed))
        return STORE_AWAY;
    if (c->peek || !allowed || !any_charge(c, out->rulings))
        return STORE_RULED;

    for (size_t i = 0; i < c->count; i++) {
        struct held *h = hold(m, &c->claims[i]);

        if (!h)
            return STORE_AWAY;
        accounts[i] = &h->account;
    }
    record = record_begin(m, c, clock_us);
    if (!record)
        return STORE_AWAY;
    if (decide(c->claims, c->count, false, clock_us, accounts, out->rulings, &allowed)) {
        forget(m, record);
        return STORE_AWAY;
    }
    record->count = out->count;
    memcpy(record->rulings, out->rulings, sizeof(record->rulings));
    return STORE_RULED;
}

static void check(struct store *s, struct store_check *c, store_cb *cb, void *cookie)
{
    struct store_memory *m = (struct store_memory *)s;
    struct store_outcome out = { .answer = STORE_AWAY };
    uint64_t clock_us = m->options.clock_us(m->options.cookie);
    struct record *r = hashmap_get(m->index, c->record);

    if (r && r->until_us <= clock_us) {
        forget(m, r);
        r = NULL;
    }
    if (r)
        answer_from_record(c, r, &out);
    else
        out.answer = rule(m, c, clock_us, &out);
    m->full += out.answer == STORE_AWAY;
    cb(cookie, &out);
}

enum result store_memory_new(const struct store_memory_options *o, struct store_memory **out)
{
    struct store_memory *m = calloc(1, sizeof(*m));
    enum result r = RESULT_NO_MEMORY;

    if (!m)
        return r;
    m->store.check = check;
    m->options = *o;
    m->ring = calloc(o->records, sizeof(m->ring[0]));
    if (!m->ring)
        goto fail_memory;
    r = hashmap_new(POLICY_ACCOUNT_LEN, o->accounts, o->seed, &m->accounts);
    if (r)
        goto fail_ring;
    r = hashmap_new(RECORD_ID_LEN, o->records, o->seed, &m->index);
    if (r)
        goto fail_accounts;
    *out = m;
    return RESULT_OK;

fail_accounts:
    hashmap_free(m->accounts);
fail_ring:
    free(m->ring);
fail_memory:
    free(m);
    return r;
}

struct store *store_memory_store(struct store_memory *m)
{
    return &m->store;
}

size_t store_memory_accounts(const struct store_memory *m)
{
    return hashmap_count(m->accounts);
}

const uint64_t *store_memory_full(const struct store_memory *m)
{
    return &m->full;
}

static bool visit_free(void *cookie, const void *key, void *value)
{
    (void)cookie;
    (void)key;
    free_held(value);
    return true;
}

void store_memory_free(struct store_memory *m)
{
    if (!m)
        return;
    for (size_t i = 0; i < m->options.records; i++)
        forget(m, &m->ring[i]);
    hashmap_sweep(m->accounts, visit_free, NULL);
    hashmap_free(m->index);
    hashmap_free(m->accounts);
    free(m->ring);
    free(m);
}
