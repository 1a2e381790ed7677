#include "leader_internal.h"

#include "entropy.h"
#include "log.h"

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

    if (!leader_goes_on(l, o))
        return;
    lead(l);
    leader_go_on(l);
}

static void recalled(void *cookie, enum result r)
{
    struct leader *l = cookie;

    if (!leader_goes_on(l, leader_meaning(r)))
        return;
    leader_began(l, log_store_replay(l->o.store, l->o.watch, replayed, l));
}

static void loaded(void *cookie, enum store_outcome o, const struct feed_offset *offsets, size_t count)
{
    struct leader *l = cookie;

    if (!leader_goes_on(l, o))
        return;
    /* It fills while the watch is told; its first batch waits for that. */
    l->state = REPLAYING;
    l->o.feed.begin(l->o.feed.cookie, offsets, count, l->batch_max);
    if (l->o.watch)
        leader_began(l, l->o.watch->recall(l->o.watch->cookie, recalled, l));
    else
        lead(l);
}

static void taken(void *cookie, enum store_outcome o, int64_t epoch)
{
    struct leader *l = cookie;

    if (!leader_goes_on(l, o))
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
    leader_began(l, r ? r : log_store_load(l->o.store, &l->writer, loaded, l));
}

void leader_take(struct leader *l)
{
    l->state = TAKING;
    leader_began(l, log_store_lease_take(l->o.store, taken, l));
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
        leader_end_if_idle(l);
}

/* To read and to replay may take longer than the lease. */
void leader_keep_lease(struct leader *l)
{
    l->holding_epoch = l->epoch;
    l->holding = log_store_lease_hold(l->o.store, l->epoch, kept, l) == RESULT_OK;
}
