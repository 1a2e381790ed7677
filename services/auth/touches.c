#include "touches.h"

void touches_init(struct touches *t, struct bearer_store *store)
{
    t->store = store;
    t->count = 0;
    t->writing = false;
    t->written = t->lost = 0;
}

static void write_some(struct touches *t);

static void on_written(void *cookie)
{
    struct touches *t = cookie;

    t->writing = false;
    write_some(t);
}

static void write_some(struct touches *t)
{
    size_t n = t->count < BEARER_BATCH ? t->count : BEARER_BATCH;

    if (t->writing || n == 0)
        return;
    /* The newest: they are at the end, and nothing need be moved. */
    t->count -= n;
    if (t->store->touch(t->store, &t->gathering[t->count], n, on_written, t)) {
        t->lost += n;
        return;
    }
    t->written += n;
    t->writing = true;
}

void touches_add(struct touches *t, const struct uuid *session, uint64_t now_ms)
{
    if (t->count == TOUCHES_MAX) {
        t->lost++;
        return;
    }
    t->gathering[t->count++] = (struct touch){ *session, now_ms };
    write_some(t);
}
