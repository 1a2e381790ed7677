#include "kafka_conf.h"

#include "env.h"
#include "log.h"

#include <string.h>

/* Severities of RFC 5424, in which librdkafka speaks; <syslog.h> would clash with our own levels. */
enum { SEVERITY_ERROR = 3, SEVERITY_NOTICE = 5 };

static const struct kafka_property BOTH[] = {
    { "socket.nagle.disable", "true" },
    { "socket.keepalive.enable", "true" },
    { "reconnect.backoff.ms", "50" },
    { "reconnect.backoff.max.ms", "1000" },
    { "topic.metadata.refresh.interval.ms", "30000" },
    /* Log lines come through the queue that the loop polls: our log is the loop's alone. */
    { "log.queue", "true" },
    { "log.connection.close", "false" },
};

static const struct kafka_property CONSUMER[] = {
    { "enable.auto.offset.store", "false" },
    { "enable.auto.commit", "true" },
    { "auto.commit.interval.ms", "500" },
    { "auto.offset.reset", "earliest" },
    { "session.timeout.ms", "8000" },
    { "heartbeat.interval.ms", "1000" },
    /* cooperative-sticky aborts and hangs in 2.0.2. */
    { "partition.assignment.strategy", "range" },
    { "fetch.wait.max.ms", "100" },
    { "fetch.error.backoff.ms", "20" },
    { "fetch.message.max.bytes", "1048576" },
    { "fetch.max.bytes", "4194304" },
    /* Of a partition, as each has a queue of its own: what a process holds that has all twelve and falls behind. */
    { "queued.max.messages.kbytes", "8192" },
    { "queued.min.messages", "20000" },
    { "message.max.bytes", "1048576" },
};

static const struct kafka_property PRODUCER[] = {
    /*
     * A lone message leaves at once; while a request is out, the next batch gathers, in order. Not idempotent: who
     * receives knows a copy by its id, one message that times out would halt all partitions for a new epoch, and
     * librdkafka's thread spins while a batch is out. DESIGN.md.
     */
    { "linger.ms", "0" },
    { "max.in.flight.requests.per.connection", "1" },
    { "message.timeout.ms", "5000" },
    { "retry.backoff.ms", "50" },
    { "compression.type", "none" },
    { "message.max.bytes", "1048576" },
    { "queue.buffering.max.messages", "20000" },
    { "queue.buffering.max.kbytes", "65536" },
};

static void on_log(const rd_kafka_t *rk, int severity, const char *facility, const char *text)
{
    (void)rk;
    enum log_level level = severity <= SEVERITY_ERROR ? LOG_ERROR : severity <= SEVERITY_NOTICE ? LOG_WARN : LOG_DEBUG;

    /* That one handle is given what is the other's to know is how properties pass through. */
    if (strcmp(facility, "CONFWARN") == 0)
        level = LOG_DEBUG;
    LOG_AT(level, "bus.librdkafka", LOG_STR("facility", facility), LOG_STR("text", text));
}

struct target {
    rd_kafka_conf_t *conf;
    struct buffer *why;
};

static enum result set(void *cookie, const char *name, const char *value)
{
    struct target *t = cookie;
    char error[256];

    if (rd_kafka_conf_set(t->conf, name, value, error, sizeof(error)) == RD_KAFKA_CONF_OK)
        return RESULT_OK;
    enum result r = buffer_printf(t->why, "%s: %s\n", name, error);
    return r ? r : RESULT_BAD_CONFIG;
}

static enum result set_all(struct target *t, const struct kafka_property *properties, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        enum result r = set(t, properties[i].name, properties[i].value);
        if (r)
            return r;
    }
    return RESULT_OK;
}

/* Since librdkafka 2.2; before, it looks at a full queue again when something wakes it, after a second at the latest. */
static void look_again_soon(rd_kafka_conf_t *conf)
{
    (void)rd_kafka_conf_set(conf, "fetch.queue.backoff.ms", "20", NULL, 0);
}

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

enum result kafka_conf_new(rd_kafka_type_t type, const struct kafka_identity *who, void *opaque, rd_kafka_conf_t **out,
                           struct buffer *why)
{
    bool consumer = type == RD_KAFKA_CONSUMER;
    struct target t = { rd_kafka_conf_new(), why };
    enum result r;

    if (!t.conf)
        return RESULT_NO_MEMORY;
    rd_kafka_conf_set_opaque(t.conf, opaque);
    if (consumer)
        look_again_soon(t.conf);
    rd_kafka_conf_set_log_cb(t.conf, on_log);
    if ((r = set_all(&t, BOTH, COUNT_OF(BOTH))) ||
        (r = consumer ? set_all(&t, CONSUMER, COUNT_OF(CONSUMER)) : set_all(&t, PRODUCER, COUNT_OF(PRODUCER))) ||
        (r = set(&t, "bootstrap.servers", who->brokers)) ||
        (r = set(&t, "client.id", who->instance)) ||
        (r = consumer ? set(&t, "group.id", who->group) : RESULT_OK) ||
        (r = env_kafka(set, &t))) {
        rd_kafka_conf_destroy(t.conf);
        return r;
    }
    *out = t.conf;
    return RESULT_OK;
}

enum result kafka_conf_insist(rd_kafka_conf_t *conf, const struct kafka_property *properties, size_t count, struct buffer *why)
{
    return set_all(&(struct target){ conf, why }, properties, count);
}

enum result kafka_handle_new(rd_kafka_type_t type, rd_kafka_conf_t *conf, rd_kafka_t **out, struct buffer *why)
{
    char error[256];
    rd_kafka_t *rk = rd_kafka_new(type, conf, error, sizeof(error));

    if (!rk) {
        rd_kafka_conf_destroy(conf);
        enum result r = buffer_printf(why, "librdkafka: %s\n", error);
        return r ? r : RESULT_BAD_CONFIG;
    }
    /* NULL: the main queue, which rd_kafka_poll (or, once redirected, rd_kafka_consumer_poll) serves. */
    rd_kafka_set_log_queue(rk, NULL);
    *out = rk;
    return RESULT_OK;
}

enum result kafka_reader_new(const struct kafka_identity *who, void *opaque,
                             void (*on_error)(rd_kafka_t *rk, int code, const char *reason, void *opaque),
                             const struct kafka_property *properties, size_t count, rd_kafka_t **rk, rd_kafka_queue_t **queue,
                             struct buffer *why)
{
    rd_kafka_conf_t *conf;
    enum result r = kafka_conf_new(RD_KAFKA_CONSUMER, who, opaque, &conf, why);

    if (r)
        return r;
    if ((r = kafka_conf_insist(conf, properties, count, why))) {
        rd_kafka_conf_destroy(conf);
        return r;
    }
    rd_kafka_conf_set_error_cb(conf, on_error);
    if ((r = kafka_handle_new(RD_KAFKA_CONSUMER, conf, rk, why)))
        return r;
    rd_kafka_poll_set_consumer(*rk);
    *queue = rd_kafka_queue_get_consumer(*rk);
    return *queue ? RESULT_OK : RESULT_INTERNAL;
}
