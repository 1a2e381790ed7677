#include "leader.h"

#include "entropy.h"
#include "log.h"

#include <stdlib.h>

enum {
    TRY_MS = 1000,                      /* between two looks at a lease that another holds */
    AGAIN_MS = 200,                     /* after a failure of one's own */
    TAMPERED_MS = 30000,
    HOLD_MS = 1000,                     /* of the lease's 3 s */
    OWN_MS = 500,                       /* at most so long until the log says what it has to say itself */
    CAREFUL_MS = 600000,                /* after an event that came twice */
    CALM = 16,                          /* transactions that commit before they grow again */
};

enum leader_state { STANDBY, TAKING, LOADING, REPLAYING, LEADING };

struct leader {
    struct leader_options o;
    enum leader_state state;
    bool busy;                          /* a call of the store is under way */
    bool holding;                       /* … and so is one that holds the lease while it begins */
    int64_t holding_epoch;
    enum store_outcome kept;            /* what became of that */
    bool broken;                        /* the feed has ended; so does the leadership, when the call is back */
    bool stopping;
    void (*stopped)(void *cookie);
    void *cookie;

    int64_t epoch;
    uint64_t try_ms, held_ms, own_ms;   /* CLOCK_BOOTTIME: the next try; when the lease was last held, the log last asked */
    struct writer_state writer;
    struct cycle *cycle;
    const struct feed_batch *batch;     /* in hand */
    size_t batch_max;
    unsigned calm;
    struct cycle_poison poison;
    uint64_t careful_ms;                /* CLOCK_BOOTTIME: until then what may come twice is looked for */
    const char *fault;

    uint64_t records, events, repeats, cycles, given_up, rejected;
    double leading, size, subjects, producers;      /* gauges */
};

static void settle(struct leader *l);
static void go_on(struct leader *l);
static void looked(void *cookie, enum store_outcome o);
static void written(void *cookie, enum store_outcome o);

/* ---- its state ------------------------------------------------------------------------------------------------ */

static void free_writer(struct leader *l)
{
    producers_free(l->writer.producers);
    newcomers_free(l->writer.newcomers);
    subject_cache_free(l->writer.cache);
}

enum result leader_new(const struct leader_options *options, struct leader **out)
{
    struct leader *l = calloc(1, sizeof(*l));
    uint8_t seed[16];
    enum result r;

    if (!l)
        return RESULT_NO_MEMORY;
    l->o = *options;
    l->batch_max = FEED_BATCH_MAX;
    entropy_fill(seed, sizeof(seed));
    r = producers_new(seed, &l->writer.producers);
    if (!r)
        r = newcomers_new(options->newcomers_per_minute, seed, &l->writer.newcomers);
    if (!r)
        r = subject_cache_new(SUBJECT_CACHE_MAX, seed, &l->writer.cache);
    if (!r)
        r = cycle_new(options->store->keys, &l->writer, options->watch, seed, &l->cycle);
    if (r)
        leader_free(l);
    else
        *out = l;
    return r;
}

void leader_free(struct leader *l)
{
    if (!l)
        return;
    cycle_free(l->cycle);
    free_writer(l);
    free(l);
}

/* All that is only true while nobody else writes. */
static enum result forget(struct leader *l)
{
    uint8_t seed[16];

    entropy_fill(seed, sizeof(seed));
    subject_cache_clear(l->writer.cache);
    producers_free(l->writer.producers);
    l->writer.producers = NULL;
    memset(&l->writer.tree, 0, sizeof(l->writer.tree));
    l->writer.minute = 0;
    if (l->o.watch)
        l->o.watch->forget(l->o.watch->cookie);
    return producers_new(seed, &l->writer.producers);
}

/* ---- giving up ------------------------------------------------------------------------------------------------ */

/* Halves, until what is to blame is alone. */
static void blame(struct leader *l)
{
    size_t count = l->batch ? l->batch->count : 0;

    if (count == 1) {
        l->poison = (struct cycle_poison){ true, l->batch->items[0].partition, l->batch->items[0].offset };
        log_error("audit.event_refused", LOG_INT("partition", l->poison.partition), LOG_INT("offset", l->poison.offset));
    } else if (count > 1) {
        l->batch_max = count / 2;
    }
    l->calm = 0;
}

static void stand_by(struct leader *l, enum store_outcome o)
{
    static const struct {
        const char *why;
        unsigned wait_ms;
    } AS[] = {
        [STORE_DONE] = { "the feed has ended, or the rules are new", AGAIN_MS },
        [STORE_LEASE_LOST] = { "the lease has passed", TRY_MS },
        [STORE_REPEATED] = { "an event came twice", 0 },
        [STORE_REFUSED] = { "refused", AGAIN_MS },
        [STORE_AWAY] = { "away", TRY_MS },
        [STORE_TAMPERED] = { "tampered", TAMPERED_MS },
    };

    if (l->state > TAKING) {
        log_warn("audit.stands_by", LOG_STR("why", AS[o].why), LOG_INT("epoch", l->epoch));
        l->given_up++;
        l->o.feed.end(l->o.feed.cookie);
    }
    l->fault = o == STORE_TAMPERED ? "what is stored is not what was written (audit.*_tampered in the log)" : NULL;
    if (o == STORE_REFUSED)
        blame(l);
    if (o == STORE_REPEATED)
        l->careful_ms = l->o.boot_ms() + CAREFUL_MS;
    cycle_close(l->cycle, false);
    l->batch = NULL;
    l->broken = false;
    l->state = STANDBY;
    l->epoch = 0;
    l->try_ms = l->o.boot_ms() + AS[o].wait_ms;
}

static void finish_stop(struct leader *l)
{
    void (*stopped)(void *cookie) = l->stopped;
    void *cookie = l->cookie;

    l->state = STANDBY;
    l->epoch = 0;
    l->stopped = NULL;
    if (stopped)
        stopped(cookie);
}

static void released(void *cookie, enum store_outcome o)
{
    (void)o;
    finish_stop(cookie);
}

static void give_lease_back_if_idle(struct leader *l)
{
    if (l->busy || l->holding)
        return;
    cycle_close(l->cycle, false);
    if (l->state <= TAKING || log_store_lease_release(l->o.store, l->epoch, released, l))
        finish_stop(l);
}

/* A call of the store is back. True: the leadership goes on. */
static bool goes_on(struct leader *l, enum store_outcome o)
{
    l->busy = false;
    if (l->stopping) {
        give_lease_back_if_idle(l);
        return false;
    }
    if (o == STORE_DONE)
        o = l->kept;
    if (o == STORE_DONE && !l->broken)
        return true;
    stand_by(l, o);
    return false;
}

static enum store_outcome meaning(enum result r)
{
    switch (r) {
    case RESULT_OK:
        return STORE_DONE;
    case RESULT_NO_MEMORY:
    case RESULT_UNAVAILABLE:
    case RESULT_FULL:
    case RESULT_CLOSED:
        return STORE_AWAY;
    default:
        return STORE_REFUSED;
    }
}

/* A call of the store has begun, or could not. */
static void began(struct leader *l, enum result r)
{
    l->busy = r == RESULT_OK;
    if (r) {
        log_warn("audit.leader", LOG_RESULT(r));
        stand_by(l, meaning(r));
    }
}

/* ---- a cycle -------------------------------------------------------------------------------------------------- */

static void begin_cycle(struct leader *l)
{
    uint64_t now = l->o.boot_ms();

    l->cycle->poison = l->poison;
    l->cycle->careful = now < l->careful_ms;
    enum result r = cycle_take(l->cycle, l->batch, l->o.now_ms());
    if (!r && now - l->own_ms < OWN_MS && !cycle_must_look(l->cycle)) {
        settle(l);
        return;
    }
    l->own_ms = now;
    began(l, r ? r : log_store_look(l->o.store, l->cycle, looked, l));
}

static void count(struct leader *l)
{
    l->cycles++;
    l->records += l->cycle->rows.count;
    l->events += l->cycle->rows.seen_count;
    l->repeats += l->cycle->events - l->cycle->rows.seen_count;
}

/* What the cycle has taken in; one that has come meanwhile is another. */
static void batch_done(struct leader *l)
{
    if (!l->cycle->batch)
        return;
    if (l->cycle->rejected) {
        l->rejected++;
        l->poison.any = false;
        l->o.feed.reject(l->o.feed.cookie, l->cycle->rejected);
    }
    if (++l->calm >= CALM && l->batch_max < FEED_BATCH_MAX)
        l->batch_max = l->batch_max * 2 < FEED_BATCH_MAX ? l->batch_max * 2 : FEED_BATCH_MAX;
    l->batch = NULL;
    l->o.feed.next(l->o.feed.cookie, l->batch_max);
}

static void settle(struct leader *l)
{
    enum result r = cycle_settle(l->cycle);
    if (!r && cycle_empty(l->cycle)) {
        batch_done(l);
        cycle_close(l->cycle, false);
        go_on(l);
        return;
    }
    began(l, r ? r : log_store_write(l->o.store, l->epoch, l->cycle, written, l));
}

static void looked(void *cookie, enum store_outcome o)
{
    if (goes_on(cookie, o))
        settle(cookie);
}

static void written(void *cookie, enum store_outcome o)
{
    struct leader *l = cookie;

    /* The end of a leadership does not undo what it has written. */
    if (o == STORE_DONE)
        count(l);
    if (!goes_on(l, o))
        return;
    l->held_ms = l->o.boot_ms();
    batch_done(l);
    cycle_close(l->cycle, true);
    go_on(l);
}

/* With the batch that is in hand, if there is one. */
static void go_on(struct leader *l)
{
    if (l->state == LEADING && l->batch && !l->busy && !l->stopping)
        begin_cycle(l);
}

void leader_batch(struct leader *l, const struct feed_batch *batch)
{
    l->batch = batch;
    go_on(l);
}

void leader_feed_broken(struct leader *l)
{
    if (l->state <= TAKING)
        return;
    l->broken = true;
    if (!l->busy)
        stand_by(l, STORE_DONE);
}

/* ---- its beginning -------------------------------------------------------------------------------------------- */

static void lead(struct leader *l)
{
    l->state = LEADING;
    l->fault = NULL;
    l->own_ms = l->o.boot_ms();
    log_info("audit.leads", LOG_INT("epoch", l->epoch), LOG_UINT("size", l->writer.tree.size));
}

static void replayed(void *cookie, enum store_outcome o)
{
    struct leader *l = cookie;

    if (!goes_on(l, o))
        return;
    lead(l);
    go_on(l);
}

static void recalled(void *cookie, enum result r)
{
    struct leader *l = cookie;

    if (!goes_on(l, meaning(r)))
        return;
    began(l, log_store_replay(l->o.store, l->o.watch, replayed, l));
}

static void loaded(void *cookie, enum store_outcome o, const struct feed_offset *offsets, size_t count)
{
    struct leader *l = cookie;

    if (!goes_on(l, o))
        return;
    /* It fills while the watch is told; its first batch waits for that. */
    l->state = REPLAYING;
    l->o.feed.begin(l->o.feed.cookie, offsets, count, l->batch_max);
    if (l->o.watch)
        began(l, l->o.watch->recall(l->o.watch->cookie, recalled, l));
    else
        lead(l);
}

static void taken(void *cookie, enum store_outcome o, int64_t epoch)
{
    struct leader *l = cookie;

    if (!goes_on(l, o))
        return;
    if (epoch == 0) {                   /* another's */
        l->state = STANDBY;
        l->try_ms = l->o.boot_ms() + TRY_MS;
        return;
    }
    l->epoch = epoch;
    l->state = LOADING;
    l->held_ms = l->o.boot_ms();
    l->kept = STORE_DONE;
    enum result r = forget(l);
    began(l, r ? r : log_store_load(l->o.store, &l->writer, loaded, l));
}

static void held(void *cookie, enum store_outcome o)
{
    struct leader *l = cookie;

    if (!goes_on(l, o))
        return;
    l->held_ms = l->o.boot_ms();
    go_on(l);
}

/* What was held while it began; of an earlier beginning it says nothing. */
static void kept(void *cookie, enum store_outcome o)
{
    struct leader *l = cookie;

    l->holding = false;
    if (l->holding_epoch == l->epoch) {
        l->kept = o;
        l->held_ms = l->o.boot_ms();
    }
    if (l->stopping)
        give_lease_back_if_idle(l);
}

/* To read and to replay may take longer than the lease. */
static void keep_lease(struct leader *l)
{
    l->holding_epoch = l->epoch;
    l->holding = log_store_lease_hold(l->o.store, l->epoch, kept, l) == RESULT_OK;
}

void leader_tick(struct leader *l)
{
    uint64_t now = l->o.boot_ms();

    if ((l->state == LOADING || l->state == REPLAYING) && !l->holding && !l->stopping && now - l->held_ms >= HOLD_MS)
        keep_lease(l);
    if (l->busy || l->stopping)
        return;
    if (l->state == STANDBY && now >= l->try_ms) {
        l->state = TAKING;
        began(l, log_store_lease_take(l->o.store, taken, l));
    } else if (l->state == LEADING && l->batch) {
        go_on(l);
    } else if (l->state == LEADING && now - l->held_ms >= HOLD_MS) {
        began(l, log_store_lease_hold(l->o.store, l->epoch, held, l));
    } else if (l->state == LEADING && now - l->own_ms >= OWN_MS) {
        begin_cycle(l);
    }
}

void leader_renew(struct leader *l)
{
    leader_feed_broken(l);
}

/* ---- its end -------------------------------------------------------------------------------------------------- */

void leader_stop(struct leader *l, void (*stopped)(void *cookie), void *cookie)
{
    l->stopping = true;
    l->stopped = stopped;
    l->cookie = cookie;
    l->o.feed.end(l->o.feed.cookie);
    give_lease_back_if_idle(l);
}

int64_t leader_epoch(const struct leader *l)
{
    return l->state == LEADING && !l->stopping ? l->epoch : 0;
}

const char *leader_fault(const struct leader *l)
{
    return l->fault;
}

/* ---- figures -------------------------------------------------------------------------------------------------- */

static void collect(void *cookie)
{
    struct leader *l = cookie;

    l->leading = l->state == LEADING;
    l->size = l->state == LEADING ? (double)l->writer.tree.size : 0;
    l->subjects = (double)subject_cache_count(l->writer.cache);
    l->producers = l->writer.producers ? (double)producers_count(l->writer.producers) : 0;
}

enum result leader_metrics(struct leader *l, struct metrics *m)
{
    const struct {
        const char *name, *help;
        const uint64_t *value;
    } counters[] = {
        { "hlidka_audit_records_total", "Records written to the log by this instance.", &l->records },
        { "hlidka_audit_events_total", "Events among them.", &l->events },
        { "hlidka_audit_repeats_total", "Events that had been recorded before.", &l->repeats },
        { "hlidka_audit_transactions_total", "Transactions of the writer that committed.", &l->cycles },
        { "hlidka_audit_given_up_total", "Times that the leadership was given up.", &l->given_up },
        { "hlidka_audit_events_rejected_total", "Events that the store would not take, dead-lettered.", &l->rejected },
    };
    const struct {
        const char *name, *help;
        const double *value;
    } gauges[] = {
        { "hlidka_audit_leading", "1 while this instance writes the log.", &l->leading },
        { "hlidka_audit_log_size", "Records in the log, as its writer knows; 0 at the others.", &l->size },
        { "hlidka_audit_subjects_cached", "Keys of subjects at hand.", &l->subjects },
        { "hlidka_audit_producers", "Producing instances whose counts are kept.", &l->producers },
    };
    enum result r = metrics_collector(m, collect, l);

    for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]) && !r; i++)
        r = metrics_counter(m, counters[i].name, counters[i].help, NULL, counters[i].value);
    for (size_t i = 0; i < sizeof(gauges) / sizeof(gauges[0]) && !r; i++)
        r = metrics_gauge(m, gauges[i].name, gauges[i].help, NULL, gauges[i].value);
    return r;
}
