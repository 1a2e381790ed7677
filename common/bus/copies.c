#include "copies.h"

#include "bus_internal.h"
#include "clock.h"
#include "entropy.h"

enum {
    AT_WORK_MAX = 65536,
    WAITING_MAX = 32,                   /* for one message */
};

struct copy_key {
    struct uuid id;
    char src[ENVELOPE_NAME_MAX];
};

static struct copy_key key_of(const struct request *rq)
{
    struct copy_key key = { .id = rq->id };

    memcpy(key.src, rq->source->name.data, rq->source->name.len);
    return key;
}

enum result copies_init(struct bus *b)
{
    uint8_t seed[16];

    entropy_fill(seed, sizeof(seed));
    b->copies.ready_last = &b->copies.ready;
    return hashmap_new(sizeof(struct copy_key), AT_WORK_MAX, seed, &b->copies.at_work);
}

void copies_free(struct bus *b)
{
    hashmap_free(b->copies.at_work);
    b->copies.at_work = NULL;
}

enum result copies_enter(struct bus *b, struct request *rq)
{
    struct copy_key key = key_of(rq);
    struct request *first = hashmap_get(b->copies.at_work, &key);

    if (!first) {
        enum result r = hashmap_put(b->copies.at_work, &key, rq);
        if (r) {
            b->copies.refused++;
            return r;
        }
        rq->first = true;
        rq->copies_last = &rq->copies;
        return RESULT_OK;
    }
    if (first->copy_count == WAITING_MAX) {
        b->copies.refused++;
        return RESULT_FULL;
    }
    *first->copies_last = rq;
    first->copies_last = &rq->link;
    first->copy_count++;
    b->copies.waited++;
    return RESULT_EXISTS;
}

void copies_pass_on(struct bus *b, struct request *rq)
{
    struct copy_key key = key_of(rq);
    struct request *next = rq->copies;

    hashmap_remove(b->copies.at_work, &key);
    rq->first = false;
    if (!next)
        return;
    next->first = true;
    next->copies = next->link;
    next->copies_last = next->copies ? rq->copies_last : &next->copies;
    next->copy_count = rq->copy_count - 1;
    next->link = NULL;
    /* There is room: its place has just been given up. Without memory it runs unguarded, which the store bears. */
    if (hashmap_put(b->copies.at_work, &key, next))
        next->first = next->copies != NULL;
    *b->copies.ready_last = next;
    b->copies.ready_last = &next->link;
}

static struct request *take(struct copies *cs)
{
    struct request *rq = cs->ready;

    cs->ready = rq->link;
    if (!cs->ready)
        cs->ready_last = &cs->ready;
    rq->link = NULL;
    return rq;
}

void copies_run(struct bus *b)
{
    if (b->copies.running)
        return;
    b->copies.running = true;
    while (b->copies.ready) {
        struct request *rq = take(&b->copies);
        if (clock_boot_ns() <= rq->deadline_ns) {
            dispatch_serve(b, rq);
            continue;
        }
        rq->reply_to->expired++;
        copies_pass_on(b, rq);
        request_dismiss(rq);
    }
    b->copies.running = false;
}
