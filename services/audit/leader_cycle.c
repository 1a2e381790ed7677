#include "leader_internal.h"

#include "log.h"

static void looked(void *cookie, enum store_outcome o);
static void written(void *cookie, enum store_outcome o);

/* ---- failing -------------------------------------------------------------------------------------------------- */

/* Halves, until what is to blame is alone. */
static void take_less(struct leader *l, const struct cycle *c)
{
    if (c->items > 1)
        l->batch_max = c->items / 2;
    l->calm = 0;
}

static void blame(struct leader *l, const struct cycle *c)
{
    if (c->items == 1) {
        l->poison = c->first;
        log_error("audit.event_refused", LOG_INT("partition", l->poison.partition), LOG_INT("offset", l->poison.offset));
    }
    take_less(l, c);
}

/* Not for what the store has said: it could not be made, or not be sent. */
static void cycle_failed(struct leader *l, const struct cycle *c, enum result r)
{
    log_warn("audit.leader", LOG_RESULT(r));
    /* What a transaction may take up has bounds, and a source can make its events swell: in smaller ones it fits. */
    if (r == RESULT_NO_MEMORY || r == RESULT_FULL)
        take_less(l, c);
    if (leader_meaning(r) == STORE_REFUSED)
        blame(l, c);
    leader_give_up(l, leader_meaning(r));
}

/* ---- beginning, committing ------------------------------------------------------------------------------------- */

void leader_begin_cycle(struct leader *l)
{
    struct cycle *c = l->cycles[l->writing == l->cycles[0]];

    l->own_ms = l->o.boot_ms();
    c->poison = l->poison;
    l->making = c;
    enum result r = cycle_take(c, l->batch, l->writing, l->o.now_ms());
    l->batch = NULL;
    if (!r)
        r = log_store_look(l->o.store, c, looked, l);
    l->busy = r == RESULT_OK;
    if (r)
        cycle_failed(l, c, r);
}

/* A batch is borrowed from the feed, and not given back yet. */
static bool in_hand(const struct leader *l)
{
    return l->batch || (l->making && l->making->batch) || (l->writing && l->writing->batch);
}

/*
 * The next batch: at once where nothing is under way. While a transaction is, one of a size that is worth a transaction of
 * its own; and while another waits behind it, the largest.
 */
static void ask_for_more(struct leader *l)
{
    size_t least = l->composed ? l->batch_max : l->writing ? l->batch_max / 2 : 0;

    if (in_hand(l))
        return;
    l->o.feed.next(l->o.feed.cookie, l->batch_max, least);
}

/* A batch of which an event is left out stays in hand until the rest is stored, and no other comes meanwhile. */
static void give_back(struct leader *l, struct cycle *c)
{
    if (!c->batch || c->rejected)
        return;
    cycle_give_back(c);
    ask_for_more(l);
}

/* What is composed. False: it could not be sent, and the leadership is given up. */
static bool commit(struct leader *l)
{
    struct cycle *c = l->making;
    enum result r = log_store_commit(l->o.store, l->composed, written, l);

    l->composed = NULL;
    if (r) {
        cycle_failed(l, c, r);
        return false;
    }
    l->making = NULL;
    l->writing = c;
    return true;
}

/* ---- answers --------------------------------------------------------------------------------------------------- */

static void looked(void *cookie, enum store_outcome o)
{
    struct leader *l = cookie;
    struct cycle *c = l->making;

    if (o == STORE_REFUSED)
        blame(l, c);
    if (!leader_goes_on(l, o))
        return;
    enum result r = cycle_settle(c);
    if (!r && cycle_empty(c)) {
        l->making = NULL;
        give_back(l, c);
        cycle_close(c, false);
        leader_go_on(l);
        return;
    }
    if (!r)
        r = log_store_compose(l->o.store, l->epoch, c, &l->composed);
    if (r) {
        cycle_failed(l, c, r);
        return;
    }
    if (l->writing || commit(l))
        give_back(l, c);
}

static void count(struct leader *l, const struct cycle *c)
{
    l->cycles_done++;
    l->records += c->rows.count;
    l->events += c->rows.seen_count;
    l->repeats += c->events - c->rows.seen_count;
}

static void stored(struct leader *l, struct cycle *c)
{
    if (c->offset_count > 0)
        l->o.feed.stored(l->o.feed.cookie, c->offsets, c->offset_count);
    if (c->rejected) {
        l->rejected++;
        l->poison.any = false;
        l->o.feed.reject(l->o.feed.cookie, c->rejected);
        c->rejected = NULL;
    }
    if (c->items > 0 && ++l->calm >= CALM && l->batch_max < FEED_BATCH_MAX)
        l->batch_max = l->batch_max * 2 < FEED_BATCH_MAX ? l->batch_max * 2 : FEED_BATCH_MAX;
    cycle_close(c, true);
}

static void written(void *cookie, enum store_outcome o)
{
    struct leader *l = cookie;
    struct cycle *c = l->writing;

    l->writing = NULL;
    /* The end of a leadership does not undo what it has written. */
    if (o == STORE_DONE)
        count(l, c);
    else if (o == STORE_REFUSED)
        blame(l, c);
    if (!leader_call_ended(l, o))
        return;
    l->held_ms = l->o.boot_ms();
    stored(l, c);
    if (l->composed && !commit(l))
        return;
    ask_for_more(l);
    leader_go_on(l);
}

void leader_go_on(struct leader *l)
{
    if (l->state == LEADING && l->batch && !l->busy && !l->making && !l->failed && !l->broken && !l->stopping)
        leader_begin_cycle(l);
}
