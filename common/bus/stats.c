#include "stats.h"

#include "bus_internal.h"
#include "clock.h"

#include <stdio.h>
#include <stdlib.h>

static const struct {
    unsigned status;
    const char *label;
} STATUSES[STATS_STATUSES] = {
    { 200, "200" }, { 400, "400" }, { 401, "401" }, { 403, "403" }, { 404, "404" },
    { 409, "409" }, { 410, "410" }, { 413, "413" }, { 415, "415" }, { 422, "422" },
    { 429, "429" }, { 500, "500" }, { 503, "503" }, { 0, "repeated" }, { 1, "other" },
};

void stats_answered(struct bus *b, const struct request *rq)
{
    unsigned i = 0;

    while (i < STATS_STATUSES - 1 && STATUSES[i].status != rq->status)
        i++;
    b->stats.answers[rq->route][i]++;
    histogram_add(&b->stats.latency[rq->slow], (clock_boot_ns() - rq->received_ns) / 1000);
}

static void collect(void *cookie)
{
    struct bus *b = cookie;

    partitions_collect(b);
    peers_collect(&b->peers);
    broadcast_collect(b);
    feed_collect(b);
    b->producer.queued = b->producer.rk ? rd_kafka_outq_len(b->producer.rk) : 0;
}

static enum result add_answers(struct bus *b)
{
    char labels[ENVELOPE_OP_MAX + 64];

    for (size_t i = 0; i <= b->options.route_count; i++) {
        struct text op = i < b->options.route_count ? b->options.routes[i].op->name : TEXT("other");
        for (size_t s = 0; s < STATS_STATUSES; s++) {
            snprintf(labels, sizeof(labels), "op=\"%.*s\",status=\"%s\"", TEXT_ARG(op), STATUSES[s].label);
            enum result r = metrics_counter(b->options.metrics, "hlidka_bus_requests_total", "Requests answered.", labels,
                                            &b->stats.answers[i][s]);
            if (r)
                return r;
        }
    }
    return RESULT_OK;
}

static enum result add_dead(struct bus *b)
{
    char labels[64];

    for (unsigned i = 0; i < DEAD_REASONS; i++) {
        snprintf(labels, sizeof(labels), "reason=\"%s\"", dead_reason_text(i));
        enum result r = metrics_counter(b->options.metrics, "hlidka_bus_dead_total", "Messages refused without an answer.", labels,
                                        &b->dead.counts[i]);
        if (r)
            return r;
    }
    return RESULT_OK;
}

static enum result add_deliveries(struct bus *b)
{
    static const char *const KIND[DELIVERY_KINDS] = { "kind=\"reply\"", "kind=\"dead_letter\"", "kind=\"event\"",
                                                       "kind=\"heartbeat\"", "kind=\"outbox\"" };
    struct metrics *m = b->options.metrics;
    enum result r = RESULT_OK;

    for (unsigned i = 0; i < DELIVERY_KINDS && !r; i++)
        r = metrics_counter(m, "hlidka_bus_delivered_total", "Messages that the broker has confirmed.", KIND[i], &b->producer.sent[i]);
    for (unsigned i = 0; i < DELIVERY_KINDS && !r; i++)
        r = metrics_counter(m, "hlidka_bus_not_delivered_total", "Messages given up by the producer.", KIND[i], &b->producer.failed[i]);
    return r;
}

static enum result add_latency(struct bus *b)
{
    static const char *const CLASS[2] = { "class=\"fast\"", "class=\"slow\"" };
    enum result r = RESULT_OK;

    for (unsigned i = 0; i < 2 && !r; i++)
        r = metrics_histogram(b->options.metrics, "hlidka_bus_request_seconds", "From receipt to the reply's hand-over to the producer.",
                              CLASS[i], &b->stats.latency[i]);
    return r;
}

static enum result add_plain(struct bus *b)
{
    const struct {
        const char *name, *help;
        const uint64_t *value;
    } counters[] = {
        { "hlidka_bus_dead_only_counted_total", "Dead messages of which no letter was written: over the allowance, or no topic.", &b->dead.only_counted },
        { "hlidka_bus_rebalances_total", "Rebalances of the group as this instance saw them.", &b->consumer.rebalances },
        { "hlidka_bus_consumer_errors_total", "Errors that the consumer reported.", &b->consumer.errors },
        { "hlidka_bus_offsets_skipped_total", "Offsets passed over because they could not be read.", &b->consumer.skipped },
        { "hlidka_bus_pauses_total", "Times a partition was paused.", &b->partitions.pauses },
        { "hlidka_bus_copies_waited_total", "Copies of a message that waited for the first.", &b->copies.waited },
        { "hlidka_bus_copies_refused_total", "Copies refused because too many waited.", &b->copies.refused },
        { "hlidka_bus_slow_refused_total", "Slow requests refused because too many were at work.", &b->requests.slow_refused },
        { "hlidka_bus_unanswered_total", "Requests that could not be answered: no key any more, no memory.", &b->requests.unsealed },
        { "hlidka_bus_postponed_total", "Messages that waited for metadata of their reply topic.", &b->postponed.total },
        { "hlidka_bus_metadata_failures_total", "Rounds of metadata requests that failed.", &b->topics.failures },
        { "hlidka_bus_events_dropped_total", "Events that were not sent to audit.", &b->events.dropped },
    };
    const struct {
        const char *name, *help;
        const double *value;
    } gauges[] = {
        { "hlidka_bus_in_flight", "Messages begun and not finished.", &b->partitions.in_flight_now },
        { "hlidka_bus_partitions_assigned", "Partitions of the request topic that are ours.", &b->partitions.assigned_now },
        { "hlidka_bus_partitions_paused", "… of which so many are paused.", &b->partitions.paused_now },
        { "hlidka_bus_lag", "Messages not finished yet in our partitions.", &b->partitions.lag_now },
        { "hlidka_bus_producer_queue", "Messages in the producer's queue.", &b->producer.queued },
        { "hlidka_bus_principals_refused", "1 while the principals or keys on disk are refused and older ones in force.", &b->stats.refused_file },
    };
    enum result r = RESULT_OK;

    for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]) && !r; i++)
        r = metrics_counter(b->options.metrics, counters[i].name, counters[i].help, NULL, counters[i].value);
    for (size_t i = 0; i < sizeof(gauges) / sizeof(gauges[0]) && !r; i++)
        r = metrics_gauge(b->options.metrics, gauges[i].name, gauges[i].help, NULL, gauges[i].value);
    return r;
}

static enum result add_broadcast(struct bus *b)
{
    const struct {
        const char *name, *help;
        const uint64_t *value;
    } counters[] = {
        { "hlidka_bus_revocations_total", "Revocations read.", &b->broadcast.revocations },
        { "hlidka_bus_revocations_refused_total", "Messages on the topic of revocations that were dead-lettered.", &b->broadcast.refused },
        { "hlidka_bus_revocations_lost_total", "Times that revocations may have gone unread, and all was forgotten.", &b->broadcast.lost },
        { "hlidka_bus_revocations_errors_total", "Errors in reading the topic of revocations.", &b->broadcast.errors },
    };
    enum result r = metrics_gauge(b->options.metrics, "hlidka_bus_heartbeat_age_seconds",
                                  "Since the newest own heartbeat that was read back was made; -1 before the first.", NULL,
                                  &b->broadcast.age_s);

    for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]) && !r; i++)
        r = metrics_counter(b->options.metrics, counters[i].name, counters[i].help, NULL, counters[i].value);
    return r;
}

static enum result add_feed(struct bus *b)
{
    const struct {
        const char *name, *help;
        const uint64_t *value;
    } counters[] = {
        { "hlidka_bus_feed_messages_total", "Messages read from the topic of events.", &b->feed.items },
        { "hlidka_bus_feed_batches_total", "Batches of them handed over.", &b->feed.batches },
        { "hlidka_bus_feed_gaps_total", "Times that what was to be read next was not there any more.", &b->feed.gaps },
        { "hlidka_bus_feed_skipped_total", "Offsets passed over because they could not be read.", &b->feed.skipped },
        { "hlidka_bus_feed_errors_total", "Errors in reading the topic of events.", &b->feed.errors },
    };
    enum result r = metrics_gauge(b->options.metrics, "hlidka_bus_feed_lag", "Events in Kafka that have not been read yet; 0 where "
                                  "another instance reads.", NULL, &b->feed.lag);

    for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]) && !r; i++)
        r = metrics_counter(b->options.metrics, counters[i].name, counters[i].help, NULL, counters[i].value);
    return r;
}

enum result stats_init(struct bus *b)
{
    enum result r;

    b->stats.answers = calloc(b->options.route_count + 1, sizeof(*b->stats.answers));
    if (!b->stats.answers)
        return RESULT_NO_MEMORY;
    if (!b->options.metrics)
        return RESULT_OK;
    if ((r = add_answers(b)) || (r = add_dead(b)) || (r = add_deliveries(b)) || (r = add_latency(b)) || (r = add_plain(b)) ||
        (b->options.listener && (r = add_broadcast(b))) || (b->options.feed && (r = add_feed(b))))
        return r;
    return metrics_collector(b->options.metrics, collect, b);
}

void stats_free(struct bus *b)
{
    free(b->stats.answers);
    b->stats.answers = NULL;
}
