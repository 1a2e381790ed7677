#include "leader_internal.h"

static void collect(void *cookie)
{
    struct leader *l = cookie;

    l->leading = l->state == LEADING;
    l->size = l->state == LEADING ? (double)l->writer.tree.size : 0;
    l->subjects = (double)subject_cache_count(l->writer.cache);
    l->producers = l->writer.producers ? (double)producers_count(l->writer.producers) : 0;
}

enum result leader_metrics(struct leader *l, struct metrics *m)
{
    const struct {
        const char *name, *help;
        const uint64_t *value;
    } counters[] = {
        { "hlidka_audit_records_total", "Records written to the log by this instance.", &l->records },
        { "hlidka_audit_events_total", "Events among them.", &l->events },
        { "hlidka_audit_repeats_total", "Events that had been recorded before.", &l->repeats },
        { "hlidka_audit_transactions_total", "Transactions of the writer that committed.", &l->cycles_done },
        { "hlidka_audit_given_up_total", "Times that the leadership was given up.", &l->given_up },
        { "hlidka_audit_events_rejected_total", "Events that the store would not take, dead-lettered.", &l->rejected },
    };
    const struct {
        const char *name, *help;
        const double *value;
    } gauges[] = {
        { "hlidka_audit_leading", "1 while this instance writes the log.", &l->leading },
        { "hlidka_audit_log_size", "Records in the log, as its writer knows; 0 at the others.", &l->size },
        { "hlidka_audit_subjects_cached", "Keys of subjects at hand.", &l->subjects },
        { "hlidka_audit_producers", "Producing instances whose counts are kept.", &l->producers },
    };
    enum result r = metrics_collector(m, collect, l);

    for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]) && !r; i++)
        r = metrics_counter(m, counters[i].name, counters[i].help, NULL, counters[i].value);
    for (size_t i = 0; i < sizeof(gauges) / sizeof(gauges[0]) && !r; i++)
        r = metrics_gauge(m, gauges[i].name, gauges[i].help, NULL, gauges[i].value);
    return r;
}
