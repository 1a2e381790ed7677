#include "client.h"

#include <stdlib.h>

#define BURST_MAX   128u                        /* messages, and … */
#define BURST_BYTES (256u * 1024)               /* … bytes that wait for the turn's end */

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

static void leave(struct hlidka *c)
{
    struct burst *b = &c->burst;
    uint8_t *value = b->values.data;

    (void)uv_prepare_stop(&b->turn);
    for (size_t i = 0; i < b->count; value += b->items[i++].len) {
        struct burst_item *item = &b->items[i];
        if (rd_kafka_produce(item->topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, value, item->len, item->key.bytes,
                             item->key.len, (void *)(uintptr_t)PRIVATE_REQUEST))
            call_unsent(c, &item->id);
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

    buffer_init(&b->values, BURST_BYTES + ENVELOPE_VALUE_MAX);
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
    struct burst *b = &c->burst;
    enum result r = buffer_append(&b->values, c->value.data, c->value.len);

    if (r)
        return r;
    b->items[b->count++] = (struct burst_item){
        .id = call->id, .topic = call->topic, .key = call->key, .len = c->value.len,
    };
    if (b->count == BURST_MAX || b->values.len >= BURST_BYTES)
        leave(c);
    else
        (void)uv_prepare_start(&b->turn, on_turn);
    return RESULT_OK;
}
