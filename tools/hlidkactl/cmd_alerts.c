#include <getopt.h>
#include <stdio.h>

#include "command.h"
#include "follow.h"
#include "json_body.h"

static const char USAGE[] =
    "usage: hlidkactl alerts tail [--watchdog] [--count N] [--seconds S] [connection flags]\n"
    "\n"
    "Prints alerts as they are raised, one line of JSON each, once each, and only those that audit signed. Complains of\n"
    "forged ones, and when a watchdog (one a minute) says that an alert was raised which has not come.\n"
    "\n"
    "  --watchdog        print the watchdogs, too\n"
    FOLLOW_HELP
    "\n"
    SETTINGS_HELP
    "\n"
    FOLLOW_EXIT_CODES;

#define TICK_MS 1000
#define NUMBERS 4096u                   /* of alerts, that are remembered */

enum { FLAG_WATCHDOG = FLAG_FOLLOW_MAX };

struct alerts {
    struct follow follow;
    bool watchdog;
    bool begun;                         /* first is known */
    uint64_t first;                     /* number of the first alert that can have come to us */
    uint64_t numbers[NUMBERS];          /* n, at n modulo NUMBERS; + 1, so that 0 is none */
    uint64_t told;                      /* up to here missing ones were complained of */
    uint64_t counted, due;              /* what watchdogs say was raised: newest, and heard a tick ago or longer */
    uint64_t refused;
};

static bool is_new(struct alerts *a, uint64_t n)
{
    uint64_t *place = &a->numbers[n % NUMBERS];
    bool fresh = *place != n + 1;

    *place = n + 1;
    return fresh;
}

static void look_for_missing(struct alerts *a, uint64_t last)
{
    uint64_t from = a->told + 1 > a->first ? a->told + 1 : a->first;

    if (last >= NUMBERS && from < last - NUMBERS + 1)
        from = last - NUMBERS + 1;
    for (uint64_t n = from; n <= last; n++)
        if (a->numbers[n % NUMBERS] != n + 1)
            complain("alert number %llu has not come (audit.alert.list has it)", (unsigned long long)n);
    if (last > a->told)
        a->told = last;
}

static void alerted(void *cookie, const struct hlidka_alert *alert)
{
    struct alerts *a = cookie;
    bool watchdog = !alert->has_n;
    uint64_t n = alert->n;

    if (!a->begun)
        a->first = watchdog ? n + 1 : n;
    a->begun = true;
    if (watchdog && n > a->counted)
        a->counted = n;
    if (watchdog ? !a->watchdog : !is_new(a, n))
        return;
    json_t *line = body_to_json((struct bytes){ alert->body.data, alert->body.len });
    follow_show(&a->follow, line);
    json_decref(line);
}

static int begin(void *cookie)
{
    struct alerts *a = cookie;
    enum hlidka_status s = hlidka_tail_alerts(a->follow.client, alerted, a);

    return s ? connect_refused(s) : EXIT_DONE;
}

static void ticked(void *cookie)
{
    struct alerts *a = cookie;
    struct hlidka_stats stats;

    hlidka_stats(a->follow.client, &stats);
    if (stats.alerts_refused > a->refused)
        complain("%llu values on the topic of alerts are not alerts signed by audit", (unsigned long long)(stats.alerts_refused - a->refused));
    a->refused = stats.alerts_refused;
    look_for_missing(a, a->due);        /* those of other partitions have had their time to come */
    a->due = a->counted;
}

static int parse(int argc, char **argv, struct alerts *a)
{
    static const struct option LONG[] = {
        FOLLOW_OPTIONS, { "watchdog", no_argument, NULL, FLAG_WATCHDOG }, { "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 },
    };
    int opt, code;

    while ((opt = getopt_long(argc, argv, "h", LONG, NULL)) != -1) {
        if (follow_option(&a->follow, "alerts", opt, optarg, &code))
            continue;
        if (code)
            return code;
        if (opt == 'h') {
            fputs(USAGE, stdout);
            return -1;
        }
        if (opt != FLAG_WATCHDOG)
            return usage_error("alerts", "wrong arguments");
        a->watchdog = true;
    }
    if (optind + 1 != argc || strcmp(argv[optind], "tail") != 0)
        return usage_error("alerts", "expected `tail`");
    return EXIT_DONE;
}

int cmd_alerts(int argc, char **argv)
{
    static struct alerts a;
    struct buffer why;

    settings_init(&a.follow.settings);
    buffer_init(&why, 4096);
    int code = parse(argc, argv, &a);
    if (!code) {
        enum result r = settings_load(&a.follow.settings, &why);
        code = r ? fail_with(r, &why) : follow_run(&a.follow, begin, ticked, TICK_MS, &a);
    }
    buffer_free(&why);
    settings_free(&a.follow.settings);
    return code < 0 ? EXIT_DONE : code;
}
