#include "leader_internal.h"

#include "entropy.h"
#include "log.h"

#include <stdlib.h>

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
    for (size_t i = 0; i < 2 && !r; i++)
        r = cycle_new(options->store->keys, &l->writer, options->watch, seed, &l->cycles[i]);
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
    log_write_free(l->composed);
    cycle_free(l->cycles[0]);
    cycle_free(l->cycles[1]);
    free_writer(l);
    free(l);
}

/* ---- giving up ------------------------------------------------------------------------------------------------ */

/* Of what is made and of what was committed nothing is needed any more. */
static void drop_cycles(struct leader *l)
{
    log_write_free(l->composed);
    l->composed = NULL;
    l->making = l->writing = NULL;
    cycle_close(l->cycles[0], false);
    cycle_close(l->cycles[1], false);
    l->batch = NULL;
}

static void stand_by(struct leader *l)
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
    enum store_outcome o = l->failed;

    if (l->state > TAKING) {
        log_warn("audit.stands_by", LOG_STR("why", AS[o].why), LOG_INT("epoch", l->epoch));
        l->given_up++;
        l->o.feed.end(l->o.feed.cookie);
    }
    l->fault = o == STORE_TAMPERED ? "what is stored is not what was written (audit.*_tampered in the log)" : NULL;
    drop_cycles(l);
    l->broken = false;
    l->failed = STORE_DONE;
    l->state = STANDBY;
    l->epoch = 0;
    l->try_ms = l->o.boot_ms() + AS[o].wait_ms;
}

void leader_give_up(struct leader *l, enum store_outcome o)
{
    if (!l->failed)
        l->failed = o;
    if (!l->busy && !l->writing)
        stand_by(l);
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
    if (l->busy || l->holding || l->writing)
        return;
    drop_cycles(l);
    if (l->state <= TAKING || log_store_lease_release(l->o.store, l->epoch, released, l))
        finish_stop(l);
}

bool leader_call_ended(struct leader *l, enum store_outcome o)
{
    if (o == STORE_DONE)
        o = l->kept;
    if (l->stopping) {
        leader_end_if_idle(l);
        return false;
    }
    if (o == STORE_DONE && !l->failed && !l->broken)
        return true;
    leader_give_up(l, o);
    return false;
}

bool leader_goes_on(struct leader *l, enum store_outcome o)
{
    l->busy = false;
    return leader_call_ended(l, o);
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
        leader_give_up(l, leader_meaning(r));
    }
}

/* ---- what is told to it ------------------------------------------------------------------------------------------- */

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
    leader_give_up(l, STORE_DONE);
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
    if (l->busy || l->making || l->writing || l->stopping)
        return;
    if (l->state == STANDBY && now >= l->try_ms) {
        leader_take(l);
    } else if (l->state == LEADING && l->batch) {
        leader_go_on(l);
    } else if (l->state == LEADING && now - l->held_ms >= HOLD_MS) {
        leader_began(l, log_store_lease_hold(l->o.store, l->epoch, held, l));
    } else if (l->state == LEADING && now - l->own_ms >= OWN_MS) {
        leader_begin_cycle(l);
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
