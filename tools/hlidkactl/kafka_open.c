#include "kafka_open.h"

enum result kafka_fail(enum result r, struct buffer *why, const char *what, const char *problem)
{
    return buffer_printf(why, "%s: %s\n", what, problem) == RESULT_NO_MEMORY ? RESULT_NO_MEMORY : r;
}

/* librdkafka would report each refused connection by itself; the command says once what came of it. */
static enum result configure(const struct settings *s, rd_kafka_conf_t *conf, struct buffer *why)
{
    const struct property fixed[] = {
        { "bootstrap.servers", s->brokers },
        { "client.id", "hlidkactl" },
        { "log_level", "2" },
        { "socket.nagle.disable", "true" },
    };
    char error[256];

    for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]) + s->property_count; i++) {
        size_t own = sizeof(fixed) / sizeof(fixed[0]);
        const struct property *p = i < own ? &fixed[i] : &s->properties[i - own];
        if (rd_kafka_conf_set(conf, p->name, p->value, error, sizeof(error)) != RD_KAFKA_CONF_OK)
            return kafka_fail(RESULT_BAD_CONFIG, why, p->name, error);
    }
    return RESULT_OK;
}

enum result kafka_open(const struct settings *s, rd_kafka_type_t type, rd_kafka_t **out, struct buffer *why)
{
    char error[256];
    enum result r;

    if (!s->brokers)
        return kafka_fail(RESULT_BAD_CONFIG, why, "brokers", "say which (--brokers, HLIDKA_BROKERS, or --run)");
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    r = configure(s, conf, why);
    if (r)
        goto fail_conf;
    *out = rd_kafka_new(type, conf, error, sizeof(error));
    if (!*out) {
        r = kafka_fail(RESULT_BAD_CONFIG, why, "librdkafka", error);
        goto fail_conf;
    }
    return RESULT_OK;

fail_conf:
    rd_kafka_conf_destroy(conf);
    return r;
}

enum result kafka_metadata(rd_kafka_t *rk, const char *only_topic, const struct rd_kafka_metadata **out, struct buffer *why)
{
    rd_kafka_topic_t *topic = NULL;
    rd_kafka_resp_err_t err;

    if (only_topic) {
        topic = rd_kafka_topic_new(rk, only_topic, NULL);
        if (!topic)
            return kafka_fail(RESULT_BAD_CONFIG, why, only_topic, rd_kafka_err2str(rd_kafka_last_error()));
    }
    err = rd_kafka_metadata(rk, topic == NULL, topic, out, KAFKA_PATIENCE_MS);
    if (topic)
        rd_kafka_topic_destroy(topic);
    return err ? kafka_fail(RESULT_UNAVAILABLE, why, "the brokers", rd_kafka_err2str(err)) : RESULT_OK;
}
