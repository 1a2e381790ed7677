/*
 * What Prometheus expects of every process (start time, CPU, memory, descriptors), and how late the loop is: a
 * timer of 100 ms, and by how much it comes too late, which is what everything else waits for as well.
 */
#ifndef HLIDKA_PROCESS_METRICS_H
#define HLIDKA_PROCESS_METRICS_H

#include "metrics.h"
#include "process.h"

#include <uv.h>

struct process_metrics {
    double start_time;
    struct process_usage usage;
    struct histogram loop_lag;
    uint64_t due_ns;
    uv_timer_t timer;
};

/* The registry borrows it. Its timer is the caller's to close, after a failure too. RESULT_INTERNAL, and as metrics_counter. */
MUST_USE enum result process_metrics_start(struct process_metrics *p, uv_loop_t *loop, struct metrics *m);

#endif
