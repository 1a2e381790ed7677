/* Waiting until the outbox holds nothing of a user: asked of the table, because any instance's relay may have its rows. */
#include "clock.h"
#include "durable_internal.h"

#include <stdlib.h>

enum {
    FIRST_MS = 2,                       /* a relay publishes and deletes in about so long */
    LONGEST_MS = 64,
    QUERY_MS = 2000,
    BATCH_BYTES = 1024,
};

#define NS_PER_MS UINT64_C(1000000)

struct wait {
    struct durable *durable;
    uv_timer_t timer;
    uint64_t until_ns;
    uint64_t pause_ms;
    const char *stream;
    char *user_key;
    bool published;
    void (*done)(void *cookie, bool published);
    void *cookie;
};

static void on_closed(uv_handle_t *handle)
{
    struct wait *w = handle->data;
    struct durable *d = w->durable;
    void (*done)(void *, bool) = w->done;
    void *cookie = w->cookie;
    bool published = w->published;

    free(w->user_key);
    free(w);
    done(cookie, published);
    durable_part_closed(d);
}

static void end(struct wait *w, bool published)
{
    w->published = published;
    uv_close((uv_handle_t *)&w->timer, on_closed);
}

static void on_pause_over(uv_timer_t *timer);

/* Rows of ours may have waited behind one of the same user that another instance had, and has published since. */
static void wake(const struct wait *w)
{
    struct durable *d = w->durable;

    for (size_t i = 0; i < d->stream_count; i++)
        if (d->streams[i].relay && strcmp(d->streams[i].name, w->stream) == 0)
            outbox_wake(d->streams[i].relay);
}

static void on_counted(void *cookie, struct pg_batch *b)
{
    struct wait *w = cookie;
    bool known = pg_outcome(b) == PG_DONE;
    int64_t pending = known ? pg_int(b, 0, 0, 0) : 0;

    if (pg_misread(b))
        known = false;
    pg_batch_free(b);
    if (known && pending == 0) {
        end(w, true);
        return;
    }
    if (w->durable->phase != DURABLE_OPEN || clock_boot_ns() + w->pause_ms * NS_PER_MS >= w->until_ns) {
        end(w, false);
        return;
    }
    wake(w);
    uv_timer_start(&w->timer, on_pause_over, w->pause_ms, 0);
    if (w->pause_ms < LONGEST_MS)
        w->pause_ms *= 2;
}

static void on_pause_over(uv_timer_t *timer)
{
    struct wait *w = timer->data;
    struct pg_batch *b;

    if (w->durable->phase != DURABLE_OPEN || pg_batch_new(BATCH_BYTES, &b)) {
        end(w, false);
        return;
    }
    if (outbox_pending(b, text_of(w->stream), text_of(w->user_key))
        || pg_submit(w->durable->pg, b, QUERY_MS, on_counted, w)) {
        pg_batch_free(b);
        end(w, false);
    }
}

void durable_when_published(struct durable *d, const char *stream, struct text user_key, uint64_t timeout_ms,
                            void (*done)(void *cookie, bool published), void *cookie)
{
    struct wait *w = calloc(1, sizeof(*w));

    if (!w || !(w->user_key = text_dup(user_key))) {
        free(w);
        done(cookie, false);
        return;
    }
    w->durable = d;
    w->until_ns = clock_boot_ns() + timeout_ms * NS_PER_MS;
    w->pause_ms = FIRST_MS;
    w->stream = stream;
    w->done = done;
    w->cookie = cookie;
    w->timer.data = w;
    d->open_handles++;
    /* Neither fails with a callback and a loop. The first look is taken when our own relay has had its turn. */
    uv_timer_init(service_loop(d->options.service), &w->timer);
    uv_timer_start(&w->timer, on_pause_over, FIRST_MS, 0);
}
