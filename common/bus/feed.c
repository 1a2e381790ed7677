#include "audit.h"
#include "bus_internal.h"
#include "clock.h"
#include "feed_take.h"
#include "kafka_conf.h"
#include "log.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    SERVE_MS = 5,                       /* before the loop sees to its other work */
    ARENA_MAX = 8 * 1024 * 1024,
    KEEP_BYTES = 16 * 1024,             /* of a body's memory, from batch to batch */
};

/* ---- opening -------------------------------------------------------------------------------------------------- */

static const struct kafka_property OWN[] = {
    { "enable.auto.commit", "false" },
    { "auto.offset.reset", "error" },           /* a jump is a gap in the log, and to be told */
};

static struct filling *filling_new(void)
{
    struct filling *f = calloc(1, sizeof(*f));

    if (!f)
        return NULL;
    arena_init(&f->arena, NULL, 0, ARENA_MAX);
    for (size_t i = 0; i < FEED_BATCH_MAX; i++)
        buffer_init(&f->bodies[i], ENVELOPE_VALUE_MAX);
    return f;
}

/* Empty, for the partitions that there are now. */
static enum result filling_reset(struct filling *f, size_t partitions)
{
    for (size_t i = 0; i < f->count; i++) {
        if (f->messages[i])
            rd_kafka_message_destroy(f->messages[i]);
        f->messages[i] = NULL;
        secret_wipe(f->bodies[i].data, f->bodies[i].len);
        buffer_reset(&f->bodies[i]);
        if (f->bodies[i].cap > KEEP_BYTES)
            buffer_free(&f->bodies[i]);
    }
    arena_reset(&f->arena);
    f->count = f->bytes = f->moved = f->gap_count = 0;
    struct feed_offset *offsets = reallocarray(f->offsets, partitions, sizeof(*offsets));
    if (offsets)
        f->offsets = offsets;
    struct feed_gap *gaps = reallocarray(f->gaps, partitions, sizeof(*gaps));
    if (gaps)
        f->gaps = gaps;
    if (!offsets || !gaps)
        return RESULT_NO_MEMORY;
    for (size_t i = 0; i < partitions; i++)
        f->offsets[i] = (struct feed_offset){ (int32_t)i, NOT_MOVED };
    return RESULT_OK;
}

static void filling_free(struct filling *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < FEED_BATCH_MAX; i++)
        buffer_free(&f->bodies[i]);
    arena_reset(&f->arena);
    free(f->offsets);
    free(f->gaps);
    free(f);
}

enum result feed_open(struct bus *b, struct buffer *why)
{
    struct feed *f = &b->feed;

    if (!b->options.feed)
        return RESULT_OK;
    f->fill = filling_new();
    f->given = filling_new();
    /* A group of its own: to that of the requests only its members may commit. */
    if (!f->fill || !f->given || asprintf(&f->group, "%s.events", b->group) < 0) {
        f->group = NULL;
        return RESULT_NO_MEMORY;
    }
    const struct kafka_identity who = { b->options.brokers, b->options.instance, f->group };
    return kafka_reader_new(&who, b, bus_on_error, OWN, sizeof(OWN) / sizeof(OWN[0]), &f->rk, &f->queue, why);
}

void feed_free(struct bus *b)
{
    struct feed *f = &b->feed;

    filling_free(f->fill);
    filling_free(f->given);
    free(f->from);
    free(f->partitions);
    free(f->offsets);
    free(f->group);
}

/* ---- beginning and ending ------------------------------------------------------------------------------------- */

static void assign(struct bus *b, rd_kafka_topic_partition_list_t *list)
{
    rd_kafka_resp_err_t err = rd_kafka_assign(b->feed.rk, list);

    if (err)
        log_error("bus.feed_assign", LOG_STR("error", rd_kafka_err2name(err)));
}

void feed_end(struct bus *b)
{
    struct feed *f = &b->feed;

    if (f->running)
        assign(b, NULL);
    f->running = f->wanted = f->busy = f->broken = false;
    feed_drop_messages(b);
}

/* It ends now; the listener hears of it from the loop. */
void feed_break(struct bus *b, const char *why)
{
    log_warn("bus.feed_broken", LOG_STR("why", why));
    feed_end(b);
    b->feed.broken = true;
    uv_async_send(&b->wake);
}

static enum result prepare(struct feed *f, size_t partitions)
{
    struct feed_partition *fresh = reallocarray(f->partitions, partitions, sizeof(*fresh));

    if (fresh)
        f->partitions = fresh;
    struct feed_offset *offsets = reallocarray(f->offsets, partitions, sizeof(*offsets));
    if (offsets)
        f->offsets = offsets;
    if (!fresh || !offsets)
        return RESULT_NO_MEMORY;
    f->partition_count = partitions;
    for (size_t i = 0; i < partitions; i++)
        f->partitions[i] = (struct feed_partition){ .next = FEED_OLDEST };
    for (size_t i = 0; i < f->from_count; i++)
        if (f->from[i].partition >= 0 && (size_t)f->from[i].partition < partitions)
            f->partitions[f->from[i].partition].next = f->from[i].next;
    enum result r = filling_reset(f->fill, partitions);
    return r ? r : filling_reset(f->given, partitions);
}

/* Each partition from what comes next of it: what librdkafka had fetched for it is fetched again. */
static bool assign_all(struct bus *b)
{
    struct feed *f = &b->feed;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)f->partition_count);

    f->jumped = false;
    if (!list)
        return false;
    for (size_t i = 0; i < f->partition_count; i++)
        rd_kafka_topic_partition_list_add(list, b->topics.own[OWN_EVENTS].name, (int32_t)i)->offset =
            f->partitions[i].next < 0 ? RD_KAFKA_OFFSET_BEGINNING : f->partitions[i].next;
    assign(b, list);
    rd_kafka_topic_partition_list_destroy(list);
    return true;
}

static void begin_if_known(struct bus *b)
{
    struct feed *f = &b->feed;
    const struct own_topic *topic = &b->topics.own[OWN_EVENTS];

    if (!f->wanted || topic->partitions == 0 || b->state != BUS_RUNNING)
        return;
    if (prepare(f, topic->partitions) || !assign_all(b)) {
        feed_break(b, "no memory");
        return;
    }
    f->wanted = false;
    f->running = true;
    log_info("bus.feed_begun", LOG_UINT("partitions", f->partition_count));
}

void feed_begin(struct bus *b, const struct feed_offset *offsets, size_t count, size_t batch_max)
{
    struct feed *f = &b->feed;

    feed_end(b);
    free(f->from);
    f->from = calloc(count + 1, sizeof(*f->from));
    f->from_count = f->from ? count : 0;
    if (!f->from) {
        feed_break(b, "no memory");
        return;
    }
    if (count > 0)
        memcpy(f->from, offsets, count * sizeof(*offsets));
    f->batch_max = batch_max;
    f->least = 0;
    f->wanted = true;
    begin_if_known(b);
}

void feed_tick(struct bus *b)
{
    struct feed *f = &b->feed;

    if (!f->rk)
        return;
    begin_if_known(b);
    if (f->running && b->topics.own[OWN_EVENTS].partitions > f->partition_count)
        feed_break(b, "the topic has grown");
}

/* ---- handing over --------------------------------------------------------------------------------------------- */

/* Not waited for. */
void feed_stored(struct bus *b, const struct feed_offset *offsets, size_t count)
{
    const char *topic = b->topics.own[OWN_EVENTS].name;
    rd_kafka_topic_partition_list_t *list = b->feed.running ? rd_kafka_topic_partition_list_new((int)count) : NULL;

    if (!list)
        return;
    for (size_t i = 0; i < count; i++)
        if (offsets[i].next >= 0)
            rd_kafka_topic_partition_list_add(list, topic, offsets[i].partition)->offset = offsets[i].next;
    rd_kafka_resp_err_t err = rd_kafka_commit(b->feed.rk, list, 1);
    if (err)
        log_debug("bus.feed_commit", LOG_STR("error", rd_kafka_err2name(err)));
    rd_kafka_topic_partition_list_destroy(list);
}

static void hand_over(struct bus *b)
{
    struct feed *f = &b->feed;
    struct filling *full = f->fill;
    size_t moved = 0;

    f->fill = f->given;
    f->given = full;
    f->busy = true;
    f->batches++;
    for (size_t i = 0; i < f->partition_count; i++)
        if (full->offsets[i].next != NOT_MOVED)
            f->offsets[moved++] = full->offsets[i];
    full->moved = moved;
    f->batch = (struct feed_batch){
        .items = full->items, .count = full->count,
        .offsets = f->offsets, .offset_count = moved,
        .gaps = full->gaps, .gap_count = full->gap_count,
    };
    b->options.feed->batch(b->options.handler_cookie, &f->batch);
}

void feed_next(struct bus *b, size_t batch_max, size_t least)
{
    struct feed *f = &b->feed;

    if (!f->running)
        return;
    f->batch_max = batch_max;
    f->least = least;
    if (f->busy && filling_reset(f->given, f->partition_count))
        feed_break(b, "no memory");
    f->busy = false;
    uv_async_send(&b->wake);
}

void feed_letter_reported(struct bus *b)
{
    b->feed.letters_out--;
    uv_async_send(&b->wake);
}

static bool full(const struct feed *f)
{
    return f->fill->count >= f->batch_max || f->fill->bytes >= FEED_BATCH_BYTES || f->fill->arena.used >= ARENA_MAX / 2;
}

bool feed_serve(struct bus *b)
{
    struct feed *f = &b->feed;
    uint64_t until = clock_boot_ns() + SERVE_MS * NS_PER_MS;
    bool more = f->rk != NULL;

    /* Not begun: it is polled all the same, for its log lines. */
    while (more && (!f->running || !full(f)) && clock_boot_ns() < until) {
        rd_kafka_message_t *m = rd_kafka_consumer_poll(f->rk, 0);
        more = m != NULL;
        if (m)
            feed_take(b, m);
    }
    if (f->running && f->jumped && !assign_all(b))
        feed_break(b, "no memory");
    if (f->broken) {
        f->broken = false;
        b->options.feed->broken(b->options.handler_cookie);
        return more;
    }
    if (f->running && !f->busy && f->letters_out == 0 && b->state == BUS_RUNNING &&
        (f->fill->count > 0 || f->fill->moved > 0 || f->fill->gap_count > 0) && (f->fill->count >= f->least || full(f))) {
        hand_over(b);
        return more;
    }
    return more && f->running && !full(f);
}

/* ---- figures -------------------------------------------------------------------------------------------------- */

uint64_t feed_lag(const struct bus *b)
{
    const struct feed *f = &b->feed;
    uint64_t lag = 0;
    int64_t low, high;

    for (size_t i = 0; f->running && i < f->partition_count; i++)
        if (!rd_kafka_get_watermark_offsets(f->rk, b->topics.own[OWN_EVENTS].name, (int32_t)i, &low, &high) &&
            high > f->partitions[i].next && f->partitions[i].next >= 0)
            lag += (uint64_t)(high - f->partitions[i].next);
    return lag;
}

void feed_collect(struct bus *b)
{
    b->feed.lag = (double)feed_lag(b);
}
