#include "client.h"

#include <stdio.h>

static const struct hlidka_property BOTH[] = {
    { "socket.nagle.disable", "true" },
    { "socket.keepalive.enable", "true" },
    { "reconnect.backoff.ms", "50" },
    { "reconnect.backoff.max.ms", "1000" },
    /* Log lines wait in the queue that the loop drains, so that the notice callback keeps to its thread. */
    { "log.queue", "true" },
    { "log_level", "4" },
    { "log.connection.close", "false" },
};

static const struct hlidka_property PRODUCER[] = {
    /* A lone message leaves at once; while a request is out, the next batch gathers, in order. Not idempotent: DESIGN.md. */
    { "linger.ms", "0" },
    { "max.in.flight.requests.per.connection", "1" },
    /* Longer, a request is of no use: it has been sent again, or its deadline has passed. */
    { "message.timeout.ms", "5000" },
    { "retry.backoff.ms", "50" },
    { "compression.type", "none" },
    { "message.max.bytes", "1048576" },
    { "queue.buffering.max.kbytes", "262144" },
    { "delivery.report.only.error", "true" },
};

static const struct hlidka_property CONSUMER[] = {
    { "fetch.wait.max.ms", "100" },
    { "fetch.error.backoff.ms", "20" },
    { "fetch.message.max.bytes", "1048588" },
    { "queued.max.messages.kbytes", "32768" },
    { "enable.auto.commit", "false" },
    { "enable.auto.offset.store", "false" },
    /* Should what we stand at have gone, the oldest there is costs only the look at each `re`. */
    { "auto.offset.reset", "earliest" },
};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static enum result set_all(rd_kafka_conf_t *conf, const struct hlidka_property *p, size_t count, struct buffer *why)
{
    char error[256];

    for (size_t i = 0; i < count; i++) {
        if (rd_kafka_conf_set(conf, p[i].name, p[i].value, error, sizeof(error)) != RD_KAFKA_CONF_OK)
            return buffer_printf(why, "%s: %s\n", p[i].name, error) ? RESULT_NO_MEMORY : RESULT_BAD_CONFIG;
    }
    return RESULT_OK;
}

static void on_log(const rd_kafka_t *rk, int severity, const char *facility, const char *text)
{
    (void)severity;
    /* That a property is the other handle's is how properties for both are given. */
    if (strcmp(facility, "CONFWARN") != 0)
        client_notice(rd_kafka_opaque(rk), "librdkafka: %s: %s", facility, text);
}

static void on_error(rd_kafka_t *rk, int err, const char *reason, void *opaque)
{
    (void)rk;
    client_notice(opaque, "librdkafka: %s: %s", rd_kafka_err2name((rd_kafka_resp_err_t)err), reason);
}

/* Only failures are reported: what was delivered is answered, or its caller's deadline says so. */
static void on_undelivered(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
    struct hlidka *c = opaque;

    (void)rk;
    if (!m->err)
        return;
    if ((uintptr_t)m->_private == PRIVATE_EVENT)
        c->stats.events_dropped++;
    else
        c->stats.undelivered++;
}

static enum result open_handle(struct hlidka *c, const struct hlidka_options *o, rd_kafka_type_t type,
                               const char *client_id, rd_kafka_t **out, struct buffer *why)
{
    const struct hlidka_property own[] = { { "bootstrap.servers", o->brokers }, { "client.id", client_id } };
    bool producer = type == RD_KAFKA_PRODUCER;
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char error[256];
    enum result r;

    rd_kafka_conf_set_opaque(conf, c);
    rd_kafka_conf_set_log_cb(conf, on_log);
    rd_kafka_conf_set_error_cb(conf, on_error);
    if (producer)
        rd_kafka_conf_set_dr_msg_cb(conf, on_undelivered);
    r = set_all(conf, BOTH, COUNT_OF(BOTH), why);
    if (!r)
        r = producer ? set_all(conf, PRODUCER, COUNT_OF(PRODUCER), why) : set_all(conf, CONSUMER, COUNT_OF(CONSUMER), why);
    if (!r)
        r = set_all(conf, own, COUNT_OF(own), why);
    if (!r)
        r = set_all(conf, o->properties, o->property_count, why);
    if (r)
        goto fail_conf;
    *out = rd_kafka_new(type, conf, error, sizeof(error));
    if (!*out) {
        r = buffer_printf(why, "librdkafka: %s\n", error) ? RESULT_NO_MEMORY : RESULT_BAD_CONFIG;
        goto fail_conf;
    }
    rd_kafka_set_log_queue(*out, NULL);
    return RESULT_OK;

fail_conf:
    rd_kafka_conf_destroy(conf);
    return r;
}

/* Called by librdkafka's threads, with the queue locked: nothing but this. */
static void on_queue(rd_kafka_t *rk, void *opaque)
{
    struct hlidka *c = opaque;

    (void)rk;
    uv_async_send(&c->wake);
}

/* An event is worth waiting for a broker's return: nobody will send it again. */
static enum result open_events_topic(struct hlidka *c, struct buffer *why)
{
    char name[CLIENT_TOPIC_MAX + 1], error[256];
    rd_kafka_topic_conf_t *conf = rd_kafka_default_topic_conf_dup(c->producer);
    int len = snprintf(name, sizeof(name), "%saudit.events", c->prefix);

    if (len < 0 || (size_t)len >= sizeof(name) ||
        rd_kafka_topic_conf_set(conf, "message.timeout.ms", "300000", error, sizeof(error)) != RD_KAFKA_CONF_OK) {
        rd_kafka_topic_conf_destroy(conf);
        return buffer_printf(why, "%saudit.events: no such topic can be\n", c->prefix) ? RESULT_NO_MEMORY : RESULT_BAD_CONFIG;
    }
    c->events_topic = rd_kafka_topic_new(c->producer, name, conf);
    return c->events_topic ? RESULT_OK : RESULT_NO_MEMORY;
}

/*
 * librdkafka looks for the leaders of a topic that it meets for the first time only once a second, and the message
 * waits. Known beforehand, the topics come with the first metadata (reader.c asks for it).
 */
static const char *const SERVICES[CLIENT_SERVICES] = { "auth", "crypto", "ratelimit", "audit" };

static enum result open_request_topics(struct hlidka *c)
{
    char name[CLIENT_TOPIC_MAX + 1];

    for (size_t i = 0; i < CLIENT_SERVICES; i++) {
        snprintf(name, sizeof(name), "%s%s.requests", c->prefix, SERVICES[i]);
        c->request_topics[i] = rd_kafka_topic_new(c->producer, name, NULL);
        if (!c->request_topics[i])
            return RESULT_NO_MEMORY;
    }
    return RESULT_OK;
}

rd_kafka_topic_t *client_kafka_requests(struct hlidka *c, struct text service)
{
    for (size_t i = 0; i < CLIENT_SERVICES; i++)
        if (text_equal(service, text_of(SERVICES[i])))
            return c->request_topics[i];
    return NULL;
}

enum result client_kafka_open(struct hlidka *c, const struct hlidka_options *o, struct buffer *why)
{
    char client_id[ENVELOPE_NAME_MAX + 32];
    enum result r;

    snprintf(client_id, sizeof(client_id), "%.*s-%02x%02x%02x%02x", TEXT_ARG(c->self), c->instance[0], c->instance[1],
             c->instance[2], c->instance[3]);
    const char *id = o->client_id ? o->client_id : client_id;
    r = open_handle(c, o, RD_KAFKA_PRODUCER, id, &c->producer, why);
    if (!r)
        r = open_handle(c, o, RD_KAFKA_CONSUMER, id, &c->consumer, why);
    if (!r)
        r = open_events_topic(c, why);
    if (!r)
        r = open_request_topics(c);
    if (r)
        return r;
    c->producer_queue = rd_kafka_queue_get_main(c->producer);
    c->consumer_queue = rd_kafka_queue_get_main(c->consumer);
    c->messages = rd_kafka_queue_new(c->consumer);
    return RESULT_OK;
}

/* It is called when a queue stops being empty; what lies there already is asked for here. */
void client_kafka_watch(struct hlidka *c)
{
    rd_kafka_queue_cb_event_enable(c->producer_queue, on_queue, c);
    rd_kafka_queue_cb_event_enable(c->consumer_queue, on_queue, c);
    rd_kafka_queue_cb_event_enable(c->messages, on_queue, c);
    uv_async_send(&c->wake);
}

static void drop_queue(rd_kafka_queue_t *queue)
{
    if (!queue)
        return;
    rd_kafka_queue_cb_event_enable(queue, NULL, NULL);
    rd_kafka_queue_destroy(queue);
}

void client_kafka_destroy(struct hlidka *c)
{
    reader_destroy(&c->replies);
    reader_destroy(&c->alerts);
    drop_queue(c->messages);
    drop_queue(c->consumer_queue);
    drop_queue(c->producer_queue);
    if (c->consumer)
        rd_kafka_destroy(c->consumer);
    for (size_t i = 0; i < CLIENT_SERVICES; i++) {
        if (c->request_topics[i])
            rd_kafka_topic_destroy(c->request_topics[i]);
    }
    if (c->events_topic)
        rd_kafka_topic_destroy(c->events_topic);
    if (c->producer) {
        rd_kafka_purge(c->producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING);
        rd_kafka_destroy(c->producer);
    }
}

void client_kafka_serve(struct hlidka *c)
{
    rd_kafka_poll(c->producer, 0);
    rd_kafka_poll(c->consumer, 0);
}
