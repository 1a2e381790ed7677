#include "consumer.h"

#include "bus_internal.h"
#include "clock.h"
#include "kafka_conf.h"
#include "log.h"

#include <inttypes.h>

#define MS UINT64_C(1000000)

enum {
    DRAIN_MAX = 256,                    /* messages, and … */
    DRAIN_MS = 5,                       /* … time before the loop sees to its other work */
    SHARE_MAX = 64,                     /* messages of one partition before it is another's turn */
    LEAVE_WAIT_MS = 1000,
};

static void on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t err, rd_kafka_topic_partition_list_t *list, void *opaque);

static void on_commit(rd_kafka_t *rk, rd_kafka_resp_err_t err, rd_kafka_topic_partition_list_t *offsets, void *opaque)
{
    (void)rk;
    (void)offsets;
    (void)opaque;
    /* A commit that failed is made up for by the next, or by redelivery. */
    if (err && err != RD_KAFKA_RESP_ERR__NO_OFFSET)
        log_warn("bus.commit", LOG_STR("error", rd_kafka_err2name(err)));
}

enum result consumer_open(struct bus *b, struct buffer *why)
{
    struct kafka_identity who = { b->options.brokers, b->options.instance, b->group };
    rd_kafka_conf_t *conf;
    enum result r = kafka_conf_new(RD_KAFKA_CONSUMER, &who, b, &conf, why);

    if (r)
        return r;
    rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
    rd_kafka_conf_set_offset_commit_cb(conf, on_commit);
    rd_kafka_conf_set_error_cb(conf, bus_on_error);
    if ((r = kafka_handle_new(RD_KAFKA_CONSUMER, conf, &b->consumer.rk, why)))
        return r;
    rd_kafka_poll_set_consumer(b->consumer.rk);
    b->consumer.queue = rd_kafka_queue_get_consumer(b->consumer.rk);
    return b->consumer.queue ? RESULT_OK : RESULT_INTERNAL;
}

enum result consumer_subscribe(struct bus *b, struct buffer *why)
{
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);

    if (!topics)
        return RESULT_NO_MEMORY;
    rd_kafka_topic_partition_list_add(topics, b->request_topic, RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t err = rd_kafka_subscribe(b->consumer.rk, topics);
    rd_kafka_topic_partition_list_destroy(topics);
    if (!err)
        return RESULT_OK;
    enum result r = buffer_printf(why, "subscribe: %s\n", rd_kafka_err2str(err));
    return r ? r : RESULT_BAD_CONFIG;
}

/* ---- rebalances ---- */

static void leave(struct bus *b)
{
    log_info("bus.revoked", LOG_UINT("partitions", b->partitions.assigned), LOG_UINT("in_flight", b->partitions.in_flight),
             LOG_BOOL("lost", b->consumer.leaving_lost));
    partitions_unassign(b, b->consumer.leaving_lost);
    /* Commits what has been stored, while we are still of the generation that may. */
    rd_kafka_resp_err_t err = rd_kafka_assign(b->consumer.rk, NULL);
    if (err)
        log_error("bus.unassign", LOG_STR("error", rd_kafka_err2name(err)));
}

void consumer_leave_if_due(struct bus *b)
{
    if (!b->partitions.leaving)
        return;
    /* At the end of the bus the wait has been: what is still in flight was given its time. */
    if (b->partitions.in_flight == 0 || b->consumer.leaving_lost || b->state >= BUS_LEAVING ||
        clock_boot_ns() >= b->consumer.leave_by_ns)
        leave(b);
}

static void on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t err, rd_kafka_topic_partition_list_t *list, void *opaque)
{
    struct bus *b = opaque;

    b->consumer.rebalances++;
    switch (err) {
    case RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS:
        b->consumer.joined = true;
        partitions_assign(b, list);
        log_info("bus.assigned", LOG_UINT("partitions", b->partitions.assigned));
        break;
    case RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS:
        b->consumer.leaving_lost = rd_kafka_assignment_lost(rk) != 0;
        if (b->consumer.leaving_lost)
            b->consumer.joined = false;
        b->consumer.leave_by_ns = clock_boot_ns() + LEAVE_WAIT_MS * MS;
        b->partitions.leaving = true;
        consumer_leave_if_due(b);
        if (b->partitions.leaving)
            bus_hurry(b);
        break;
    default:
        log_error("bus.rebalance", LOG_STR("error", rd_kafka_err2name(err)));
        partitions_unassign(b, true);
        rd_kafka_assign(rk, NULL);
        break;
    }
}

/* ---- errors ---- */

static void pass_over(struct bus *b, struct partition *p, const rd_kafka_message_t *m)
{
    uint64_t skipped;
    int64_t to;

    if (!unreadable_error(&p->unreadable, m->offset, clock_boot_ns(), &to, &skipped))
        return;
    log_error("bus.offset_skipped", LOG_INT("partition", p->id), LOG_INT("from", m->offset), LOG_INT("to", to));
    b->consumer.skipped += skipped;
    partition_seek(b, p, to);
    if (partition_begin(b, p, to - 1) == RESULT_OK)
        partition_finish(b, p, to - 1);
    dead_queue_unreadable(b);
}

static void on_message_error(struct bus *b, const rd_kafka_message_t *m)
{
    struct partition *p = m->rkt ? partitions_find(b, m->partition) : NULL;

    b->consumer.errors++;
    log_warn("bus.consume", LOG_INT("partition", m->partition), LOG_INT("offset", m->offset),
             LOG_STR("error", rd_kafka_err2name(m->err)), LOG_STR("text", rd_kafka_message_errstr(m)));
    if (m->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
        topics_refresh(b);
    if (p && m->offset >= 0 && unreadable_by(m->err))
        pass_over(b, p, m);
}

void bus_on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
    struct bus *b = opaque;
    rd_kafka_resp_err_t err = code;

    if (err == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && !b->consumer.down) {
        b->consumer.down = true;
        log_error("bus.down", LOG_STR("handle", rd_kafka_name(rk)));
    }
    if (err == RD_KAFKA_RESP_ERR__FATAL && !b->lost) {
        log_error("bus.fatal", LOG_STR("handle", rd_kafka_name(rk)), LOG_STR("text", reason));
        b->lost = true;
        uv_async_send(&b->wake);        /* from there: this is called from within librdkafka */
    }
}

/* ---- messages ---- */

/* Whether m is ours no more. One for which there is no room or no memory is the caller's still. */
static bool take(struct bus *b, struct partition *p, rd_kafka_message_t *m)
{
    if (m->err) {
        on_message_error(b, m);
        rd_kafka_message_destroy(m);
        return true;
    }
    struct request *rq = request_new(b);
    if (!rq)
        return false;
    if (partition_begin(b, p, m->offset)) {
        request_release(rq);
        return false;
    }
    dispatch(b, rq, p, m);
    return true;
}

/* At most so many of one partition, as long as it has some and has room for them. */
static unsigned read_partition(struct bus *b, struct partition *p, unsigned most, uint64_t until)
{
    unsigned n = 0;

    for (; n < most && partition_roomy(b, p) && clock_boot_ns() < until; n++) {
        rd_kafka_message_t *m = p->kept ? p->kept : rd_kafka_consume_queue(p->queue, 0);

        p->kept = NULL;
        if (!m) {
            partition_caught_up(p);
            break;
        }
        if (!take(b, p, m)) {
            p->kept = m;
            p->full = true;
            break;
        }
    }
    return n;
}

/* Some of each, beginning where the last round ended. */
static unsigned read_all(struct bus *b, unsigned most, uint64_t until)
{
    struct partitions *ps = &b->partitions;
    unsigned n = 0;
    size_t i = 0;

    for (; i < ps->room && n < most; i++) {
        struct partition *p = ps->by_id[(ps->turn + i) % ps->room];
        if (p)
            n += read_partition(b, p, most - n < SHARE_MAX ? most - n : SHARE_MAX, until);
    }
    if (ps->room > 0)
        ps->turn = (ps->turn + (i < ps->room ? i : i + 1)) % ps->room;
    return n;
}

/* What is nobody's in particular: rebalances, which are served from within, and errors. */
static void serve_group(struct bus *b)
{
    rd_kafka_message_t *m;

    while ((m = rd_kafka_consumer_poll(b->consumer.rk, 0))) {
        struct partition *p = m->err ? NULL : partitions_find(b, m->partition);

        if (m->err)
            on_message_error(b, m);
        else if (p)
            partition_seek(b, p, m->offset);    /* past its queue: none is known to come this way */
        rd_kafka_message_destroy(m);
    }
}

bool consumer_serve(struct bus *b)
{
    unsigned n = 0, got;

    serve_group(b);
    uint64_t until = clock_boot_ns() + DRAIN_MS * MS;
    do
        n += got = read_all(b, DRAIN_MAX - n, until);
    while (got > 0 && n < DRAIN_MAX && clock_boot_ns() < until);
    return got > 0 || clock_boot_ns() >= until;
}
