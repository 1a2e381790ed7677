#include "rings_open.h"

#include "clock.h"
#include "counts.h"
#include "durable.h"
#include "entropy.h"
#include "log.h"
#include "metrics.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    COUNT_TICKS = 4,                    /* between writings */
    BATCH_BYTES = 16384,
    QUERY_MS = 2000,
    WHY_MAX = 160,
};

#define NS_PER_MS UINT64_C(1000000)

enum rings_phase { RINGS_WAITING, RINGS_MAKING, RINGS_READING };

struct rings {
    struct rings_options options;
    enum rings_phase phase;
    struct keyset *set;                 /* NULL until first read */
    int64_t epoch;                      /* 0: all is to be read */
    uint64_t confirmed_ns;              /* beginning of the newest reading that found `epoch` */
    uint64_t asked_ns;
    bool asking, told;
    char broken[WHY_MAX];               /* a version that does not open; "" */
    struct counts *counts;
    unsigned ticks;
    struct {
        uint64_t reads, reloads, failures, stale;
    } stats;
};

/* ---- what is in memory --------------------------------------------------------------------------------------------- */

static bool fresh(const struct rings *r)
{
    return r->set && clock_boot_ns() - r->confirmed_ns <= RINGS_TRUST_MS * NS_PER_MS;
}

struct keyset *rings_take(struct rings *r)
{
    if (fresh(r))
        return keyset_hold(r->set);
    r->stats.stale++;
    return NULL;
}

bool rings_hold_true(const struct rings *r, const struct keyset *set)
{
    return set == r->set && fresh(r);
}

static enum result read_row(struct pg_batch *b, size_t stmt, size_t row, struct ring_row *out)
{
    enum result r = ring_of(pg_text(b, stmt, row, 0), &out->ring);

    if (!r)
        r = ring_state_of(pg_text(b, stmt, row, 3), &out->state);
    out->version = (uint32_t)pg_int(b, stmt, row, 1);
    out->realm = pg_text(b, stmt, row, 2);
    out->root_version = (uint32_t)pg_int(b, stmt, row, 4);
    out->wrapped = pg_bytes(b, stmt, row, 5);
    out->uses = (uint64_t)pg_int(b, stmt, row, 6);
    out->wraps = (uint64_t)pg_int(b, stmt, row, 7);
    return r;
}

/* Named, so that an operator finds the row or the file; the other versions serve on. */
static void say_broken(struct rings *r, const struct ring_row *row, enum result why)
{
    snprintf(r->broken, sizeof(r->broken), "%s/%u does not open under root version %u (%s)", ring_text(row->ring).data,
             row->version, row->root_version,
             why == RESULT_NOT_FOUND ? "which HLIDKA_ROOT_KEY_FILE does not have" : "another root key, or a row that was changed");
    log_error("crypto.ring_key_broken", LOG_TEXT("ring", ring_text(row->ring)), LOG_UINT("version", row->version),
              LOG_UINT("root_version", row->root_version), LOG_RESULT(why));
}

/* Every ring has an active version from the first start on, unless somebody emptied ring_keys or left it out of a restore. */
static void say_lost(struct rings *r, enum ring ring)
{
    snprintf(r->broken, sizeof(r->broken), "%s has no active version: ring_keys was not restored with its database",
             ring_text(ring).data);
    log_error("crypto.ring_lost", LOG_TEXT("ring", ring_text(ring)));
}

static enum result build(struct rings *r, struct pg_batch *b, size_t stmt, struct keyset **out)
{
    enum result e = keyset_new(out);

    r->broken[0] = '\0';
    for (size_t i = 0; i < pg_rows(b, stmt) && !e; i++) {
        struct ring_row row = { .version = 0 };
        e = read_row(b, stmt, i, &row);
        if (!e)
            e = keyset_add(*out, r->options.roots, &row);
        if (e == RESULT_NOT_AUTHENTIC || e == RESULT_NOT_FOUND) {
            say_broken(r, &row, e);
            e = RESULT_OK;
        }
    }
    if (!e && pg_misread(b))
        e = RESULT_INTERNAL;
    for (unsigned i = 0; i < RING_COUNT && !e && !r->broken[0]; i++)
        if (!keyset_active(*out, (enum ring)i, (struct text){ NULL, 0 }))
            say_lost(r, (enum ring)i);
    if (e)
        keyset_release(*out);
    return e;
}

static void tell(struct rings *r)
{
    const struct ring_key *own = keyset_active(r->set, RING_SERVICE, (struct text){ NULL, 0 });

    if (r->told || !own || !own->content)
        return;
    r->told = true;
    r->options.known(r->options.cookie, own->content);
}

/* ---- reading ------------------------------------------------------------------------------------------------------- */

static void on_read(void *cookie, struct pg_batch *b)
{
    struct rings *r = cookie;
    struct keyset *set;

    r->asking = false;
    if (pg_outcome(b) != PG_DONE) {
        r->stats.failures++;
        pg_batch_free(b);
        return;
    }
    r->stats.reads++;
    int64_t epoch = pg_int(b, 0, 0, 0);
    bool whole = pg_count(b) > 1;
    if (!whole && epoch == r->epoch && r->set) {
        r->confirmed_ns = r->asked_ns;
        pg_batch_free(b);
        return;
    }
    if (!whole) {                       /* something changed: read it all at the next turn */
        r->epoch = 0;
        pg_batch_free(b);
        rings_tick(r);
        return;
    }
    enum result e = build(r, b, 1, &set);
    pg_batch_free(b);
    if (e) {
        r->stats.failures++;
        log_error("crypto.ring_keys", LOG_RESULT(e));
        return;
    }
    keyset_release(r->set);
    r->set = set;
    r->epoch = epoch;
    r->confirmed_ns = r->asked_ns;
    r->stats.reloads++;
    tell(r);
}

static void ask(struct rings *r)
{
    static const struct pg_statement EPOCH = { "key_epoch", "SELECT epoch FROM key_epoch", "" };
    static const struct pg_statement KEYS = { "ring_keys",
        "SELECT k.ring, k.version, k.realm, k.state, coalesce(k.root_version, 0), k.wrapped,"
        " coalesce(u.uses, 0), coalesce(u.wraps, 0)"
        " FROM ring_keys k LEFT JOIN ring_uses u USING (ring, version) ORDER BY ring, version", "" };
    struct pg_batch *b;

    if (pg_batch_new(BATCH_BYTES, &b))
        return;
    /* The epoch first: what changes between the two statements shows at the next reading. */
    enum result e = pg_add(b, &EPOCH);
    if (!e && r->epoch == 0)
        e = pg_add(b, &KEYS);
    r->asked_ns = clock_boot_ns();
    if (!e)
        e = pg_submit(durable_pg(r->options.durable), b, QUERY_MS, on_read, r);
    r->asking = !e;
    if (e) {
        r->stats.failures++;
        pg_batch_free(b);
    }
}

/* ---- the first keys ------------------------------------------------------------------------------------------------ */

static enum result add_first(struct rings *r, struct pg_batch *b, enum ring ring)
{
    static const struct pg_statement MAKE = { "ring_key_first",
        "INSERT INTO ring_keys (ring, version, state, root_version, wrapped)"
        " SELECT $1, 1, 'active', $2, $3 FROM key_epoch WHERE NOT made", "tib" };
    uint8_t nonce[GCM_NONCE_LEN], wrapped[WRAP_LEN];
    struct secret *key;
    enum result e = secret_new(RING_KEY_LEN, &key);

    if (e)
        return e;
    entropy_fill(secret_fill(key), RING_KEY_LEN);
    entropy_fill(nonce, sizeof(nonce));
    e = ring_key_make(r->options.roots, ring, (struct text){ NULL, 0 }, 1, key, nonce, wrapped);
    secret_free(key);
    return e ? e : pg_add(b, &MAKE, PG_TEXT(ring_text(ring)), PG_INT(roots_newest(r->options.roots)),
                          PG_BYTES(((struct bytes){ wrapped, sizeof(wrapped) })));
}

static void on_made(void *cookie, struct pg_batch *b)
{
    struct rings *r = cookie;
    enum pg_outcome outcome = pg_outcome(b);

    if (outcome == PG_DONE)
        r->phase = RINGS_READING;
    else
        log_warn("crypto.first_keys", LOG_STR("outcome", pg_outcome_text(outcome)), LOG_STR("sqlstate", pg_sqlstate(b)));
    r->asking = false;
    pg_batch_free(b);
    if (outcome == PG_DONE)
        rings_tick(r);
}

/* Once in the life of a database: what a ring of before was used for would not open under another first version. */
static void make_first(struct rings *r)
{
    static const struct pg_statement ALONE = { "ring_keys_alone", "SELECT FROM key_epoch FOR UPDATE", "" };
    static const struct pg_statement MADE = { "ring_keys_made", "UPDATE key_epoch SET made = true WHERE NOT made", "" };
    struct pg_batch *b;

    if (pg_batch_new(BATCH_BYTES, &b))
        return;
    enum result e = pg_add(b, &ALONE);
    for (unsigned i = 0; i < RING_COUNT && !e; i++)
        e = add_first(r, b, (enum ring)i);
    if (!e)
        e = pg_add(b, &MADE);
    if (!e)
        e = pg_submit(durable_pg(r->options.durable), b, QUERY_MS, on_made, r);
    r->asking = !e;
    if (e) {
        log_warn("crypto.first_keys", LOG_RESULT(e));
        pg_batch_free(b);
    }
}

/* ---- life ---------------------------------------------------------------------------------------------------------- */

/* What PostgreSQL has counted, known to the set in force. */
static void counted(void *cookie, const struct count *c)
{
    struct rings *r = cookie;

    if (r->set)
        keyset_counted(r->set, c->ring, c->version, c->uses, c->wraps);
}

void rings_count(struct rings *r, const struct ring_key *k, uint64_t uses, uint64_t wraps)
{
    counts_add(r->counts, &(struct count){ k->ring, k->version, uses, wraps });
}

void rings_count_first(struct rings *r, const struct ring_key *k, uint64_t uses, void (*done)(void *cookie, bool counted),
                       void *cookie)
{
    counts_write_now(r->counts, &(struct count){ k->ring, k->version, uses, 0 }, done, cookie);
}

enum result rings_new(const struct rings_options *options, struct rings **out)
{
    struct rings *r = calloc(1, sizeof(*r));

    if (!r)
        return RESULT_NO_MEMORY;
    r->options = *options;
    enum result e = counts_new(options->durable, counted, r, &r->counts);
    if (e)
        free(r);
    else
        *out = r;
    return e;
}

enum result rings_metrics(struct rings *r, struct metrics *m)
{
    const struct {
        const char *name, *help;
        const uint64_t *value;
    } counters[] = {
        { "hlidka_crypto_epoch_reads_total", "Readings of the key epoch.", &r->stats.reads },
        { "hlidka_crypto_epoch_failures_total", "Readings of it that failed.", &r->stats.failures },
        { "hlidka_crypto_keys_reloads_total", "Times that the ring keys were read anew.", &r->stats.reloads },
        { "hlidka_crypto_keys_stale_total", "Uses of a key refused because its epoch had not been confirmed within 1 s.",
          &r->stats.stale },
    };
    enum result e = RESULT_OK;

    for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]) && !e; i++)
        e = metrics_counter(m, counters[i].name, counters[i].help, NULL, counters[i].value);
    return e;
}

void rings_start(struct rings *r)
{
    r->phase = RINGS_MAKING;
    rings_tick(r);
}

void rings_tick(struct rings *r)
{
    if (!r->asking && r->phase == RINGS_MAKING)
        make_first(r);
    else if (!r->asking && r->phase == RINGS_READING)
        ask(r);
    if (++r->ticks % COUNT_TICKS == 0)
        counts_write(r->counts);
}

void rings_drain(struct rings *r)
{
    counts_write(r->counts);
}

void rings_ready(const struct rings *r, struct buffer *reasons)
{
    enum result e = RESULT_OK;

    if (r->phase != RINGS_WAITING && !fresh(r))
        e = buffer_printf(reasons, "keys: their epoch has not been read within %u ms\n", RINGS_TRUST_MS);
    if (!e && r->broken[0])
        e = buffer_printf(reasons, "keys: %s\n", r->broken);
    if (e)
        log_error("crypto.ready", LOG_RESULT(e));
}

void rings_free(struct rings *r)
{
    if (!r)
        return;
    keyset_release(r->set);
    counts_free(r->counts);
    free(r);
}
