#include "audit_feed.h"

#include "clock.h"
#include "entropy.h"

#include <stdio.h>
#include <stdlib.h>

static void begin(void *cookie, const struct feed_offset *offsets, size_t count, size_t batch_max)
{
    struct audit_feed *f = cookie;

    for (unsigned p = 0; p < AUDIT_FEED_PARTITIONS; p++)
        f->at[p] = 0;
    for (size_t i = 0; i < count; i++)
        f->at[offsets[i].partition] = offsets[i].next;
    f->running = true;
    f->busy = false;
    f->batch_max = batch_max;
    f->least = 0;
    f->begun++;
}

static void next(void *cookie, size_t batch_max, size_t least)
{
    struct audit_feed *f = cookie;

    f->busy = false;
    f->batch_max = batch_max;
    f->least = least;
}

static void stored(void *cookie, const struct feed_offset *offsets, size_t count)
{
    struct audit_feed *f = cookie;

    for (size_t i = 0; i < count; i++)
        f->stored[offsets[i].partition] = offsets[i].next;
}

static void end(void *cookie)
{
    struct audit_feed *f = cookie;

    f->running = f->busy = false;
}

static void reject(void *cookie, const struct feed_item *item)
{
    struct audit_feed *f = cookie;

    f->rejected++;
    f->rejected_at = item->offset;
}

struct leader_feed audit_feed_hooks(struct audit_feed *f)
{
    return (struct leader_feed){ begin, next, stored, end, reject, f };
}

void audit_feed_pump(struct audit_feed *f)
{
    static const struct feed_gap GAP = { 0, 7 };
    size_t count = 0, moved = 0, waiting = 0;

    for (unsigned p = 0; p < AUDIT_FEED_PARTITIONS; p++)
        waiting += f->topic->count[p] - (size_t)f->at[p];
    if (!f->running || f->busy || waiting < f->least)
        return;
    for (unsigned p = 0; p < AUDIT_FEED_PARTITIONS; p++) {
        int64_t from = f->at[p];
        while (count < f->batch_max && (size_t)f->at[p] < f->topic->count[p])
            f->items[count++] = f->topic->items[p][f->at[p]++];
        if (f->at[p] > from)
            f->offsets[moved++] = (struct feed_offset){ (int32_t)p, f->at[p] };
    }
    if (count == 0 && !f->gap)
        return;
    f->batch = (struct feed_batch){ f->items, count, f->offsets, moved, &GAP, f->gap };
    f->gap = false;
    f->busy = true;
    f->batches++;
    leader_batch(f->leader, &f->batch);
}

struct feed_item *audit_topic_add(struct audit_topic *t, unsigned partition, const char *src, const char *type, const char *user)
{
    struct audit_event *e = calloc(1, sizeof(*e));
    struct feed_item *item = &t->items[partition][t->count[partition]];
    char *body = t->bodies[partition][t->count[partition]];
    uint8_t random[10];
    uint64_t now = clock_unix_ms();

    if (!e)
        abort();
    snprintf(body, sizeof(t->bodies[0][0]), "%s %s %u %zu", type, user, partition, t->count[partition]);
    entropy_fill(random, sizeof(random));
    *e = (struct audit_event){ .type = text_of(type), .time = now, .outcome = AUDIT_SUCCESS,
                               .user_id = user[0] ? text_of(user) : (struct text){ 0 } };
    *item = (struct feed_item){ .partition = (int32_t)partition, .offset = (int64_t)t->count[partition]++,
                                .id = uuid_v7(now, random), .src = text_of(src), .event = e,
                                .body = text_bytes(text_of(body)) };
    return item;
}
