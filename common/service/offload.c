#include "offload.h"

#include <stdlib.h>
#include <uv.h>

struct offload {
    uv_loop_t *loop;
    size_t at_work;
    uint64_t done, refused;
    double pending;
    uv_timer_t last;                    /* brings `closed` from a turn of its own */
    bool closing;
    void (*closed)(void *cookie);
    void *cookie;
};

struct piece {
    uv_work_t work;
    struct offload *offload;
    void (*run)(void *cookie);
    void (*done)(void *cookie);
    void *cookie;
};

static void collect(void *cookie)
{
    struct offload *o = cookie;

    o->pending = (double)o->at_work;
}

static enum result add_metrics(struct offload *o, struct metrics *m)
{
    enum result r = metrics_collector(m, collect, o);

    if (!r)
        r = metrics_gauge(m, "hlidka_offload_pending", "Pieces of work given to the thread pool and not done.", NULL, &o->pending);
    if (!r)
        r = metrics_counter(m, "hlidka_offload_done_total", "Pieces of work done there.", NULL, &o->done);
    if (!r)
        r = metrics_counter(m, "hlidka_offload_refused_total", "Pieces refused, as there were too many.", NULL, &o->refused);
    return r;
}

enum result offload_new(struct uv_loop_s *loop, struct metrics *m, struct offload **out)
{
    struct offload *o = calloc(1, sizeof(*o));

    if (!o)
        return RESULT_NO_MEMORY;
    o->loop = loop;
    enum result r = m ? add_metrics(o, m) : RESULT_OK;
    if (r) {
        free(o);
        return r;
    }
    *out = o;
    return RESULT_OK;
}

static void run(uv_work_t *work)
{
    struct piece *p = work->data;

    p->run(p->cookie);
}

static void on_closed(uv_handle_t *handle)
{
    struct offload *o = handle->data;
    void (*closed)(void *) = o->closed;
    void *cookie = o->cookie;

    free(o);
    if (closed)
        closed(cookie);
}

static void close_when_idle(struct offload *o)
{
    if (o->closing && o->at_work == 0)
        uv_close((uv_handle_t *)&o->last, on_closed);
}

/* Nothing is ever cancelled, so there is no status to look at. */
static void on_done(uv_work_t *work, int status)
{
    struct piece *p = work->data;
    struct offload *o = p->offload;
    void (*done)(void *) = p->done;
    void *cookie = p->cookie;

    (void)status;
    free(p);
    o->done++;
    done(cookie);
    o->at_work--;
    close_when_idle(o);
}

enum result offload_run(struct offload *o, void (*work)(void *cookie), void (*done)(void *cookie), void *cookie)
{
    struct piece *p;

    if (o->closing)
        return RESULT_CLOSED;
    if (o->at_work >= OFFLOAD_MAX) {
        o->refused++;
        return RESULT_FULL;
    }
    p = calloc(1, sizeof(*p));
    if (!p)
        return RESULT_NO_MEMORY;
    *p = (struct piece){ .offload = o, .run = work, .done = done, .cookie = cookie };
    p->work.data = p;
    if (uv_queue_work(o->loop, &p->work, run, on_done)) {
        free(p);
        return RESULT_NO_MEMORY;
    }
    o->at_work++;
    return RESULT_OK;
}

void offload_close(struct offload *o, void (*closed)(void *cookie), void *cookie)
{
    o->closing = true;
    o->closed = closed;
    o->cookie = cookie;
    o->last.data = o;
    uv_timer_init(o->loop, &o->last);   /* cannot fail; never started */
    close_when_idle(o);
}
