#include "leader_internal.h"

#include "entropy.h"
#include "log.h"

#include <stdlib.h>

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

/* ---- giving up ------------------------------------------------------------------------------------------------ */

/* Halves, until what is to blame is alone. */
static void take_less(struct leader *l)
{
    if (l->batch && l->batch->count > 1)
        l->batch_max = l->batch->count / 2;
    l->calm = 0;
}

static void blame(struct leader *l)
{
    if (l->batch && l->batch->count == 1) {
        l->poison = (struct cycle_poison){ true, l->batch->items[0].partition, l->batch->items[0].offset };
        log_error("audit.event_refused", LOG_INT("partition", l->poison.partition), LOG_INT("offset", l->poison.offset));
    }
    take_less(l);
}

static void stand_by(struct leader *l, enum store_outcome o)
{
    static const struct {
        const char *why;
        unsigned wait_ms;
    } AS[] = {
        [STORE_DONE] = { "the feed has ended, or the rules are new", AGAIN_MS },
        [STORE_LEASE_LOST] = { "the lease has passed", TRY_MS },
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

void leader_end_if_idle(struct leader *l)
{
    if (l->busy || l->holding)
        return;
    cycle_close(l->cycle, false);
    if (l->state <= TAKING || log_store_lease_release(l->o.store, l->epoch, released, l))
        finish_stop(l);
}

bool leader_goes_on(struct leader *l, enum store_outcome o)
{
    l->busy = false;
    if (l->stopping) {
        leader_end_if_idle(l);
        return false;
    }
    if (o == STORE_DONE)
        o = l->kept;
    if (o == STORE_DONE && !l->broken)
        return true;
    stand_by(l, o);
    return false;
}

enum store_outcome leader_meaning(enum result r)
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

void leader_began(struct leader *l, enum result r)
{
    l->busy = r == RESULT_OK;
    if (r) {
        log_warn("audit.leader", LOG_RESULT(r));
        /* What a transaction may take up has bounds, and a source can make its events swell: in smaller ones it fits. */
        if (r == RESULT_NO_MEMORY || r == RESULT_FULL)
            take_less(l);
        stand_by(l, leader_meaning(r));
    }
}

/* ---- a cycle -------------------------------------------------------------------------------------------------- */

static void begin_cycle(struct leader *l)
{
    l->own_ms = l->o.boot_ms();
    l->cycle->poison = l->poison;
    enum result r = cycle_take(l->cycle, l->batch, l->o.now_ms());
    leader_began(l, r ? r : log_store_look(l->o.store, l->cycle, looked, l));
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

static void looked(void *cookie, enum store_outcome o)
{
    struct leader *l = cookie;

    if (!leader_goes_on(l, o))
        return;
    enum result r = cycle_settle(l->cycle);
    if (!r && cycle_empty(l->cycle)) {
        batch_done(l);
        cycle_close(l->cycle, false);
        leader_go_on(l);
        return;
    }
    leader_began(l, r ? r : log_store_write(l->o.store, l->epoch, l->cycle, written, l));
}

static void written(void *cookie, enum store_outcome o)
{
    struct leader *l = cookie;

    /* The end of a leadership does not undo what it has written. */
    if (o == STORE_DONE)
        count(l);
    if (!leader_goes_on(l, o))
        return;
    l->held_ms = l->o.boot_ms();
    batch_done(l);
    cycle_close(l->cycle, true);
    leader_go_on(l);
}

void leader_go_on(struct leader *l)
{
    if (l->state == LEADING && l->batch && !l->busy && !l->stopping)
        begin_cycle(l);
}

void leader_batch(struct leader *l, const struct feed_batch *batch)
{
    l->batch = batch;
    leader_go_on(l);
}

void leader_feed_broken(struct leader *l)
{
    if (l->state <= TAKING)
        return;
    l->broken = true;
    if (!l->busy)
        stand_by(l, STORE_DONE);
}

static void held(void *cookie, enum store_outcome o)
{
    struct leader *l = cookie;

    if (!leader_goes_on(l, o))
        return;
    l->held_ms = l->o.boot_ms();
    leader_go_on(l);
}

void leader_tick(struct leader *l)
{
    uint64_t now = l->o.boot_ms();

    if ((l->state == LOADING || l->state == REPLAYING) && !l->holding && !l->stopping && now - l->held_ms >= HOLD_MS)
        leader_keep_lease(l);
    if (l->busy || l->stopping)
        return;
    if (l->state == STANDBY && now >= l->try_ms) {
        leader_take(l);
    } else if (l->state == LEADING && l->batch) {
        leader_go_on(l);
    } else if (l->state == LEADING && now - l->held_ms >= HOLD_MS) {
        leader_began(l, log_store_lease_hold(l->o.store, l->epoch, held, l));
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
    leader_end_if_idle(l);
}

int64_t leader_epoch(const struct leader *l)
{
    return l->state == LEADING && !l->stopping ? l->epoch : 0;
}

const char *leader_fault(const struct leader *l)
{
    return l->fault;
}
