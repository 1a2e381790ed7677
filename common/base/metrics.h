/*
 * The metrics of one process: a registry of pointers to numbers that their owners keep. The loop is single
 * threaded, so a counter is a uint64_t that its owner increments; nothing is looked up on a hot path.
 *
 *     metrics_counter(m, "hlidka_bus_dead_total", "Messages dead-lettered.", "reason=\"malformed\"", &b->dead[i]);
 *
 * Text format: Prometheus exposition 0.0.4 (promtool check metrics accepts it). All of one name must be
 * added with the same type and help; they are printed together.
 */
#ifndef HLIDKA_METRICS_H
#define HLIDKA_METRICS_H

#include "buffer.h"
#include "histogram.h"

struct metrics;

MUST_USE enum result metrics_new(struct metrics **out);
void metrics_free(struct metrics *m);

/*
 * name, help and labels are copied; labels are `a="b",c="d"` or NULL, values escaped by the caller (they are
 * ours, never a peer's text). The numbers are borrowed until metrics_free. RESULT_EXISTS for the same name and
 * labels again, RESULT_FULL over 2,000 series, RESULT_NO_MEMORY.
 */
MUST_USE enum result metrics_counter(struct metrics *m, const char *name, const char *help, const char *labels, const uint64_t *value);
/* A counter with a fraction: seconds of work. */
MUST_USE enum result metrics_seconds(struct metrics *m, const char *name, const char *help, const char *labels, const double *value);
MUST_USE enum result metrics_gauge(struct metrics *m, const char *name, const char *help, const char *labels, const double *value);
MUST_USE enum result metrics_histogram(struct metrics *m, const char *name, const char *help, const char *labels, const struct histogram *value);

/* Called before each print, to bring gauges up to date (queue lengths, lags). At most 16. */
MUST_USE enum result metrics_collector(struct metrics *m, void (*collect)(void *cookie), void *cookie);

MUST_USE enum result metrics_print(struct metrics *m, struct buffer *out);

#endif
