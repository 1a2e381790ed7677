#include "client.h"

#include <stdlib.h>

#define BURST_MAX   128u                        /* messages, and … */
#define BURST_BYTES (256u * 1024)               /* … bytes that wait for the turn's end */
#define LONE_BYTES  (64u * 1024)                /* of a message that gains nothing by waiting, and is not copied for it */

struct burst_item {
    struct uuid id;                             /* of its call, which may have ended meanwhile */
    rd_kafka_topic_t *topic;
    struct route_key key;
    size_t len;                                 /* of the value */
};

void burst_free(struct burst *b)
{
    buffer_free(&b->values);
    free(b->items);
}

static bool produce(const struct burst_item *item, uint8_t *value)
{
    return rd_kafka_produce(item->topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, value, item->len,
                            (void *)(uintptr_t)item->key.bytes, item->key.len, (void *)(uintptr_t)PRIVATE_REQUEST) == 0;
}

static void leave(struct hlidka *c)
{
    struct burst *b = &c->burst;
    uint8_t *value = b->values.data;

    (void)uv_prepare_stop(&b->turn);
    for (size_t i = 0; i < b->count; value += b->items[i++].len) {
        if (!produce(&b->items[i], value))
            call_unsent(c, &b->items[i].id);
    }
    b->count = 0;
    buffer_reset(&b->values);
}

static void on_turn(uv_prepare_t *turn)
{
    leave(turn->data);
}

enum result burst_open(struct hlidka *c)
{
    struct burst *b = &c->burst;

    buffer_init(&b->values, BURST_BYTES + LONE_BYTES);
    b->items = calloc(BURST_MAX, sizeof(b->items[0]));
    return b->items ? RESULT_OK : RESULT_NO_MEMORY;
}

void burst_loop(struct hlidka *c)
{
    (void)uv_prepare_init(c->loop, &c->burst.turn);     /* cannot fail */
    c->burst.turn.data = c;
}

enum result burst_add(struct hlidka *c, const struct hlidka_call *call)
{
    const struct burst_item item = { .id = call->id, .topic = call->topic, .key = call->key, .len = c->value.len };
    struct burst *b = &c->burst;

    if (item.len >= LONE_BYTES) {
        leave(c);                               /* what was made before it goes before it */
        return produce(&item, c->value.data) ? RESULT_OK : RESULT_FULL;
    }
    enum result r = buffer_append(&b->values, c->value.data, item.len);
    if (r)
        return r;
    b->items[b->count++] = item;
    if (b->count == BURST_MAX || b->values.len >= BURST_BYTES)
        leave(c);
    else
        (void)uv_prepare_start(&b->turn, on_turn);
    return RESULT_OK;
}
