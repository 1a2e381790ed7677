#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "arguments.h"
#include "clock.h"
#include "command.h"
#include "kafka_open.h"
#include "tail_view.h"

static const char USAGE[] =
    "usage: hlidkactl tail TOPIC [--from-beginning] [--count N] [--seconds S] [connection flags]\n"
    "\n"
    "Prints what comes on a topic, one line of JSON a message: where it stands in Kafka, the header of what is sealed,\n"
    "and the body too where it is sealed to (or by) the principal whose key is there. Dead letters come with their\n"
    "reason, alerts with whether audit signed them, checkpoints as their text. TOPIC may leave the prefix out.\n"
    "\n"
    "  hlidkactl tail audit.alerts\n"
    "  hlidkactl tail ratelimit.dead --from-beginning --seconds 2\n"
    "\n"
    "  --from-beginning  what is kept already, too\n"
    "  --count N         end after N messages\n"
    "  --seconds S       end after S seconds\n"
    "\n"
    SETTINGS_HELP
    "\n"
    "Ends with 0 on SIGINT, SIGTERM, or when it has what was asked; 2 wrong arguments or files, 3 fewer than --count\n"
    "came within --seconds, 4 no bus or no such topic.\n";

#define POLL_MS 100

struct tail_options {
    struct settings settings;
    const char *topic;
    bool from_beginning;
    uint32_t count, seconds;
};

enum { FLAG_BEGINNING = 1, FLAG_COUNT, FLAG_SECONDS };

static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
    (void)number;
    stopped = 1;
}

static int parse(int argc, char **argv, struct tail_options *o)
{
    static const struct option LONG[] = {
        SETTINGS_OPTIONS,
        { "from-beginning", no_argument, NULL, FLAG_BEGINNING }, { "count", required_argument, NULL, FLAG_COUNT },
        { "seconds", required_argument, NULL, FLAG_SECONDS },    { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    int opt;

    while ((opt = getopt_long(argc, argv, "h", LONG, NULL)) != -1) {
        if (settings_option(&o->settings, opt, optarg))
            continue;
        switch (opt) {
        case FLAG_BEGINNING:
            o->from_beginning = true;
            break;
        case FLAG_COUNT:
            if (!argument_number(optarg, 1, UINT32_MAX, &o->count))
                return usage_error("tail", "--count: a whole number from 1");
            break;
        case FLAG_SECONDS:
            if (!argument_number(optarg, 1, 1000000, &o->seconds))
                return usage_error("tail", "--seconds: 1 to 1000000");
            break;
        case 'h':
            fputs(USAGE, stdout);
            return -1;
        default:
            return usage_error("tail", "wrong arguments");
        }
    }
    if (optind + 1 != argc)
        return usage_error("tail", "one TOPIC is needed");
    o->topic = argv[optind];
    return EXIT_DONE;
}

/* "audit.alerts" or "hlidka.audit.alerts" -> the latter. */
static enum result full_name(const struct tail_options *o, char out[TAIL_TOPIC_MAX], struct buffer *why)
{
    bool whole = strncmp(o->topic, o->settings.prefix, strlen(o->settings.prefix)) == 0;
    int len = snprintf(out, TAIL_TOPIC_MAX, "%s%s", whole ? "" : o->settings.prefix, o->topic);

    return len < 0 || len >= (int)TAIL_TOPIC_MAX ? kafka_fail(RESULT_OUT_OF_RANGE, why, o->topic, "too long") : RESULT_OK;
}

/* Every partition of the topic, onto one queue. */
static enum result start(rd_kafka_topic_t *topic, rd_kafka_queue_t *queue, const struct rd_kafka_metadata *m,
                         bool from_beginning, struct buffer *why)
{
    const struct rd_kafka_metadata_topic *t = &m->topics[0];

    if (m->topic_cnt != 1 || t->err || t->partition_cnt == 0)
        return kafka_fail(RESULT_UNAVAILABLE, why, rd_kafka_topic_name(topic),
                          m->topic_cnt == 1 && t->err ? rd_kafka_err2str(t->err) : "no such topic");
    for (int i = 0; i < t->partition_cnt; i++) {
        if (rd_kafka_consume_start_queue(topic, i, from_beginning ? RD_KAFKA_OFFSET_BEGINNING : RD_KAFKA_OFFSET_END, queue))
            return kafka_fail(RESULT_UNAVAILABLE, why, rd_kafka_topic_name(topic), rd_kafka_err2str(rd_kafka_last_error()));
    }
    return RESULT_OK;
}

static int follow(const struct tail_options *o, struct tail_view *view, rd_kafka_queue_t *queue)
{
    uint64_t until_ns = o->seconds ? clock_boot_ns() + (uint64_t)o->seconds * 1000000000 : UINT64_MAX;
    uint32_t seen = 0;

    while (!stopped && clock_boot_ns() < until_ns) {
        rd_kafka_message_t *m = rd_kafka_consume_queue(queue, POLL_MS);
        if (!m)
            continue;
        if (m->err)
            complain("%s", rd_kafka_message_errstr(m));
        else if (tail_view_print(view, m))
            seen++;
        rd_kafka_message_destroy(m);
        fflush(stdout);
        if (o->count && seen == o->count)
            return EXIT_DONE;
    }
    return o->count && !stopped ? EXIT_NO_ANSWER : EXIT_DONE;
}

static enum result tail(const struct tail_options *o, struct tail_view *view, int *code, struct buffer *why)
{
    char name[TAIL_TOPIC_MAX];
    const struct rd_kafka_metadata *m;
    rd_kafka_t *rk;
    enum result r;

    if ((r = full_name(o, name, why)) || (r = kafka_open(&o->settings, RD_KAFKA_CONSUMER, &rk, why)))
        return r;
    if ((r = kafka_metadata(rk, name, &m, why)))
        goto fail_rk;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, name, NULL);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    r = start(topic, queue, m, o->from_beginning, why);
    if (!r) {
        *code = follow(o, view, queue);
        for (int i = 0; i < m->topics[0].partition_cnt; i++)
            rd_kafka_consume_stop(topic, i);
    }
    rd_kafka_queue_destroy(queue);
    rd_kafka_topic_destroy(topic);
    rd_kafka_metadata_destroy(m);
fail_rk:
    rd_kafka_destroy(rk);
    return r;
}

int cmd_tail(int argc, char **argv)
{
    const struct sigaction stop = { .sa_handler = on_signal };
    struct tail_options o = { .count = 0 };
    struct tail_view view;
    struct buffer why;
    enum result r;

    settings_init(&o.settings);
    buffer_init(&why, 4096);
    int code = parse(argc, argv, &o);
    if (code)
        goto done;
    sigaction(SIGINT, &stop, NULL);
    sigaction(SIGTERM, &stop, NULL);
    r = settings_load(&o.settings, &why);
    if (!r)
        r = tail_view_open(&view, &o.settings, &why);
    if (!r) {
        r = tail(&o, &view, &code, &why);
        tail_view_close(&view);
    }
    if (r)
        code = fail_with(r, &why);
done:
    buffer_free(&why);
    settings_free(&o.settings);
    return code < 0 ? EXIT_DONE : code;
}
