/* What the operator sees: reasons not to be ready, and metrics. */
#include "durable_internal.h"
#include "log.h"

#include <stdio.h>

void durable_ready(const struct durable *d, struct buffer *reasons)
{
    enum result r = RESULT_OK;

    if (!pg_up(d->pg))
        r = buffer_printf(reasons, "store: PostgreSQL is not reachable\n");
    if (!r && d->phase == DURABLE_MIGRATING)
        r = buffer_printf(reasons, "%s\n", d->why ? d->why : "schema: migrating");
    if (!r && d->phase == DURABLE_UNLOCKING)
        r = buffer_printf(reasons, "datakey: %s\n", d->datakey ? datakey_why(d->datakey) : "not known yet");
    if (r)
        log_error("durable.ready", LOG_RESULT(r));
}

static void collect(void *cookie)
{
    struct durable *d = cookie;

    d->stats.up = (double)pg_stats(d->pg)->up;
    for (size_t i = 0; i < d->stream_count; i++) {
        const struct outbox_stats *s = d->streams[i].relay ? outbox_stats(d->streams[i].relay) : NULL;
        if (!s)
            continue;
        d->stats.published[i] = s->published;
        d->stats.undelivered[i] = s->failed;
        d->stats.takeovers[i] = s->takeovers;
        d->stats.in_hand[i] = (double)s->in_hand;
    }
}

static enum result add_outbox_metrics(struct durable *d, struct metrics *m)
{
    enum result r = RESULT_OK;

    for (size_t i = 0; i < d->stream_count && !r; i++) {
        char labels[48];
        snprintf(labels, sizeof(labels), "stream=\"%s\"", d->streams[i].name);
        r = metrics_counter(m, "hlidka_outbox_published_total", "Rows of the outbox that reached Kafka.", labels,
                            &d->stats.published[i]);
        if (!r)
            r = metrics_counter(m, "hlidka_outbox_failed_total", "Attempts that did not; the rows stay.", labels,
                                &d->stats.undelivered[i]);
        if (!r)
            r = metrics_counter(m, "hlidka_outbox_takeovers_total", "Rows taken over from an instance that was gone.", labels,
                                &d->stats.takeovers[i]);
        if (!r)
            r = metrics_gauge(m, "hlidka_outbox_waiting", "Rows not yet published, of all instances, counted up to 10,000.", labels,
                              &d->stats.waiting[i]);
        if (!r)
            r = metrics_gauge(m, "hlidka_outbox_oldest_seconds", "Age of the oldest row not yet published.", labels,
                              &d->stats.oldest_s[i]);
        if (!r)
            r = metrics_gauge(m, "hlidka_outbox_in_hand", "Rows on their way.", labels, &d->stats.in_hand[i]);
    }
    return r;
}

enum result durable_add_metrics(struct durable *d)
{
    struct metrics *m = service_metrics(d->options.service);
    const struct pg_stats *s = pg_stats(d->pg);
    const struct {
        const char *name, *help, *labels;
        const uint64_t *value;
    } counters[] = {
        { "hlidka_once_total", "Requests marked once, by what became of them.", "end=\"made\"", &d->stats.made },
        { "hlidka_once_total", "Requests marked once, by what became of them.", "end=\"repeated\"", &d->stats.repeated },
        { "hlidka_once_total", "Requests marked once, by what became of them.", "end=\"conflict\"", &d->stats.conflicts },
        { "hlidka_once_total", "Requests marked once, by what became of them.", "end=\"refused\"", &d->stats.refused },
        { "hlidka_once_total", "Requests marked once, by what became of them.", "end=\"unavailable\"", &d->stats.unavailable },
        { "hlidka_once_total", "Requests marked once, by what became of them.", "end=\"failed\"", &d->stats.failed },
        { "hlidka_once_restarts_total", "Transactions begun anew.", NULL, &d->stats.restarts },
        { "hlidka_once_purged_total", "Records past their time that were removed.", NULL, &d->stats.purged },
        { "hlidka_pg_batches_total", "Batches by outcome.", "outcome=\"done\"", &s->done },
        { "hlidka_pg_batches_total", "Batches by outcome.", "outcome=\"unique\"", &s->unique },
        { "hlidka_pg_batches_total", "Batches by outcome.", "outcome=\"retry\"", &s->retry },
        { "hlidka_pg_batches_total", "Batches by outcome.", "outcome=\"failed\"", &s->failed },
        { "hlidka_pg_batches_total", "Batches by outcome.", "outcome=\"unavailable\"", &s->unavailable },
        { "hlidka_pg_batches_total", "Batches by outcome.", "outcome=\"unknown\"", &s->unknown },
        { "hlidka_pg_full_total", "Batches turned away from the pool's queue.", NULL, &s->full },
        { "hlidka_pg_timeouts_total", "Connections given up because of an overdue batch.", NULL, &s->timeouts },
        { "hlidka_pg_connects_total", "Connections that came up.", NULL, &s->connects },
        { "hlidka_pg_failures_total", "Attempts to connect that failed.", NULL, &s->failures },
    };
    enum result r = metrics_collector(m, collect, d);

    for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]) && !r; i++)
        r = metrics_counter(m, counters[i].name, counters[i].help, counters[i].labels, counters[i].value);
    if (!r)
        r = metrics_gauge(m, "hlidka_pg_up", "Connections to PostgreSQL that are up.", NULL, &d->stats.up);
    return r ? r : add_outbox_metrics(d, m);
}
