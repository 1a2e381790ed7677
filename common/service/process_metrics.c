#include "process_metrics.h"

#include "clock.h"

#define LAG_PERIOD_MS 100u
#define LAG_PERIOD_NS (LAG_PERIOD_MS * UINT64_C(1000000))

static void collect(void *cookie)
{
    struct process_metrics *p = cookie;

    process_usage(&p->usage);
}

static void on_timer(uv_timer_t *timer)
{
    struct process_metrics *p = timer->data;
    uint64_t now = clock_boot_ns();

    histogram_add(&p->loop_lag, now > p->due_ns ? (now - p->due_ns) / 1000 : 0);
    p->due_ns = now + LAG_PERIOD_NS;
}

enum result process_metrics_start(struct process_metrics *p, uv_loop_t *loop, struct metrics *m)
{
    enum result r;

    p->timer.data = p;
    if (uv_timer_init(loop, &p->timer))
        return RESULT_INTERNAL;
    p->start_time = (double)clock_unix_ms() / 1000;
    process_usage(&p->usage);
    if ((r = metrics_gauge(m, "process_start_time_seconds", "When this process began, since 1970.", NULL, &p->start_time)) ||
        (r = metrics_seconds(m, "process_cpu_seconds_total", "CPU time, user and system.", NULL, &p->usage.cpu_seconds)) ||
        (r = metrics_gauge(m, "process_resident_memory_bytes", "Memory in RAM.", NULL, &p->usage.resident_bytes)) ||
        (r = metrics_gauge(m, "process_open_fds", "Open file descriptors.", NULL, &p->usage.open_fds)) ||
        (r = metrics_gauge(m, "process_max_fds", "As many may be open.", NULL, &p->usage.max_fds)) ||
        (r = metrics_histogram(m, "hlidka_loop_lag_seconds", "By how much a timer of the loop comes too late.", NULL,
                               &p->loop_lag)) ||
        (r = metrics_collector(m, collect, p)))
        return r;

    p->due_ns = clock_boot_ns() + LAG_PERIOD_NS;
    return uv_timer_start(&p->timer, on_timer, LAG_PERIOD_MS, LAG_PERIOD_MS) ? RESULT_INTERNAL : RESULT_OK;
}
