#include "producer.h"

#include "bus_internal.h"
#include "kafka_conf.h"
#include "log.h"

#include <stdlib.h>

enum {
    FREE_MAX = 1024,                    /* deliveries kept for reuse */
    KEEP_BYTES = 16 * 1024,             /* a larger value's memory is given back */
};

static void on_report(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque);

enum result producer_open(struct bus *b, struct buffer *why)
{
    struct kafka_identity who = { b->options.brokers, b->options.instance, NULL };
    rd_kafka_conf_t *conf;
    enum result r = kafka_conf_new(RD_KAFKA_PRODUCER, &who, b, &conf, why);

    if (r)
        return r;
    rd_kafka_conf_set_dr_msg_cb(conf, on_report);
    rd_kafka_conf_set_error_cb(conf, bus_on_error);
    b->producer.waiting_last = &b->producer.waiting;
    return kafka_handle_new(RD_KAFKA_PRODUCER, conf, &b->producer.rk, why);
}

struct delivery *delivery_new(struct bus *b, enum delivery_kind kind)
{
    struct producer *p = &b->producer;
    struct delivery *d = p->free;

    if (d) {
        p->free = d->next;
        p->free_count--;
        d->next = NULL;
    } else {
        d = calloc(1, sizeof(*d));
        if (!d)
            return NULL;
        buffer_init(&d->key, ENVELOPE_VALUE_MAX * 2);
        buffer_init(&d->value, ENVELOPE_VALUE_MAX);
    }
    d->kind = kind;
    d->to = RD_KAFKA_PARTITION_UA;
    return d;
}

static void destroy(struct delivery *d)
{
    if (d->headers)
        rd_kafka_headers_destroy(d->headers);
    buffer_free(&d->key);
    buffer_free(&d->value);
    free(d);
}

void delivery_drop(struct bus *b, struct delivery *d)
{
    struct producer *p = &b->producer;

    if (p->free_count == FREE_MAX) {
        destroy(d);
        return;
    }
    if (d->headers)
        rd_kafka_headers_destroy(d->headers);
    if (d->value.cap > KEEP_BYTES)
        buffer_free(&d->value);
    if (d->key.cap > KEEP_BYTES)
        buffer_free(&d->key);
    buffer_reset(&d->key);
    buffer_reset(&d->value);
    *d = (struct delivery){ .next = p->free, .key = d->key, .value = d->value };
    p->free = d;
    p->free_count++;
}

/* The end of a delivery. Calls nobody outside the bus but the outbox, at the very end. */
static void finish(struct bus *b, struct delivery *d, rd_kafka_resp_err_t err)
{
    b->producer.out--;
    if (d->kind == DELIVERY_EVENT)
        b->producer.events_out--;
    if (d->kind == DELIVERY_HEARTBEAT)
        broadcast_delivered(b);
    if (d->of_feed)
        feed_letter_reported(b);
    if (err) {
        b->producer.failed[d->kind]++;
        log_warn("bus.not_delivered", LOG_STR("topic", rd_kafka_topic_name(d->topic)), LOG_INT("partition", d->to),
                 LOG_STR("error", rd_kafka_err2name(err)));
    } else {
        b->producer.sent[d->kind]++;
    }
    struct partition *partition = d->partition;
    int64_t offset = d->offset, number = d->number;
    bus_reported *reported = d->reported;
    void *cookie = d->reported_cookie;
    delivery_drop(b, d);
    /* Where nothing can be sent any more a report is no end: another process is to be given the message. */
    if (partition && (b->lost || err == RD_KAFKA_RESP_ERR__FATAL))
        partition_abandon(b, partition);
    else if (partition)
        partition_finish(b, partition, offset);
    if (reported)
        reported(cookie, number, !err);
}

static void on_report(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
    (void)rk;
    finish(opaque, m->_private, m->err);
}

static rd_kafka_resp_err_t produce(struct producer *p, struct delivery *d)
{
    /* The flags are 0: librdkafka reads the value where it is, and d stays until the report. */
    if (!d->headers)
        return rd_kafka_produce(d->topic, d->to, 0, d->value.data, d->value.len, d->key.data, d->key.len, d) == 0
                   ? RD_KAFKA_RESP_ERR_NO_ERROR
                   : rd_kafka_last_error();
    rd_kafka_resp_err_t err = rd_kafka_producev(
        p->rk, RD_KAFKA_V_RKT(d->topic), RD_KAFKA_V_PARTITION(d->to), RD_KAFKA_V_MSGFLAGS(0),
        RD_KAFKA_V_VALUE(d->value.data, d->value.len), RD_KAFKA_V_KEY(d->key.data, d->key.len),
        RD_KAFKA_V_HEADERS(d->headers), RD_KAFKA_V_OPAQUE(d), RD_KAFKA_V_END);
    if (!err)
        d->headers = NULL;
    return err;
}

void producer_loop(struct bus *b)
{
    (void)uv_prepare_init(b->loop, &b->producer.turn);  /* cannot fail */
    b->producer.turn.data = b;
}

static void on_turn(uv_prepare_t *turn)
{
    struct bus *b = turn->data;
    struct producer *p = &b->producer;

    (void)uv_prepare_stop(turn);
    while (p->waiting && b->state < BUS_CLOSED) {
        struct delivery *d = p->waiting;
        rd_kafka_resp_err_t err = produce(p, d);
        if (err == RD_KAFKA_RESP_ERR__QUEUE_FULL)
            return;
        p->waiting = d->next;
        if (!p->waiting)
            p->waiting_last = &p->waiting;
        d->next = NULL;
        if (err)
            finish(b, d, err);
    }
}

void delivery_send(struct bus *b, struct delivery *d)
{
    struct producer *p = &b->producer;

    p->out++;
    if (d->kind == DELIVERY_EVENT)
        p->events_out++;
    *p->waiting_last = d;
    p->waiting_last = &d->next;
    (void)uv_prepare_start(&p->turn, on_turn);
}

enum result delivery_try(struct bus *b, struct delivery *d)
{
    struct producer *p = &b->producer;
    rd_kafka_resp_err_t err = produce(p, d);

    if (err)
        return err == RD_KAFKA_RESP_ERR__QUEUE_FULL ? RESULT_FULL : RESULT_UNAVAILABLE;
    p->out++;
    return RESULT_OK;
}

void producer_serve(struct bus *b)
{
    struct producer *p = &b->producer;

    rd_kafka_poll(p->rk, 0);
    if (p->waiting)
        (void)uv_prepare_start(&p->turn, on_turn);
}

static void destroy_list(struct delivery *d)
{
    while (d) {
        struct delivery *next = d->next;
        destroy(d);
        d = next;
    }
}

void producer_free(struct bus *b)
{
    destroy_list(b->producer.waiting);
    destroy_list(b->producer.free);
    b->producer.waiting = b->producer.free = NULL;
    b->producer.free_count = 0;
}
