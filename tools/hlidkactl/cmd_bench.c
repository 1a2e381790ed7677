#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "arguments.h"
#include "bodies.h"
#include "clock.h"
#include "command.h"
#include "connect.h"
#include "kafka_open.h"
#include "latencies.h"

static const char USAGE[] =
    "usage: hlidkactl bench SERVICE OP JSON|@FILE [--in-flight N] [--seconds S] [--count N] [--warm-up S] [--json]\n"
    "                       [--deadline MS] [connection flags]\n"
    "\n"
    "Asks the same again and again, always so many at once, and says how fast the answers came. In JSON, %d in a text\n"
    "becomes the number of the call (from 0 to 9999 and over again), so that calls can be of different users.\n"
    "@FILE has a JSON a line, which are asked in turn.\n"
    "\n"
    "  --in-flight N   calls at once (64)\n"
    "  --seconds S     how long (10)\n"
    "  --count N       or how many calls, however long that takes\n"
    "  --warm-up S     before anything is counted (1; 0 with --count)\n"
    "  --deadline MS   of each call (5000)\n"
    "  --json          one line of JSON: answers, refused, timeouts, resends, seconds, per_second, p50_us, p95_us,\n"
    "                  p99_us, max_us\n"
    "\n"
    SETTINGS_HELP
    "\n"
    "Exit codes: 0 every call was answered with status 200, 1 some were refused, 2 wrong arguments or files, 3 some\n"
    "got no answer in time, 4 no bus.\n";

struct bench_options {
    struct settings settings;
    const char *service, *op, *json;
    uint32_t in_flight, seconds, count, warm_up, deadline_ms;
    bool print_json;
};

struct bench;

struct slot {                           /* one of those in flight */
    struct bench *bench;
    uint64_t asked_ns;
};

struct bench {
    const struct bench_options *options;
    char op[ARGUMENT_OP_MAX];
    struct hlidka *client;
    struct slot *slots;
    struct bodies bodies;               /* made before the clock starts */
    uint64_t begun;                     /* calls */
    uint64_t counted;                   /* of those, begun since the warm-up */
    uint64_t counting_ns, until_ns;     /* since when, until when calls are counted */
    uint64_t last_ns;
    uint64_t answers, refused, timeouts;
    struct latencies latencies;
    struct hlidka_stats stats;
    bool stopping;
    int code;
};

enum { FLAG_IN_FLIGHT = 1, FLAG_SECONDS, FLAG_COUNT, FLAG_WARM_UP, FLAG_DEADLINE, FLAG_JSON };

static int take_flag(struct bench_options *o, int flag, const char *value)
{
    const struct {
        int flag;
        const char *name;
        uint32_t min, max, *to;
    } numbers[] = {
        { FLAG_IN_FLIGHT, "--in-flight", 1, 65536, &o->in_flight }, { FLAG_SECONDS, "--seconds", 1, 86400, &o->seconds },
        { FLAG_COUNT, "--count", 1, 1000000000, &o->count },        { FLAG_WARM_UP, "--warm-up", 0, 3600, &o->warm_up },
        { FLAG_DEADLINE, "--deadline", 1, HLIDKA_DEADLINE_MAX_MS, &o->deadline_ms },
    };

    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        if (numbers[i].flag == flag && !argument_number(value, numbers[i].min, numbers[i].max, numbers[i].to))
            return usage_error("bench", "%s: %u to %u", numbers[i].name, numbers[i].min, numbers[i].max);
    }
    return EXIT_DONE;
}

static int parse(int argc, char **argv, struct bench_options *o)
{
    static const struct option LONG[] = {
        SETTINGS_OPTIONS,
        { "in-flight", required_argument, NULL, FLAG_IN_FLIGHT }, { "seconds", required_argument, NULL, FLAG_SECONDS },
        { "count", required_argument, NULL, FLAG_COUNT },         { "warm-up", required_argument, NULL, FLAG_WARM_UP },
        { "deadline", required_argument, NULL, FLAG_DEADLINE },   { "json", no_argument, NULL, FLAG_JSON },
        { "help", no_argument, NULL, 'h' },                       { NULL, 0, NULL, 0 },
    };
    int opt, code;

    while ((opt = getopt_long(argc, argv, "h", LONG, NULL)) != -1) {
        if (settings_option(&o->settings, opt, optarg))
            continue;
        if (opt == 'h') {
            fputs(USAGE, stdout);
            return -1;
        }
        if (opt == '?')
            return usage_error("bench", "wrong arguments");
        o->print_json = o->print_json || opt == FLAG_JSON;
        if ((code = take_flag(o, opt, optarg)))
            return code;
    }
    if (optind + 3 != argc)
        return usage_error("bench", "SERVICE, OP and JSON are needed");
    o->service = argv[optind];
    o->op = argv[optind + 1];
    o->json = argv[optind + 2];
    return EXIT_DONE;
}

/* ---- the run ---------------------------------------------------------------------------------------------------- */

static void stop(struct bench *b, int code)
{
    if (b->stopping)
        return;
    b->stopping = true;
    b->code = code;
    hlidka_stats(b->client, &b->stats);
    hlidka_close(b->client, NULL, NULL);
}

static void done(void *cookie, const struct hlidka_reply *reply);

static void ask(struct slot *slot)
{
    struct bench *b = slot->bench;
    const struct buffer *body = &b->bodies.items[b->begun % b->bodies.count];

    slot->asked_ns = clock_boot_ns();
    enum hlidka_status s = hlidka_call(b->client, &(struct hlidka_request){
        .op = b->op, .body = { body->data, body->len }, .deadline_ms = b->options->deadline_ms,
    }, done, slot, NULL);
    if (s) {
        stop(b, connect_refused(s));
    } else {
        b->begun++;
        b->counted += slot->asked_ns >= b->counting_ns;
    }
}

/* Counted is what was asked after the warm-up and answered before the end. */
static void count(struct bench *b, const struct slot *slot, enum hlidka_status outcome, uint64_t now_ns)
{
    if (outcome == HLIDKA_CLOSED || slot->asked_ns < b->counting_ns)
        return;
    b->last_ns = now_ns;
    if (outcome == HLIDKA_TIMEOUT) {
        b->timeouts++;
        return;
    }
    b->answers++;
    if (outcome == HLIDKA_REFUSED)
        b->refused++;
    if (!latencies_add(&b->latencies, (now_ns - slot->asked_ns) / 1000))
        stop(b, EXIT_USAGE);
}

static void done(void *cookie, const struct hlidka_reply *reply)
{
    struct slot *slot = cookie;
    struct bench *b = slot->bench;
    uint64_t now_ns = clock_boot_ns(), bound = b->options->count;

    count(b, slot, reply->outcome, now_ns);
    if (b->stopping)
        return;
    if (bound ? b->answers + b->timeouts >= bound : now_ns >= b->until_ns)
        stop(b, EXIT_DONE);
    else if (!bound || b->counted < bound)
        ask(slot);
}

/* The first answer can come: the clock starts, and all slots with it. */
static void begin(void *cookie)
{
    struct bench *b = cookie;
    const struct bench_options *o = b->options;
    uint64_t now_ns = clock_boot_ns();

    b->counting_ns = now_ns + (uint64_t)o->warm_up * 1000000000;
    b->until_ns = b->counting_ns + (uint64_t)o->seconds * 1000000000;
    for (uint32_t i = 0; i < o->in_flight && !b->stopping && (!o->count || b->counted < o->count); i++)
        ask(&b->slots[i]);
}

/* Once all has ended: what was found out, for people or for programs. */
static void print(struct bench *b)
{
    struct latencies *l = &b->latencies;
    double seconds = b->last_ns > b->counting_ns ? (double)(b->last_ns - b->counting_ns) / 1e9 : 0;
    double rate = seconds > 0 ? (double)b->answers / seconds : 0;
    uint64_t p50 = latencies_quantile(l, 0.5), p95 = latencies_quantile(l, 0.95), p99 = latencies_quantile(l, 0.99);

    if (b->options->print_json)
        printf("{\"op\": \"%s\", \"in_flight\": %u, \"answers\": %" PRIu64 ", \"refused\": %" PRIu64
               ", \"timeouts\": %" PRIu64 ", \"resends\": %" PRIu64 ", \"seconds\": %.3f, \"per_second\": %.1f"
               ", \"p50_us\": %" PRIu64 ", \"p95_us\": %" PRIu64 ", \"p99_us\": %" PRIu64 ", \"max_us\": %" PRIu64 "}\n",
               b->op, b->options->in_flight, b->answers, b->refused, b->timeouts, b->stats.resends, seconds, rate, p50,
               p95, p99, latencies_quantile(l, 1));
    else
        printf("%s, %u in flight: %" PRIu64 " answers (%" PRIu64 " refused), %" PRIu64 " timeouts, %" PRIu64
               " resends in %.1f s\n  %.0f a second · p50 %" PRIu64 " us · p95 %" PRIu64 " us · p99 %" PRIu64
               " us · max %" PRIu64 " us\n",
               b->op, b->options->in_flight, b->answers, b->refused, b->timeouts, b->stats.resends, seconds, rate, p50,
               p95, p99, latencies_quantile(l, 1));
}

static int exit_code(const struct bench *b)
{
    if (b->code != EXIT_DONE)
        return b->code;
    return b->timeouts ? EXIT_NO_ANSWER : b->refused ? EXIT_REFUSED : EXIT_DONE;
}

/* ---- the command ------------------------------------------------------------------------------------------------ */

static void on_impatience(uv_timer_t *timer)
{
    struct bench *b = timer->data;
    char why[HLIDKA_WHY_LEN];

    if (b->stopping || hlidka_is_ready(b->client, why))
        return;
    complain("the bus cannot be reached: %s", why);
    stop(b, EXIT_NO_BUS);
}

static int turn(struct bench *b, uv_loop_t *loop)
{
    struct buffer why;
    uv_timer_t impatience;

    buffer_init(&why, HLIDKA_WHY_LEN);
    enum result r = connect_client(&b->options->settings, loop, b->options->in_flight, begin, b, &b->client, &why);
    if (r) {
        b->code = fail_with(r, &why);
    } else {
        uv_timer_init(loop, &impatience);
        impatience.data = b;
        uv_timer_start(&impatience, on_impatience, KAFKA_PATIENCE_MS, 0);
        uv_unref((uv_handle_t *)&impatience);
        uv_run(loop, UV_RUN_DEFAULT);
        uv_close((uv_handle_t *)&impatience, NULL);
        uv_run(loop, UV_RUN_DEFAULT);
        if (b->answers + b->timeouts > 0)
            print(b);
    }
    buffer_free(&why);
    return r ? b->code : exit_code(b);
}

static int run(struct bench *b)
{
    uint32_t in_flight = b->options->in_flight;
    uv_loop_t loop;
    int code = EXIT_USAGE;

    b->slots = calloc(in_flight, sizeof(b->slots[0]));
    if (!b->slots || uv_loop_init(&loop)) {
        complain("out of memory");
        goto done;
    }
    for (uint32_t i = 0; i < in_flight; i++)
        b->slots[i].bench = b;
    if (bodies_make(&b->bodies, b->op, b->options->json, b->options->count))
        code = turn(b, &loop);
    bodies_free(&b->bodies);
    uv_loop_close(&loop);
done:
    latencies_free(&b->latencies);
    free(b->slots);
    return code;
}

int cmd_bench(int argc, char **argv)
{
    struct bench_options o = { .in_flight = 64, .seconds = 10, .warm_up = UINT32_MAX, .deadline_ms = 5000 };
    struct bench b = { .options = &o };
    struct buffer why;

    settings_init(&o.settings);
    buffer_init(&why, 4096);
    int code = parse(argc, argv, &o);
    if (!code) {
        if (o.warm_up == UINT32_MAX)
            o.warm_up = o.count ? 0 : 1;
        enum result r = settings_load(&o.settings, &why);
        if (!r)
            r = argument_op(o.service, o.op, b.op, &why);
        code = r ? fail_with(r, &why) : run(&b);
    }
    buffer_free(&why);
    settings_free(&o.settings);
    return code < 0 ? EXIT_DONE : code;
}
