#include "topic_admin.h"

#include <stdio.h>
#include <stdlib.h>

#include "kafka_open.h"

struct admin {
    rd_kafka_t *rk;
    rd_kafka_queue_t *queue;
    struct buffer *why;
};

static void report(struct topic_report *to, enum topic_outcome outcome, const char *detail)
{
    to->outcome = outcome;
    snprintf(to->detail, sizeof(to->detail), "%s", detail ? detail : "");
}

/* The answer to the request just made, or NULL with *r set. */
static rd_kafka_event_t *await(struct admin *a, const char *what, enum result *r)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(a->queue, 3 * KAFKA_PATIENCE_MS);

    if (!event) {
        *r = kafka_fail(RESULT_UNAVAILABLE, a->why, what, "the brokers do not answer");
        return NULL;
    }
    if (rd_kafka_event_error(event)) {
        *r = kafka_fail(RESULT_UNAVAILABLE, a->why, what, rd_kafka_event_error_string(event));
        rd_kafka_event_destroy(event);
        return NULL;
    }
    *r = RESULT_OK;
    return event;
}

static const struct topic *find(const struct topic_list *list, const char *name, size_t *index)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i].name, name) == 0) {
            *index = i;
            return &list->items[i];
        }
    }
    return NULL;
}

static const struct rd_kafka_metadata_topic *find_existing(const struct rd_kafka_metadata *have, const char *name)
{
    for (int i = 0; i < have->topic_cnt; i++) {
        if (strcmp(have->topics[i].topic, name) == 0)
            return &have->topics[i];
    }
    return NULL;
}

/* ---- making ------------------------------------------------------------------------------------------------ */

static rd_kafka_NewTopic_t *new_topic(const struct topic *t, int replication, char *error, size_t size)
{
    rd_kafka_NewTopic_t *n = rd_kafka_NewTopic_new(t->name, t->partitions, replication, error, size);

    for (unsigned i = 0; n && i < t->setting_count; i++) {
        rd_kafka_resp_err_t err = rd_kafka_NewTopic_set_config(n, t->settings[i].name, t->settings[i].value);
        if (err) {
            snprintf(error, size, "%s", rd_kafka_err2str(err));
            rd_kafka_NewTopic_destroy(n);
            return NULL;
        }
    }
    return n;
}

static enum result create(struct admin *a, const struct topic_list *list, rd_kafka_NewTopic_t **missing, size_t count,
                          struct topic_report *reports)
{
    enum result r;
    size_t answers, index;

    rd_kafka_CreateTopics(a->rk, missing, count, NULL, a->queue);
    rd_kafka_event_t *event = await(a, "creating topics", &r);
    if (!event)
        return r;
    const rd_kafka_topic_result_t **results =
        rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &answers);
    for (size_t i = 0; i < answers; i++) {
        rd_kafka_resp_err_t err = rd_kafka_topic_result_error(results[i]);
        if (!find(list, rd_kafka_topic_result_name(results[i]), &index))
            continue;
        /* Somebody else made it meanwhile: it stays TOPIC_OK, and the next run looks at its settings. */
        if (err != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
            report(&reports[index], err ? TOPIC_WRONG : TOPIC_CREATED, rd_kafka_topic_result_error_string(results[i]));
    }
    rd_kafka_event_destroy(event);
    return RESULT_OK;
}

static enum result create_missing(struct admin *a, const struct topic_list *list, const struct rd_kafka_metadata *have,
                                  int replication, struct topic_report *reports)
{
    rd_kafka_NewTopic_t **missing = calloc(list->count, sizeof(missing[0]));
    size_t count = 0;
    char error[256];
    enum result r = RESULT_OK;

    if (!missing)
        return RESULT_NO_MEMORY;
    for (size_t i = 0; i < list->count && !r; i++) {
        if (find_existing(have, list->items[i].name))
            continue;
        missing[count] = new_topic(&list->items[i], replication, error, sizeof(error));
        if (missing[count])
            count++;
        else
            r = kafka_fail(RESULT_BAD_CONFIG, a->why, list->items[i].name, error);
    }
    if (!r && count > 0)
        r = create(a, list, missing, count, reports);
    rd_kafka_NewTopic_destroy_array(missing, count);
    free(missing);
    return r;
}

/* ---- correcting -------------------------------------------------------------------------------------------- */

/*
 * AlterConfigs replaces all that was ever set on the topic, so what others set goes along unchanged. (The request
 * that changes single values came to librdkafka with 2.2; Debian 12 has 2.0.)
 */
static rd_kafka_ConfigResource_t *correction(const struct topic *t, const rd_kafka_ConfigResource_t *now,
                                             struct topic_report *to)
{
    rd_kafka_ConfigResource_t *fix = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, t->name);
    size_t count, said = 0;
    const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(now, &count);

    for (size_t i = 0; i < count; i++) {
        const char *name = rd_kafka_ConfigEntry_name(entries[i]), *value = rd_kafka_ConfigEntry_value(entries[i]);
        const char *wanted = topic_wants(t, name);
        bool set = rd_kafka_ConfigEntry_source(entries[i]) == RD_KAFKA_CONFIG_SOURCE_DYNAMIC_TOPIC_CONFIG;
        /* A default of the brokers that happens to agree today is written down: it may change. */
        if (wanted && (!set || !value || strcmp(value, wanted) != 0) && said < sizeof(to->detail)) {
            int n = snprintf(to->detail + said, sizeof(to->detail) - said, "%s%s=%s (was %s)", said ? ", " : "", name,
                             wanted, value ? value : "unset");
            said += n > 0 ? (size_t)n : 0;
        }
        if (wanted || (set && value))
            rd_kafka_ConfigResource_set_config(fix, name, wanted ? wanted : value);
    }
    if (said > 0)
        return fix;
    rd_kafka_ConfigResource_destroy(fix);
    return NULL;
}

static enum result alter(struct admin *a, rd_kafka_ConfigResource_t *fix, struct topic_report *to)
{
    enum result r;
    size_t count;

    rd_kafka_AlterConfigs(a->rk, &fix, 1, NULL, a->queue);
    rd_kafka_event_t *event = await(a, "changing settings", &r);
    if (!event)
        return r;
    const rd_kafka_ConfigResource_t **done =
        rd_kafka_AlterConfigs_result_resources(rd_kafka_event_AlterConfigs_result(event), &count);
    if (count == 1 && !rd_kafka_ConfigResource_error(done[0]))
        to->outcome = TOPIC_CHANGED;
    else
        report(to, TOPIC_WRONG, count == 1 ? rd_kafka_ConfigResource_error_string(done[0]) : "no answer");
    rd_kafka_event_destroy(event);
    return RESULT_OK;
}

static enum result correct(struct admin *a, const struct topic_list *list, rd_kafka_event_t *described,
                           struct topic_report *reports)
{
    size_t count, index;
    enum result r = RESULT_OK;
    const rd_kafka_ConfigResource_t **now =
        rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(described), &count);

    for (size_t i = 0; i < count && !r; i++) {
        const struct topic *t = find(list, rd_kafka_ConfigResource_name(now[i]), &index);
        if (!t)
            continue;
        if (rd_kafka_ConfigResource_error(now[i])) {
            report(&reports[index], TOPIC_WRONG, rd_kafka_ConfigResource_error_string(now[i]));
            continue;
        }
        rd_kafka_ConfigResource_t *fix = correction(t, now[i], &reports[index]);
        if (fix) {
            r = alter(a, fix, &reports[index]);
            rd_kafka_ConfigResource_destroy(fix);
        }
    }
    return r;
}

static enum result correct_existing(struct admin *a, const struct topic_list *list, const struct rd_kafka_metadata *have,
                                    struct topic_report *reports)
{
    rd_kafka_ConfigResource_t **ask = calloc(list->count, sizeof(ask[0]));
    size_t count = 0;
    enum result r = RESULT_OK;

    if (!ask)
        return RESULT_NO_MEMORY;
    for (size_t i = 0; i < list->count; i++) {
        if (find_existing(have, list->items[i].name))
            ask[count++] = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, list->items[i].name);
    }
    if (count > 0) {
        rd_kafka_DescribeConfigs(a->rk, ask, count, NULL, a->queue);
        rd_kafka_event_t *event = await(a, "reading settings", &r);
        if (event) {
            r = correct(a, list, event, reports);
            rd_kafka_event_destroy(event);
        }
    }
    rd_kafka_ConfigResource_destroy_array(ask, count);
    free(ask);
    return r;
}

/* More partitions would move keys and fewer cannot be: that is the operator's to decide, so it is only said. */
static void look_at_partitions(const struct topic_list *list, const struct rd_kafka_metadata *have,
                               struct topic_report *reports)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct rd_kafka_metadata_topic *t = find_existing(have, list->items[i].name);
        char text[64];
        if (!t || t->partition_cnt == list->items[i].partitions || reports[i].outcome == TOPIC_WRONG)
            continue;
        snprintf(text, sizeof(text), "has %d partitions, not %d", t->partition_cnt, list->items[i].partitions);
        if (list->items[i].ordered)
            report(&reports[i], TOPIC_WRONG, text);
        else if (reports[i].outcome == TOPIC_OK)
            report(&reports[i], TOPIC_OK, text);
    }
}

enum result topic_admin_apply(rd_kafka_t *rk, const struct topic_list *list, int replication,
                              struct topic_report *reports, struct buffer *why)
{
    struct admin a = { .rk = rk, .why = why };
    const struct rd_kafka_metadata *have;
    enum result r;

    memset(reports, 0, list->count * sizeof(reports[0]));
    r = kafka_metadata(rk, NULL, &have, why);
    if (r)
        return r;
    a.queue = rd_kafka_queue_new(rk);
    r = create_missing(&a, list, have, replication, reports);
    if (!r)
        r = correct_existing(&a, list, have, reports);
    if (!r)
        look_at_partitions(list, have, reports);
    rd_kafka_queue_destroy(a.queue);
    rd_kafka_metadata_destroy(have);
    return r;
}
