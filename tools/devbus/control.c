#include "control.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum { MAX_WORDS = 4, MAX_ERRORS = 1000, MAX_RTT_MS = 60000, MAX_PARTITIONS = 1000 };

/* Numbers of the Kafka protocol; those that a client of ours sends. */
static const struct {
    const char *name;
    int16_t key;
} apis[] = {
    {"produce", 0},       {"fetch", 1},        {"list_offsets", 2},      {"metadata", 3},
    {"offset_commit", 8}, {"offset_fetch", 9}, {"find_coordinator", 10}, {"join_group", 11},
    {"heartbeat", 12},    {"leave_group", 13}, {"sync_group", 14},       {"init_producer_id", 22},
};

static bool parse_number(const char *word, long min, long max, int32_t *out)
{
    char *end;

    errno = 0;
    long value = strtol(word, &end, 10);
    if (errno != 0 || end == word || *end != '\0' || value < min || value > max)
        return false;
    *out = (int32_t)value;
    return true;
}

/* any is the word for -1: every broker, or none, as the command has it */
static bool parse_broker(const char *word, const char *any, int32_t *out)
{
    if (strcmp(word, any) == 0) {
        *out = -1;
        return true;
    }
    return parse_number(word, 1, INT32_MAX, out);
}

static bool parse_api(const char *word, int16_t *out)
{
    for (size_t i = 0; i < sizeof apis / sizeof apis[0]; i++) {
        if (strcmp(word, apis[i].name) == 0) {
            *out = apis[i].key;
            return true;
        }
    }
    return false;
}

static bool parse_error(const char *word, rd_kafka_resp_err_t *out)
{
    const struct rd_kafka_err_desc *descriptions;
    size_t count;

    rd_kafka_get_err_descs(&descriptions, &count);
    for (size_t i = 0; i < count; i++) {
        if (descriptions[i].name != NULL && strcasecmp(word, descriptions[i].name) == 0) {
            *out = descriptions[i].code;
            return true;
        }
    }
    return false;
}

/* Returns NULL, or what is wrong with the command. words has MAX_WORDS entries, NULL where the line ended. */
typedef const char *command_fn(rd_kafka_mock_cluster_t *cluster, char **words);

static const char *outcome(rd_kafka_resp_err_t err)
{
    return err == RD_KAFKA_RESP_ERR_NO_ERROR ? NULL : rd_kafka_err2str(err);
}

static const char *command_down(rd_kafka_mock_cluster_t *cluster, char **words)
{
    int32_t broker;

    if (!parse_broker(words[1], "all", &broker))
        return "no such broker";
    return outcome(rd_kafka_mock_broker_set_down(cluster, broker));
}

static const char *command_up(rd_kafka_mock_cluster_t *cluster, char **words)
{
    int32_t broker;

    if (!parse_broker(words[1], "all", &broker))
        return "no such broker";
    return outcome(rd_kafka_mock_broker_set_up(cluster, broker));
}

static const char *command_rtt(rd_kafka_mock_cluster_t *cluster, char **words)
{
    int32_t broker, rtt_ms;

    if (!parse_broker(words[1], "all", &broker))
        return "no such broker";
    if (!parse_number(words[2], 0, MAX_RTT_MS, &rtt_ms))
        return "bad number of milliseconds";
    return outcome(rd_kafka_mock_broker_set_rtt(cluster, broker, rtt_ms));
}

static const char *command_leader(rd_kafka_mock_cluster_t *cluster, char **words)
{
    int32_t partition, broker;

    if (!parse_number(words[2], 0, MAX_PARTITIONS, &partition))
        return "bad partition";
    if (!parse_broker(words[3], "none", &broker))
        return "no such broker";
    return outcome(rd_kafka_mock_partition_set_leader(cluster, words[1], partition, broker));
}

static const char *command_errors(rd_kafka_mock_cluster_t *cluster, char **words)
{
    rd_kafka_resp_err_t errors[MAX_ERRORS], err;
    int32_t count = 1;
    int16_t api;

    if (!parse_api(words[1], &api))
        return "no such API";
    if (strcmp(words[2], "none") == 0) {
        rd_kafka_mock_clear_request_errors(cluster, api);
        return NULL;
    }
    if (!parse_error(words[2], &err))
        return "no such error";
    if (words[3] != NULL && !parse_number(words[3], 1, MAX_ERRORS, &count))
        return "bad count";
    for (int32_t i = 0; i < count; i++)
        errors[i] = err;
    rd_kafka_mock_push_request_errors_array(cluster, api, (size_t)count, errors);
    return NULL;
}

static const char *command_topic(rd_kafka_mock_cluster_t *cluster, char **words)
{
    int32_t partitions;

    if (!parse_number(words[2], 1, MAX_PARTITIONS, &partitions))
        return "bad number of partitions";
    return outcome(rd_kafka_mock_topic_create(cluster, words[1], partitions, 1));
}

static const struct {
    const char *name;
    command_fn *run;
    size_t min_words, max_words; /* the name included */
} commands[] = {
    {"down", command_down, 2, 2},     {"up", command_up, 2, 2},         {"rtt", command_rtt, 3, 3},
    {"leader", command_leader, 4, 4}, {"errors", command_errors, 3, 4}, {"topic", command_topic, 3, 3},
};

static const char *dispatch(rd_kafka_mock_cluster_t *cluster, char *line)
{
    static const char blanks[] = " \t\r\n";
    char *words[MAX_WORDS] = {NULL}, *rest = NULL;
    size_t count = 0;

    for (char *word = strtok_r(line, blanks, &rest); word != NULL; word = strtok_r(NULL, blanks, &rest)) {
        if (count == MAX_WORDS)
            return "too many words";
        words[count++] = word;
    }
    if (count == 0)
        return "no command";
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(words[0], commands[i].name) != 0)
            continue;
        if (count < commands[i].min_words || count > commands[i].max_words)
            return "wrong number of arguments";
        return commands[i].run(cluster, words);
    }
    return "no such command";
}

void control_execute(rd_kafka_mock_cluster_t *cluster, char *line, char *answer, size_t size)
{
    static const struct timespec settle = {.tv_nsec = 2 * 1000 * 1000};

    /*
     * librdkafka 2.0.2 loses the wake-up of its mock thread when a request reaches it just as it finishes the
     * one before, and serves this and all later ones only when its poll times out, after a second. Time to go
     * back to sleep avoids that.
     */
    nanosleep(&settle, NULL);
    const char *wrong = dispatch(cluster, line);

    if (wrong == NULL)
        snprintf(answer, size, "ok");
    else
        snprintf(answer, size, "error: %s", wrong);
}
