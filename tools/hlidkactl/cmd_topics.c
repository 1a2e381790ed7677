#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "command.h"
#include "kafka_open.h"
#include "principals.h"
#include "topic_admin.h"

static const char USAGE[] =
    "usage: hlidkactl topics apply [--replication N] [--partitions N] [connection flags]\n"
    "       hlidkactl topics list [--partitions N] [--prefix P] --principals FILE\n"
    "\n"
    "list prints every topic of the wire and its partitions, a line each, and asks nobody. apply makes each of them, a\n"
    "reply topic for each principal included, and corrects settings that differ: what they keep and for how long, no\n"
    "compression, the largest message. What is as it should be stays untouched, and so do settings that the wire says\n"
    "nothing about. One line a topic: created, changed, ok or wrong.\n"
    "\n"
    "  --replication N     copies of a new topic (the brokers' default)\n"
    "  --partitions N      of a new topic (12; checkpoints and revocations always have one). Topics that are there\n"
    "                      keep what they have: more partitions would move keys to other instances\n"
    "\n"
    SETTINGS_HELP
    "\n"
    "Exit codes: 0 all topics are as they should be, 1 some are not, 2 wrong arguments or files that cannot be used,\n"
    "4 the brokers cannot be reached, or refuse.\n";

struct options {
    struct settings settings;
    bool apply;
    int replication, partitions;
};

enum { FLAG_REPLICATION = 1, FLAG_PARTITIONS };

static bool parse_number(const char *text, long max, int *out)
{
    char *end;
    long value = strtol(text, &end, 10);

    if (end == text || *end || value < 1 || value > max)
        return false;
    *out = (int)value;
    return true;
}

static int parse(int argc, char **argv, struct options *o)
{
    static const struct option LONG[] = {
        SETTINGS_OPTIONS,
        { "replication", required_argument, NULL, FLAG_REPLICATION },
        { "partitions", required_argument, NULL, FLAG_PARTITIONS },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    int opt;

    while ((opt = getopt_long(argc, argv, "h", LONG, NULL)) != -1) {
        if (settings_option(&o->settings, opt, optarg))
            continue;
        switch (opt) {
        case FLAG_REPLICATION:
            if (!parse_number(optarg, 100, &o->replication))
                return usage_error("topics", "--replication: 1 to 100");
            break;
        case FLAG_PARTITIONS:
            if (!parse_number(optarg, 1000, &o->partitions))
                return usage_error("topics", "--partitions: 1 to 1000");
            break;
        case 'h':
            fputs(USAGE, stdout);
            return -1;
        default:
            return usage_error("topics", "wrong arguments");
        }
    }
    if (optind + 1 != argc || (strcmp(argv[optind], "apply") != 0 && strcmp(argv[optind], "list") != 0))
        return usage_error("topics", "`list` and `apply` are what it can do");
    o->apply = strcmp(argv[optind], "apply") == 0;
    return EXIT_DONE;
}

static enum result list_topics(const struct options *o, struct topic_list *list, struct buffer *why)
{
    struct principals *p;
    struct text names[PRINCIPALS_MAX];
    enum result r;

    if (!o->settings.principals)
        return kafka_fail(RESULT_BAD_CONFIG, why, "principals", "say where (--principals, HLIDKA_PRINCIPALS, or --run)");
    r = principals_load(o->settings.principals, &p, why);
    if (r)
        return r;
    unsigned count = principals_count(p);
    for (unsigned i = 0; i < count; i++)
        names[i] = principals_at(p, i)->name;
    r = topics_list(text_of(o->settings.prefix), names, count, o->partitions, list);
    principals_drop(p);
    return r ? kafka_fail(r, why, "topics", result_text(r)) : RESULT_OK;
}

static int print_reports(const struct topic_list *list, const struct topic_report *reports)
{
    static const char *const WORDS[] = {
        [TOPIC_OK] = "ok", [TOPIC_CREATED] = "created", [TOPIC_CHANGED] = "changed", [TOPIC_WRONG] = "wrong",
    };
    int code = EXIT_DONE;

    for (size_t i = 0; i < list->count; i++) {
        printf("%-8s %s%s%s\n", WORDS[reports[i].outcome], list->items[i].name, reports[i].detail[0] ? ": " : "",
               reports[i].detail);
        if (reports[i].outcome == TOPIC_WRONG)
            code = EXIT_REFUSED;
    }
    return code;
}

static enum result apply(const struct options *o, const struct topic_list *list, int *code, struct buffer *why)
{
    struct topic_report *reports = calloc(list->count, sizeof(reports[0]));
    rd_kafka_t *rk;
    enum result r;

    if (!reports)
        return RESULT_NO_MEMORY;
    r = kafka_open(&o->settings, RD_KAFKA_PRODUCER, &rk, why);
    if (r)
        goto done;
    r = topic_admin_apply(rk, list, o->replication, reports, why);
    if (!r)
        *code = print_reports(list, reports);
    rd_kafka_destroy(rk);
done:
    free(reports);
    return r;
}

int cmd_topics(int argc, char **argv)
{
    struct options o = { .replication = -1, .partitions = CHANNEL_PARTITIONS };
    struct topic_list list = { NULL, 0 };
    struct buffer why;
    enum result r;

    settings_init(&o.settings);
    buffer_init(&why, 8192);
    int code = parse(argc, argv, &o);
    if (code)
        goto done;
    r = settings_load(&o.settings, &why);
    if (!r)
        r = list_topics(&o, &list, &why);
    if (!r && o.apply)
        r = apply(&o, &list, &code, &why);
    for (size_t i = 0; !r && !o.apply && i < list.count; i++)
        printf("%s %d\n", list.items[i].name, list.items[i].partitions);
    if (r)
        code = fail_with(r, &why);
done:
    topics_free(&list);
    buffer_free(&why);
    settings_free(&o.settings);
    return code < 0 ? EXIT_DONE : code;
}
