#include "feed_take.h"

#include "audit.h"
#include "bus_internal.h"
#include "clock.h"
#include "log.h"

static void seek(struct bus *b, int32_t partition, int64_t offset)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);

    if (!list) {
        feed_break(b, "no memory");
        return;
    }
    rd_kafka_topic_partition_list_add(list, b->topics.own[OWN_EVENTS].name, partition)->offset = offset;
    /* Without a time to wait it is only begun, and says that it has timed out. */
    rd_kafka_error_t *error = rd_kafka_seek_partitions(b->feed.rk, list, 0);
    if (error && rd_kafka_error_code(error) != RD_KAFKA_RESP_ERR__TIMED_OUT)
        log_error("bus.feed_seek", LOG_INT("partition", partition), LOG_STR("error", rd_kafka_error_name(error)));
    if (error)
        rd_kafka_error_destroy(error);
    rd_kafka_topic_partition_list_destroy(list);
}

static void move_to(struct feed *f, int32_t partition, int64_t next)
{
    f->partitions[partition].next = next;
    if (f->fill->offsets[partition].next == NOT_MOVED)
        f->fill->moved++;
    f->fill->offsets[partition].next = next;
}

/* ---- errors --------------------------------------------------------------------------------------------------- */

/* What was to come next is not there any more (deleted by age, or the topic is another one). */
static void tell_gap(struct bus *b, int32_t partition)
{
    struct feed *f = &b->feed;
    size_t at = 0;

    log_error("bus.feed_gap", LOG_INT("partition", partition), LOG_INT("from", f->partitions[partition].next));
    f->gaps++;
    while (at < f->fill->gap_count && f->fill->gaps[at].partition != partition)
        at++;
    if (at == f->fill->gap_count)
        f->fill->gaps[f->fill->gap_count++] = (struct feed_gap){ partition, f->partitions[partition].next };
    /* Kept with the gap: who begins anew before anything has been read must not find the old place filled again. */
    move_to(f, partition, FEED_OLDEST);
    /* A partition whose offset was refused has stopped fetching, and a seek does not start it: assigned anew, it does. */
    f->jumped = true;
}

static void pass_over(struct bus *b, int32_t partition, int64_t offset)
{
    uint64_t skipped;
    int64_t to;

    if (!unreadable_error(&b->feed.partitions[partition].unreadable, offset, clock_boot_ns(), &to, &skipped))
        return;
    log_error("bus.feed_skipped", LOG_INT("partition", partition), LOG_INT("from", offset), LOG_INT("to", to));
    b->feed.skipped += skipped;
    seek(b, partition, to);
    move_to(&b->feed, partition, to);
    dead_queue_unreadable(b);
}

static void on_message_error(struct bus *b, const rd_kafka_message_t *m)
{
    b->feed.errors++;
    log_warn("bus.feed", LOG_INT("partition", m->partition), LOG_INT("offset", m->offset),
             LOG_STR("error", rd_kafka_err2name(m->err)), LOG_STR("text", rd_kafka_message_errstr(m)));
    if (m->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
        topics_refresh(b);
    if (!b->feed.running || !m->rkt || m->partition < 0 || (size_t)m->partition >= b->feed.partition_count)
        return;
    if (m->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET || m->err == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE)
        tell_gap(b, m->partition);
    else if (m->offset >= 0 && unreadable_by(m->err))
        pass_over(b, m->partition, m->offset);
}

/* ---- messages ------------------------------------------------------------------------------------------------- */

/* A dead message's `n` has been seen if it is its sender's: if the box has opened. */
static bool authentic(const struct verdict *v)
{
    return v->kind == VERDICT_EVENT || v->reason == DEAD_FORBIDDEN_TYPE || v->reason == DEAD_STALE ||
           v->reason == DEAD_INVALID_EVENT;
}

static enum result keep(struct filling *f, rd_kafka_message_t *m, const struct verdict *v)
{
    const struct envelope_header *h = &v->envelope.header;
    struct feed_item *item = &f->items[f->count];
    const char *src = arena_copy(&f->arena, h->src);

    if (!src)
        return RESULT_NO_MEMORY;
    *item = (struct feed_item){
        .partition = m->partition,
        .offset = m->offset,
        .id = h->id,
        .src = { src, h->src.len },
        .has_n = h->has_n,
        .n = h->n,
        .event = v->kind == VERDICT_EVENT ? v->decoded : NULL,
        .body = buffer_bytes(&f->bodies[f->count]),
    };
    memcpy(item->n_instance, h->n_instance, sizeof(item->n_instance));
    f->messages[f->count] = m;
    f->bytes += item->body.len;
    f->count++;
    return RESULT_OK;
}

/* Whether m was kept. */
static bool judge(struct bus *b, rd_kafka_message_t *m)
{
    struct feed *f = &b->feed;
    struct filling *fill = f->fill;
    struct receiver receiver = b->receiver;
    struct verdict *v = &b->verdict;

    receiver.kind = ENVELOPE_EVENT;
    buffer_reset(&fill->bodies[fill->count]);
    receive(&receiver, (struct bytes){ m->payload, m->payload ? m->len : 0 }, clock_unix_ms(), &fill->bodies[fill->count],
            &fill->arena, v);
    if (v->kind == VERDICT_FAILED) {
        feed_break(b, "no memory");
        return false;
    }
    if (v->kind == VERDICT_DEAD && dead_queue_note(b, m, v, true))
        f->letters_out++;
    bool wanted = authentic(v) && (v->kind == VERDICT_EVENT || v->envelope.header.has_n);
    if (wanted && keep(fill, m, v)) {
        feed_break(b, "no memory");
        return false;
    }
    f->items++;
    move_to(f, m->partition, m->offset + 1);
    return wanted;
}

void feed_take(struct bus *b, rd_kafka_message_t *m)
{
    bool kept = false;

    if (m->err)
        on_message_error(b, m);
    else if (b->feed.running && m->partition >= 0 && (size_t)m->partition < b->feed.partition_count)
        kept = judge(b, m);
    if (!kept)
        rd_kafka_message_destroy(m);
}

static void drop(struct filling *f)
{
    for (size_t i = 0; f && i < f->count; i++) {
        if (f->messages[i])
            rd_kafka_message_destroy(f->messages[i]);
        f->messages[i] = NULL;
    }
}

void feed_drop_messages(struct bus *b)
{
    drop(b->feed.fill);
    drop(b->feed.given);
}

void feed_reject(struct bus *b, const struct feed_item *item)
{
    struct feed *f = &b->feed;
    const rd_kafka_message_t *m = f->busy ? f->given->messages[item - f->given->items] : NULL;
    struct verdict *v = &b->verdict;

    if (!m)
        return;
    memset(v, 0, sizeof(*v));
    v->kind = VERDICT_DEAD;
    v->reason = DEAD_INVALID_EVENT;
    v->source = principals_find(b->identity->principals, item->src);
    if (dead_queue_note(b, m, v, true))
        f->letters_out++;
}
