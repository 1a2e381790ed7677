#include "closing.h"

#include "bus_internal.h"
#include "clock.h"
#include "log.h"

enum { LEAVE_MS = 3000, FLUSH_MS = 2000, PURGE_MS = 500 };

static void enter(struct bus *b, enum bus_state state, uint32_t ms)
{
    b->state = state;
    b->closing.until_ns = clock_boot_ns() + ms * NS_PER_MS;
}

static bool overdue(const struct bus *b)
{
    return clock_boot_ns() >= b->closing.until_ns;
}

void closing_begin(struct bus *b, uint32_t drain_ms, void (*stopped)(void *cookie), void *cookie)
{
    b->closing.stopped = stopped;
    b->closing.cookie = cookie;
    enter(b, BUS_DRAINING, drain_ms);
    partitions_hold(b, true);
    dispatch_abandon_postponed(b);
    dead_queue_end(b);
    broadcast_stop(b);
    feed_end(b);
    bus_hurry(b);
}

static void leave_group(struct bus *b)
{
    if (b->partitions.in_flight > 0)
        log_warn("bus.drain", LOG_UINT("unfinished", b->partitions.in_flight));
    partitions_store(b);
    enter(b, BUS_LEAVING, LEAVE_MS);
    b->closing.queue = rd_kafka_queue_new(b->consumer.rk);
    if (!b->closing.queue)
        return;                         /* destroyed without a farewell: the session times out */
    rd_kafka_queue_cb_event_enable(b->closing.queue, bus_on_queue, b);
    rd_kafka_error_t *error = rd_kafka_consumer_close_queue(b->consumer.rk, b->closing.queue);
    if (error) {
        log_warn("bus.close", LOG_STR("error", rd_kafka_error_name(error)));
        rd_kafka_error_destroy(error);
    }
}

static bool left_group(struct bus *b)
{
    rd_kafka_message_t *m;

    if (!b->closing.queue)
        return true;
    /*
     * It follows where its queue was sent. rd_kafka_queue_poll_callback would abort the process at a message, should one
     * come this way.
     */
    while ((m = rd_kafka_consumer_poll(b->consumer.rk, 0)))
        rd_kafka_message_destroy(m);
    consumer_leave_if_due(b);
    return rd_kafka_consumer_closed(b->consumer.rk);
}

static void purge(struct bus *b)
{
    log_warn("bus.flush", LOG_UINT("given_up", b->producer.out));
    rd_kafka_purge(b->producer.rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING);
    b->closing.purged = true;
    enter(b, BUS_FLUSHING, PURGE_MS);
}

/* ---- the handles go, on the thread pool: joining librdkafka's threads takes its time ---- */

static void destroy(uv_work_t *work)
{
    struct bus *b = work->data;

    if (b->closing.queue)
        rd_kafka_queue_destroy(b->closing.queue);
    rd_kafka_queue_destroy(b->consumer.queue);
    rd_kafka_destroy_flags(b->consumer.rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    if (b->broadcast.rk) {
        rd_kafka_queue_destroy(b->broadcast.queue);
        rd_kafka_destroy_flags(b->broadcast.rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    }
    if (b->feed.rk) {
        rd_kafka_queue_destroy(b->feed.queue);
        rd_kafka_destroy_flags(b->feed.rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    }
    rd_kafka_destroy(b->producer.rk);
}

static void on_closed(uv_handle_t *handle)
{
    struct bus *b = handle->data;

    if (--b->closing.handles > 0)
        return;
    b->closing.stopped(b->closing.cookie);
}

static void close_handles(struct bus *b)
{
    b->closing.handles = 4;
    uv_close((uv_handle_t *)&b->tick, on_closed);
    uv_close((uv_handle_t *)&b->broadcast.beat, on_closed);
    uv_close((uv_handle_t *)&b->wake, on_closed);
    uv_close((uv_handle_t *)&b->producer.turn, on_closed);
}

static void destroyed(uv_work_t *work, int status)
{
    struct bus *b = work->data;

    (void)status;
    b->consumer.rk = b->producer.rk = b->broadcast.rk = b->feed.rk = NULL;
    b->consumer.queue = b->closing.queue = b->broadcast.queue = b->feed.queue = NULL;
    close_handles(b);
}

static void close_all(struct bus *b)
{
    enter(b, BUS_CLOSED, 0);
    partitions_unassign(b, true);
    rd_kafka_queue_cb_event_enable(b->consumer.queue, NULL, NULL);
    if (b->broadcast.queue)
        rd_kafka_queue_cb_event_enable(b->broadcast.queue, NULL, NULL);
    if (b->feed.queue)
        rd_kafka_queue_cb_event_enable(b->feed.queue, NULL, NULL);
    if (b->closing.queue)
        rd_kafka_queue_cb_event_enable(b->closing.queue, NULL, NULL);
    topics_release(b);
    peers_release(&b->peers);
    b->closing.destroying = true;
    b->closing.destroy.data = b;
    if (uv_queue_work(b->loop, &b->closing.destroy, destroy, destroyed)) {
        destroy(&b->closing.destroy);
        destroyed(&b->closing.destroy, 0);
    }
}

void closing_step(struct bus *b)
{
    if (b->state == BUS_DRAINING && ((b->partitions.in_flight == 0 && b->producer.out == 0) || overdue(b)))
        leave_group(b);
    if (b->state == BUS_LEAVING && (left_group(b) || overdue(b)))
        enter(b, BUS_FLUSHING, FLUSH_MS);
    if (b->state == BUS_FLUSHING && b->producer.out > 0 && overdue(b) && !b->closing.purged)
        purge(b);
    /* A round of metadata uses the handles; its questions have bounds of their own. */
    if (b->state == BUS_FLUSHING && (b->producer.out == 0 || overdue(b)) && !b->topics.round)
        close_all(b);
}
