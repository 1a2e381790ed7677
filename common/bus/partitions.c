#include "partitions.h"

#include "bus_internal.h"
#include "log.h"
#include "watermark.h"

#include <stdlib.h>

/* In flight in the whole process, in windows: many partitions do not add up to memory without bound. */
enum { WINDOWS_MAX = 16, ID_MAX = 1000000 };

static void drop(struct partition *p)
{
    if (--p->refs > 0)
        return;
    watermark_free(p->watermark);
    free(p);
}

static bool make_room(struct partitions *ps, size_t id)
{
    if (id < ps->room)
        return true;
    size_t room = id + 16;
    struct partition **grown = realloc(ps->by_id, room * sizeof(*grown));
    if (!grown)
        return false;
    memset(grown + ps->room, 0, (room - ps->room) * sizeof(*grown));
    ps->by_id = grown;
    ps->room = room;
    return true;
}

static struct partition *partition_new(struct bus *b, const char *topic, int32_t id)
{
    struct partition *p = calloc(1, sizeof(*p));

    if (!p)
        return NULL;
    *p = (struct partition){ .id = id, .refs = 1, .assigned = true, .stored = -1, .news = -1 };
    p->self = rd_kafka_topic_partition_list_new(1);
    if (!p->self)
        goto fail;
    rd_kafka_topic_partition_list_add(p->self, topic, id);
    if (watermark_new(b->options.window, &p->watermark))
        goto fail_list;
    p->queue = rd_kafka_queue_get_partition(b->consumer.rk, topic, id);
    if (!p->queue)
        goto fail_watermark;
    /* Before it is assigned: from the first message on, it flows into no other queue. */
    rd_kafka_queue_forward(p->queue, NULL);
    rd_kafka_queue_cb_event_enable(p->queue, bus_on_queue, b);
    return p;

fail_watermark:
    watermark_free(p->watermark);
fail_list:
    rd_kafka_topic_partition_list_destroy(p->self);
fail:
    free(p);
    return NULL;
}

void partitions_assign(struct bus *b, rd_kafka_topic_partition_list_t *list)
{
    struct partitions *ps = &b->partitions;

    for (int i = 0; i < list->cnt;) {
        const rd_kafka_topic_partition_t *tp = &list->elems[i];
        struct partition *p = NULL;
        if (tp->partition >= 0 && tp->partition < ID_MAX && make_room(ps, (size_t)tp->partition))
            p = partition_new(b, tp->topic, tp->partition);
        if (!p) {
            log_error("bus.partition_refused", LOG_INT("partition", tp->partition), LOG_RESULT(RESULT_NO_MEMORY));
            rd_kafka_topic_partition_list_del_by_idx(list, i);
            continue;
        }
        ps->by_id[p->id] = p;
        ps->assigned++;
        i++;
    }
    rd_kafka_resp_err_t err = rd_kafka_assign(b->consumer.rk, list);
    if (err)
        log_error("bus.assign", LOG_STR("error", rd_kafka_err2name(err)));
}

void partitions_unassign(struct bus *b, bool lost)
{
    struct partitions *ps = &b->partitions;

    if (!lost)
        partitions_store(b);
    for (struct partition *p = ps->dirty; p; p = p->next_dirty)
        p->dirty = false;
    ps->dirty = NULL;
    for (size_t i = 0; i < ps->room; i++) {
        struct partition *p = ps->by_id[i];
        if (!p)
            continue;
        ps->by_id[i] = NULL;
        p->assigned = false;
        /* All that refers to librdkafka's own partition: a handle is not destroyed while that is referred to. */
        rd_kafka_queue_cb_event_enable(p->queue, NULL, NULL);
        for (rd_kafka_message_t *m = p->kept; m || (m = rd_kafka_consume_queue(p->queue, 0)); m = NULL)
            rd_kafka_message_destroy(m);
        rd_kafka_queue_destroy(p->queue);
        rd_kafka_topic_partition_list_destroy(p->self);
        p->kept = NULL;
        p->queue = NULL;
        p->self = NULL;
        drop(p);
    }
    ps->assigned = 0;
    ps->leaving = false;
}

struct partition *partitions_find(const struct bus *b, int32_t id)
{
    const struct partitions *ps = &b->partitions;

    return !ps->leaving && id >= 0 && (size_t)id < ps->room ? ps->by_id[id] : NULL;
}

static bool process_full(const struct bus *b)
{
    return b->partitions.in_flight >= WINDOWS_MAX * b->options.window;
}

bool partition_roomy(struct bus *b, struct partition *p)
{
    struct partitions *ps = &b->partitions;

    if (ps->hold || ps->leaving)
        return false;
    if (watermark_full(p->watermark) || process_full(b)) {
        ps->pauses += !p->full;
        p->full = true;
        return false;
    }
    p->behind = p->behind || p->full;
    p->full = false;
    return true;
}

void partition_caught_up(struct partition *p)
{
    if (p->behind)
        p->news = -1;
    p->behind = false;
}

/*
 * An offset at or below one that was begun: the log was cut or made anew behind us. Its numbers start over once
 * nothing of the old ones is in flight.
 */
static enum result start_over(struct bus *b, struct partition *p, int64_t offset)
{
    struct watermark *fresh;

    if (watermark_in_flight(p->watermark) > 0)
        return RESULT_FULL;
    enum result r = watermark_new(b->options.window, &fresh);
    if (r)
        return r;
    log_warn("bus.offsets_start_over", LOG_INT("partition", p->id), LOG_INT("offset", offset));
    watermark_free(p->watermark);
    p->watermark = fresh;
    p->stored = -1;
    p->news = -1;
    p->anchored = false;
    return watermark_begin(p->watermark, offset);
}

/*
 * Where we begin is committed. librdkafka by itself commits only what lies beyond the last commit: of a log that was
 * made anew nothing does, and after a crash we would go on at the old number, beyond what was never begun.
 */
static void anchor(struct bus *b, struct partition *p, int64_t offset)
{
    p->self->elems[0].offset = offset;
    rd_kafka_resp_err_t err = rd_kafka_commit(b->consumer.rk, p->self, 1);
    if (err)
        log_warn("bus.anchor", LOG_INT("partition", p->id), LOG_STR("error", rd_kafka_err2name(err)));
    p->anchored = !err;
}

enum result partition_begin(struct bus *b, struct partition *p, int64_t offset)
{
    enum result r = watermark_begin(p->watermark, offset);
    if (r == RESULT_OUT_OF_RANGE)
        r = start_over(b, p, offset);
    if (r)
        return r;
    if (!p->anchored)
        anchor(b, p, offset);
    p->refs++;
    b->partitions.in_flight++;
    return RESULT_OK;
}

bool partition_waited(struct bus *b, struct partition *p, int64_t offset)
{
    int64_t low, end;

    if (p->news < 0 && p->self) {
        /* As the fetch said that brought this message: of librdkafka's memory, nobody is asked. */
        rd_kafka_resp_err_t err = rd_kafka_get_watermark_offsets(b->consumer.rk, p->self->elems[0].topic, p->id, &low, &end);
        p->news = !err && end > offset + 1 ? end : offset;
    }
    return p->behind || offset < p->news;
}

/* One less is in flight: who was not read for want of room is now. */
static void make_way(struct bus *b, const struct partition *p)
{
    bool awaited = p->full || process_full(b);

    b->partitions.in_flight--;
    if (awaited && b->state < BUS_LEAVING)
        uv_async_send(&b->wake);
}

void partition_finish(struct bus *b, struct partition *p, int64_t offset)
{
    enum result r = watermark_finish(p->watermark, offset);

    if (r)
        log_error("bus.finish", LOG_INT("partition", p->id), LOG_INT("offset", offset), LOG_RESULT(r));
    make_way(b, p);
    if (p->assigned && !p->dirty) {
        p->dirty = true;
        p->next_dirty = b->partitions.dirty;
        b->partitions.dirty = p;
    }
    drop(p);
}

void partition_abandon(struct bus *b, struct partition *p)
{
    make_way(b, p);
    drop(p);
}

void partition_seek(struct bus *b, struct partition *p, int64_t offset)
{
    p->self->elems[0].offset = offset;
    /* Without a time to wait it is only begun, and says that it has timed out. */
    rd_kafka_error_t *error = rd_kafka_seek_partitions(b->consumer.rk, p->self, 0);
    if (error && rd_kafka_error_code(error) != RD_KAFKA_RESP_ERR__TIMED_OUT)
        log_error("bus.seek", LOG_INT("partition", p->id), LOG_INT("offset", offset), LOG_STR("error", rd_kafka_error_name(error)));
    if (error)
        rd_kafka_error_destroy(error);
}

void partitions_hold(struct bus *b, bool hold)
{
    struct partitions *ps = &b->partitions;

    ps->hold = hold;
    ps->pauses += hold ? ps->assigned : 0;
    for (size_t i = 0; i < ps->room; i++)
        if (ps->by_id[i])
            ps->by_id[i]->behind = true;
    if (!hold)
        uv_async_send(&b->wake);
}

static void store(struct bus *b, struct partition *p)
{
    int64_t position = watermark_position(p->watermark);

    if (position < 0 || position == p->stored)
        return;
    p->self->elems[0].offset = position;
    rd_kafka_resp_err_t err = rd_kafka_offsets_store(b->consumer.rk, p->self);
    if (!err)
        p->stored = position;
    else if (err != RD_KAFKA_RESP_ERR__STATE)   /* taken from us this moment: the revocation is on its way */
        log_warn("bus.store", LOG_INT("partition", p->id), LOG_STR("error", rd_kafka_err2name(err)));
}

void partitions_store(struct bus *b)
{
    struct partition *p;

    while ((p = b->partitions.dirty)) {
        b->partitions.dirty = p->next_dirty;
        p->dirty = false;
        store(b, p);
    }
}

static int64_t lag(struct bus *b, const struct partition *p)
{
    int64_t low, high;
    int64_t position = watermark_position(p->watermark);

    if (position < 0 || rd_kafka_get_watermark_offsets(b->consumer.rk, p->self->elems[0].topic, p->id, &low, &high))
        return 0;
    return high > position ? high - position : 0;
}

void partitions_collect(struct bus *b)
{
    struct partitions *ps = &b->partitions;

    ps->paused_now = ps->lag_now = 0;
    ps->assigned_now = ps->assigned;
    ps->in_flight_now = (double)ps->in_flight;
    for (size_t i = 0; i < ps->room; i++)
        if (ps->by_id[i]) {
            ps->paused_now += ps->hold || ps->by_id[i]->full;
            ps->lag_now += (double)lag(b, ps->by_id[i]);
        }
}

void partitions_free(struct bus *b)
{
    partitions_unassign(b, true);
    free(b->partitions.by_id);
    b->partitions.by_id = NULL;
    b->partitions.room = 0;
}
