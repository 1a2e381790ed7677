#include "topic_settings.h"

#include <stdio.h>
#include <string.h>

enum { TOPICS_MAX = 4 };

static const struct setting {
    const char *name;
    const char *value;
} SETTINGS[] = {
    { "compression.type", "uncompressed" },
    { "max.message.bytes", "1048588" },
};

static void compare(const rd_kafka_ConfigResource_t *resource, char wrong[128])
{
    size_t count, used = 0;
    const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(resource, &count);

    for (size_t i = 0; i < count; i++) {
        const char *name = rd_kafka_ConfigEntry_name(entries[i]), *value = rd_kafka_ConfigEntry_value(entries[i]);
        for (size_t s = 0; s < sizeof(SETTINGS) / sizeof(SETTINGS[0]); s++) {
            if (strcmp(name, SETTINGS[s].name) != 0 || (value && strcmp(value, SETTINGS[s].value) == 0))
                continue;
            int wrote = snprintf(wrong + used, 128 - used, "%s%s=%s, not %s", used > 0 ? ", " : "", name,
                                 value ? value : "", SETTINGS[s].value);
            if (wrote > 0 && (size_t)wrote < 128 - used)
                used += (size_t)wrote;
        }
    }
}

static rd_kafka_resp_err_t read_event(rd_kafka_event_t *event, const char *const *topics, size_t count, char wrong[][128])
{
    size_t told;
    const rd_kafka_DescribeConfigs_result_t *result = rd_kafka_event_DescribeConfigs_result(event);

    if (rd_kafka_event_error(event))
        return rd_kafka_event_error(event);
    if (!result)
        return RD_KAFKA_RESP_ERR__BAD_MSG;
    const rd_kafka_ConfigResource_t **resources = rd_kafka_DescribeConfigs_result_resources(result, &told);
    for (size_t i = 0; i < told; i++) {
        if (rd_kafka_ConfigResource_error(resources[i]))
            continue;                   /* not ours to see, or not there: the metadata says so */
        for (size_t t = 0; t < count; t++)
            if (strcmp(rd_kafka_ConfigResource_name(resources[i]), topics[t]) == 0)
                compare(resources[i], wrong[t]);
    }
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

rd_kafka_resp_err_t topic_settings(rd_kafka_t *rk, const char *const *topics, size_t count, int timeout_ms, char wrong[][128])
{
    rd_kafka_ConfigResource_t *resources[TOPICS_MAX] = { NULL };
    rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR__FAIL;
    char why[128];
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(rk, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
    rd_kafka_queue_t *answers = rd_kafka_queue_new(rk);

    for (size_t i = 0; i < count; i++)
        wrong[i][0] = '\0';
    if (!options || !answers || count > TOPICS_MAX)
        goto out;
    for (size_t i = 0; i < count; i++)
        if (!(resources[i] = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topics[i])))
            goto out;
    if ((err = rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, why, sizeof(why))))
        goto out;
    rd_kafka_DescribeConfigs(rk, resources, count, options, answers);
    rd_kafka_event_t *event = rd_kafka_queue_poll(answers, timeout_ms + 500);
    err = event ? read_event(event, topics, count, wrong) : RD_KAFKA_RESP_ERR__TIMED_OUT;
    if (event)
        rd_kafka_event_destroy(event);

out:
    for (size_t i = 0; i < TOPICS_MAX; i++)
        if (resources[i])
            rd_kafka_ConfigResource_destroy(resources[i]);
    if (answers)
        rd_kafka_queue_destroy(answers);
    if (options)
        rd_kafka_AdminOptions_destroy(options);
    return err;
}
