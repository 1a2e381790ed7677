#include "options.h"

#include "stack_env.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void load_die(const char *what, const char *why)
{
    fprintf(stderr, "load: %s: %s\n", what, why);
    exit(2);
}

static char *stack_value(const char *run, const char *name)
{
    char *value = stack_env(run, name);

    if (!value)
        load_die(name, "no stack is up in that directory, or its env does not say");
    return value;
}

static void read_stack(struct load_options *o)
{
    char *keys = stack_value(o->run, "HLIDKA_KEYS");

    o->brokers = stack_value(o->run, "HLIDKA_BROKERS");
    o->prefix = stack_value(o->run, "HLIDKA_TOPIC_PREFIX");
    o->principals = stack_value(o->run, "HLIDKA_PRINCIPALS");
    if (asprintf(&o->key, "%s/%s.key", keys, o->principal) < 0)
        load_die("memory", "none left");
    free(keys);
}

static unsigned number(const char *name, const char *text, unsigned min, unsigned max)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);

    if (*text == '\0' || *end != '\0' || n < min || n > max)
        load_die(name, "not a number in its range");
    return (unsigned)n;
}

struct load_options load_options_parse(int argc, char **argv)
{
    struct load_options o = {
        .principal = "backend", .endpoint = "lessons.create", .users = 64, .seconds = 3600, .in_flight = 2048,
        .deadline_ms = 4000, .cost = 1, .limit = 30, .repeat_every = 25, .settle_ms = 1000,
    };
    const struct {
        const char *name;
        const char **text;
        unsigned *number, min, max;
    } known[] = {
        { "run", &o.run, NULL, 0, 0 },
        { "report", &o.report, NULL, 0, 0 },
        { "principal", &o.principal, NULL, 0, 0 },
        { "endpoint", &o.endpoint, NULL, 0, 0 },
        { "users", NULL, &o.users, 1, 100000 },
        { "each", NULL, &o.each, 1, 60000 },
        { "rate", NULL, &o.rate, 0, 1000000 },
        { "count", NULL, &o.count, 1, 100000000 },
        { "seconds", NULL, &o.seconds, 1, 3600 },
        { "in-flight", NULL, &o.in_flight, 1, 60000 },
        { "deadline", NULL, &o.deadline_ms, 1, 5000 },
        { "cost", NULL, &o.cost, 1, 1000 },
        { "limit", NULL, &o.limit, 1, 10000 },
        { "repeat-every", NULL, &o.repeat_every, 0, 1000000 },
        { "scatter", NULL, &o.scatter, 0, 1 },
        { "settle", NULL, &o.settle_ms, 0, 60000 },
    };
    enum { KNOWN = sizeof(known) / sizeof(known[0]) };
    struct option names[KNOWN + 1] = { 0 };
    int c;

    for (int i = 0; i < KNOWN; i++)
        names[i] = (struct option){ known[i].name, required_argument, NULL, i };
    while ((c = getopt_long(argc, argv, "", names, NULL)) >= 0) {
        if (c == '?')
            exit(2);
        if (known[c].text)
            *known[c].text = optarg;
        else
            *known[c].number = number(known[c].name, optarg, known[c].min, known[c].max);
    }
    if (!o.run || !o.report || optind != argc || o.limit < o.cost)
        load_die("usage", "load --run DIR --report FILE [--users N] [--rate N] [--seconds N] [--count N] …");
    read_stack(&o);
    return o;
}
