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
    *p = (struct partition){ .id = id, .refs = 1, .assigned = true, .stored = -1, .rewind = -1, .news = -1 };
    p->self = rd_kafka_topic_partition_list_new(1);
    if (!p->self)
        goto fail;
    rd_kafka_topic_partition_list_add(p->self, topic, id);
    if (watermark_new(b->options.window, &p->watermark))
        goto fail_list;
    return p;

fail_list:
    rd_kafka_topic_partition_list_destroy(p->self);
fail:
    free(p);
    return NULL;
}

/* Tells librdkafka, once per transition: a pause throws away what was fetched ahead. */
static void apply(struct bus *b, struct partition *p)
{
    bool pause = p->full || b->partitions.hold;

    if (pause == p->paused || !p->assigned)
        return;
    if (!pause && p->rewind >= 0) {
        partition_seek(b, p, p->rewind);
        p->rewind = -1;
    }
    rd_kafka_resp_err_t err = pause ? rd_kafka_pause_partitions(b->consumer.rk, p->self)
                                    : rd_kafka_resume_partitions(b->consumer.rk, p->self);
    if (err)
        log_warn("bus.pause", LOG_INT("partition", p->id), LOG_BOOL("pause", pause), LOG_STR("error", rd_kafka_err2name(err)));
    p->paused = pause;
    b->partitions.pauses += pause;
    p->news = -1;
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
    /* librdkafka keeps a pause from an earlier assignment; both ways round it must know what is so now. */
    if (ps->hold)
        rd_kafka_pause_partitions(b->consumer.rk, list);
    else
        rd_kafka_resume_partitions(b->consumer.rk, list);
    for (int i = 0; i < list->cnt; i++)
        ps->by_id[list->elems[i].partition]->paused = ps->hold;
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
        /* It refers to librdkafka's own partition, and a handle is not destroyed while that is referred to. */
        rd_kafka_topic_partition_list_destroy(p->self);
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

void partition_refuse(struct bus *b, struct partition *p, int64_t offset)
{
    if (p->rewind >= 0)
        return;
    p->full = true;
    p->rewind = offset;
    apply(b, p);
}

static enum result refuse(struct bus *b, struct partition *p, int64_t offset, enum result r)
{
    partition_refuse(b, p, offset);
    return r;
}

/*
 * An offset at or below one that was begun: the log was cut or made anew behind us. Its numbers start over once
 * nothing of the old ones is in flight.
 */
static enum result start_over(struct bus *b, struct partition *p, int64_t offset)
{
    struct watermark *fresh;

    if (watermark_in_flight(p->watermark) > 0)
        return refuse(b, p, offset, RESULT_FULL);
    enum result r = watermark_new(b->options.window, &fresh);
    if (r)
        return refuse(b, p, offset, r);
    log_warn("bus.offsets_start_over", LOG_INT("partition", p->id), LOG_INT("offset", offset));
    watermark_free(p->watermark);
    p->watermark = fresh;
    p->stored = -1;
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
    if (p->rewind >= 0)
        return RESULT_CLOSED;
    if (process_full(b))
        return refuse(b, p, offset, RESULT_FULL);
    enum result r = watermark_begin(p->watermark, offset);
    if (r == RESULT_OUT_OF_RANGE)
        r = start_over(b, p, offset);
    if (r)
        return refuse(b, p, offset, r);
    if (!p->anchored)
        anchor(b, p, offset);
    p->refs++;
    b->partitions.in_flight++;
    if (watermark_full(p->watermark)) {
        p->full = true;
        apply(b, p);
    }
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
    return offset < p->news;
}

static void resume_if_roomy(struct bus *b, struct partition *p)
{
    if (p->full && watermark_in_flight(p->watermark) <= b->options.window / 2 && !process_full(b)) {
        p->full = false;
        apply(b, p);
    }
}

void partition_finish(struct bus *b, struct partition *p, int64_t offset)
{
    enum result r = watermark_finish(p->watermark, offset);

    if (r)
        log_error("bus.finish", LOG_INT("partition", p->id), LOG_INT("offset", offset), LOG_RESULT(r));
    b->partitions.in_flight--;
    if (p->assigned) {
        if (!p->dirty) {
            p->dirty = true;
            p->next_dirty = b->partitions.dirty;
            b->partitions.dirty = p;
        }
        resume_if_roomy(b, p);
    }
    drop(p);
}

void partition_abandon(struct bus *b, struct partition *p)
{
    b->partitions.in_flight--;
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
    b->partitions.hold = hold;
    for (size_t i = 0; i < b->partitions.room; i++)
        if (b->partitions.by_id[i])
            apply(b, b->partitions.by_id[i]);
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

void partitions_tick(struct bus *b)
{
    for (size_t i = 0; i < b->partitions.room; i++)
        if (b->partitions.by_id[i])
            resume_if_roomy(b, b->partitions.by_id[i]);
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
            ps->paused_now += ps->by_id[i]->paused;
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
