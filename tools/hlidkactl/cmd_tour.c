#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "command.h"
#include "connect.h"
#include "entropy.h"
#include "envelope.h"
#include "uuid.h"

static const char USAGE[] =
    "usage: hlidkactl tour [connection flags]\n"
    "\n"
    "Acts as an app's backend against a running stack, a step a line, each with its time: thirty lessons of a free user\n"
    "and the one that is refused, a burst, a shadow policy that would have refused, and a message that is delivered\n"
    "twice and charged once. Ends at the first step that does not go as it must.\n"
    "\n"
    SETTINGS_HELP
    "\n"
    "Exit codes: 0 all went well, 1 a step did not, 2 wrong arguments or files, 3 no answer in time, 4 no bus.\n";

#define TOUR_DEADLINE_MS 4000
#define TOUR_LESSONS 30
#define TOUR_BURST_MAX 500
#define TOUR_TEXT_MAX 65

struct tour {
    uv_loop_t loop;
    struct hlidka *client;
    struct buffer answer;               /* msgpack of the last result */
    bool answered;
    int code;                           /* of the last call */
    uint8_t id[HLIDKA_ID_LEN];          /* of the last call */
    char status[128];                   /* of the last call, where it was not 200 */
};

/* One check's question. */
struct wish {
    const char *user, *endpoint, *tier; /* tier may be NULL */
    uint64_t cost;
    bool peek;
};

/* What the tour needs to know of a policy that somebody else has written. */
struct sight {
    char name[TOUR_TEXT_MAX], endpoint[TOUR_TEXT_MAX], tier[TOUR_TEXT_MAX];
    uint64_t capacity;                  /* 0: none was found */
};

static void answered(void *cookie, const struct hlidka_reply *reply)
{
    struct tour *t = cookie;

    t->answered = true;
    t->code = connect_exit_code(t->client, reply);
    memcpy(t->id, reply->id, sizeof(t->id));
    buffer_reset(&t->answer);
    snprintf(t->status, sizeof(t->status), "%u %s %s", reply->status, reply->code, hlidka_status_text(reply->outcome));
    if (reply->outcome == HLIDKA_OK && buffer_append(&t->answer, reply->result.data, reply->result.len))
        t->code = EXIT_USAGE;
}

/* Waits for the answer; EXIT_DONE when it was a 200, which is then in t->answer. */
static int ask(struct tour *t, const char *op, struct hlidka_body *body, const uint8_t *id)
{
    t->answered = false;
    enum hlidka_status s = hlidka_call(t->client, &(struct hlidka_request){
        .op = op, .body = hlidka_body_bytes(body), .deadline_ms = TOUR_DEADLINE_MS, .id = id,
    }, answered, t, NULL);
    hlidka_body_free(body);
    if (s)
        return connect_refused(s);
    while (!t->answered)
        uv_run(&t->loop, UV_RUN_ONCE);
    if (t->code)
        complain("%s: %s", op, t->status);
    return t->code;
}

static int check(struct tour *t, const struct wish *w, const uint8_t *id)
{
    struct hlidka_body *body = hlidka_body_new();

    hlidka_put_text(body, "user_id", w->user);
    hlidka_put_text(body, "endpoint", w->endpoint);
    if (w->tier && *w->tier)
        hlidka_put_text(body, "tier", w->tier);
    hlidka_put_uint(body, "cost", w->cost);
    hlidka_put_text(body, "mode", w->peek ? "peek" : "consume");
    return ask(t, "ratelimit.check", body, id);
}

static struct hlidka_value got(const struct tour *t, const char *name)
{
    return hlidka_get((struct hlidka_bytes){ t->answer.data, t->answer.len }, name);
}

/* The row of that policy in the last check's answer. */
static struct hlidka_bytes row_of(const struct tour *t, const char *policy)
{
    struct hlidka_cursor at = hlidka_walk(got(t, "limits").bytes);
    struct hlidka_value row;

    while (hlidka_next(&at, NULL, &row)) {
        struct hlidka_value name = hlidka_get(row.bytes, "policy");
        if (name.len == strlen(policy) && memcmp(name.text, policy, name.len) == 0)
            return row.bytes;
    }
    return (struct hlidka_bytes){ NULL, 0 };
}

static bool is_text(struct hlidka_value v, const char *text)
{
    return v.type == HLIDKA_TEXT && v.len == strlen(text) && memcmp(v.text, text, v.len) == 0;
}

static void copy_text(struct hlidka_value v, char out[TOUR_TEXT_MAX])
{
    snprintf(out, TOUR_TEXT_MAX, "%.*s", (int)v.len, v.text);
}

static void new_user(char out[UUID_TEXT_LEN + 8])
{
    uint8_t random[10];
    char text[UUID_TEXT_LEN + 1];

    entropy_fill(random, sizeof(random));
    struct uuid u = uuid_v7(clock_unix_ms(), random);
    uuid_format(&u, text);
    snprintf(out, UUID_TEXT_LEN + 8, "tour-%s", text);
}

static int wrong(const char *what)
{
    complain("%s", what);
    return EXIT_REFUSED;
}

static void step(const char *what, uint64_t began_ns)
{
    printf("%-72s %8.1f ms\n", what, (double)(clock_boot_ns() - began_ns) / 1e6);
    fflush(stdout);
}

static void print_headers(const struct tour *t)
{
    struct hlidka_cursor at = hlidka_walk(got(t, "headers").bytes);
    struct hlidka_value name, value;

    while (hlidka_next(&at, &name, &value))
        printf("    %.*s: %.*s\n", (int)name.len, name.text, (int)value.len, value.text);
}

/* ---- the steps ------------------------------------------------------------------------------------------------- */

static int lessons(struct tour *t)
{
    char user[UUID_TEXT_LEN + 8];
    struct wish w = { .user = user, .endpoint = "lessons.create", .tier = "free", .cost = 1 };
    uint64_t began = clock_boot_ns();
    int code;

    new_user(user);
    for (int i = 0; i < TOUR_LESSONS; i++) {
        if ((code = check(t, &w, NULL)))
            return code;
        if (!got(t, "allowed").boolean)
            return wrong("one of the first 30 lessons was refused");
    }
    step("30 lessons of a free user: allowed", began);
    began = clock_boot_ns();
    if ((code = check(t, &w, NULL)))
        return code;
    if (got(t, "allowed").boolean)
        return wrong("the 31st lesson was allowed");
    step("the 31st: refused, with these headers for the app to pass on", began);
    print_headers(t);
    return EXIT_DONE;
}

/* The narrowest policy for one user of that kind; what it is called is the operator's business. */
static int find(struct tour *t, const char *mode, const char *algorithm, struct sight *out)
{
    struct hlidka_value policy;
    int code = ask(t, "ratelimit.policies", hlidka_body_new(), NULL);

    if (code)
        return code;
    *out = (struct sight){ .capacity = 0 };
    struct hlidka_cursor at = hlidka_walk(got(t, "policies").bytes);
    while (hlidka_next(&at, NULL, &policy)) {
        struct hlidka_value scope = hlidka_get(policy.bytes, "scope"), tiers = hlidka_get(policy.bytes, "tiers");
        struct hlidka_value burst = hlidka_get(policy.bytes, "burst"), endpoint = hlidka_get(policy.bytes, "endpoint");
        uint64_t capacity = burst.type == HLIDKA_UINT ? burst.uint : hlidka_get(policy.bytes, "limit").uint;
        bool exact = endpoint.len > 0 && endpoint.text[endpoint.len - 1] != '*';
        if (!is_text(hlidka_get(policy.bytes, "mode"), mode) || !exact || (out->capacity && capacity >= out->capacity))
            continue;
        if (algorithm && !is_text(hlidka_get(policy.bytes, "algorithm"), algorithm))
            continue;
        if (!is_text(scope, "user") && !is_text(scope, "user_endpoint"))
            continue;
        copy_text(hlidka_get(policy.bytes, "name"), out->name);
        copy_text(endpoint, out->endpoint);
        struct hlidka_cursor tier = hlidka_walk(tiers.bytes);
        struct hlidka_value first = { .text = "" };
        if (tiers.type == HLIDKA_LIST)
            hlidka_next(&tier, NULL, &first);
        copy_text(first, out->tier);
        out->capacity = capacity;
    }
    return EXIT_DONE;
}

static int burst(struct tour *t)
{
    char user[UUID_TEXT_LEN + 8], line[160];
    struct sight s;
    uint64_t began = clock_boot_ns(), passed = 0;
    int code = find(t, "enforce", "gcra", &s);

    if (code)
        return code;
    if (!s.capacity)
        return wrong("no gcra policy for users is in force");
    new_user(user);
    struct wish w = { .user = user, .endpoint = s.endpoint, .tier = s.tier, .cost = 1 };
    /* What comes back while the burst lasts passes too, so it may be more than the capacity. */
    for (; passed < TOUR_BURST_MAX; passed++) {
        if ((code = check(t, &w, NULL)))
            return code;
        if (!got(t, "allowed").boolean)
            break;
    }
    if (passed < s.capacity || passed == TOUR_BURST_MAX)
        return wrong("the burst did not end at its policy's capacity");
    snprintf(line, sizeof(line), "a burst at %s (gcra, %" PRIu64 " at once): %" PRIu64 " passed, retry in %" PRIu64 " ms",
             s.endpoint, s.capacity, passed, got(t, "retry_after_ms").uint);
    step(line, began);
    return EXIT_DONE;
}

static int shadow(struct tour *t)
{
    char user[UUID_TEXT_LEN + 8], line[160];
    struct sight s;
    uint64_t began = clock_boot_ns();
    int code = find(t, "shadow", NULL, &s);

    if (code)
        return code;
    if (!s.capacity)
        return wrong("no shadow policy for users is in force");
    new_user(user);
    struct wish w = { .user = user, .endpoint = s.endpoint, .tier = s.tier, .cost = s.capacity };
    if ((code = check(t, &w, NULL)))
        return code;
    w.cost = 1;
    if ((code = check(t, &w, NULL)))
        return code;
    struct hlidka_bytes row = row_of(t, s.name);
    if (!got(t, "allowed").boolean || !row.data || hlidka_get(row, "allowed").boolean)
        return wrong("the shadow policy did not see what it would have refused, or refused it");
    snprintf(line, sizeof(line), "the shadow policy %s would have refused: allowed all the same", s.name);
    step(line, began);
    return EXIT_DONE;
}

static int twice(struct tour *t)
{
    char user[UUID_TEXT_LEN + 8];
    struct wish w = { .user = user, .endpoint = "lessons.create", .tier = "free", .cost = 1 };
    uint8_t id[HLIDKA_ID_LEN];
    struct buffer first;
    uint64_t began = clock_boot_ns(), left = 0;

    new_user(user);
    buffer_init(&first, ENVELOPE_VALUE_MAX);
    int code = check(t, &w, NULL);
    if (!code)
        code = buffer_append(&first, t->answer.data, t->answer.len) ? EXIT_USAGE : EXIT_DONE;
    memcpy(id, t->id, sizeof(id));
    if (!code)
        code = check(t, &w, id);
    if (!code && !bytes_equal(buffer_bytes(&first), buffer_bytes(&t->answer)))
        code = wrong("a repeated message got another answer");
    w.peek = true;
    if (!code)
        code = check(t, &w, NULL);
    if (!code) {
        struct hlidka_cursor at = hlidka_walk(got(t, "limits").bytes);
        struct hlidka_value row;
        while (hlidka_next(&at, NULL, &row))
            left = hlidka_get(row.bytes, "limit").uint == TOUR_LESSONS ? hlidka_get(row.bytes, "remaining").uint : left;
        code = left == TOUR_LESSONS - 1 ? EXIT_DONE : wrong("a message delivered twice was not charged once");
    }
    if (!code)
        step("the same message delivered twice: the same answer, charged once", began);
    buffer_free(&first);
    return code;
}

/* The first answer on topics made a moment ago may take long. */
static int wake(struct tour *t)
{
    uint64_t began = clock_boot_ns();
    int code = EXIT_NO_ANSWER;

    for (int i = 0; i < 5 && code == EXIT_NO_ANSWER; i++)
        code = ask(t, "ratelimit.policies", hlidka_body_new(), NULL);
    if (!code)
        step("ratelimit answers, sealed", began);
    return code;
}

static int run(struct settings *settings)
{
    static int (*const STEPS[])(struct tour *) = { wake, lessons, burst, shadow, twice };
    struct tour t = { .code = EXIT_DONE };
    struct buffer why;
    int code = EXIT_DONE;

    if (uv_loop_init(&t.loop)) {
        complain("no event loop can be made");
        return EXIT_USAGE;
    }
    buffer_init(&why, HLIDKA_WHY_LEN);
    buffer_init(&t.answer, ENVELOPE_VALUE_MAX);
    enum result r = settings_load(settings, &why);
    if (!r)
        r = connect_client(settings, &t.loop, 1, NULL, NULL, &t.client, &why);
    if (r) {
        code = fail_with(r, &why);
        goto done;
    }
    for (size_t i = 0; i < sizeof(STEPS) / sizeof(STEPS[0]) && !code; i++)
        code = STEPS[i](&t);
    hlidka_close(t.client, NULL, NULL);
    uv_run(&t.loop, UV_RUN_DEFAULT);
    if (!code)
        printf("\nThe stack is left running (%s). Talk to it:\n"
               "  build/release/bin/hlidkactl call ratelimit check '{\"user_id\": \"u-1\", \"endpoint\": \"lessons.create\"}'\n"
               "`tools/stack status` shows it, `make stop` ends it.\n", settings->bus ? settings->bus : settings->brokers);
done:
    uv_loop_close(&t.loop);
    buffer_free(&t.answer);
    buffer_free(&why);
    return code;
}

int cmd_tour(int argc, char **argv)
{
    static const struct option LONG[] = { SETTINGS_OPTIONS, { "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 } };
    struct settings settings;
    int opt, code;

    settings_init(&settings);
    settings.principal = "backend";     /* whom the tour plays, unless told otherwise */
    while ((opt = getopt_long(argc, argv, "h", LONG, NULL)) != -1) {
        if (settings_option(&settings, opt, optarg))
            continue;
        if (opt == 'h')
            fputs(USAGE, stdout);
        settings_free(&settings);
        return opt == 'h' ? EXIT_DONE : usage_error("tour", "wrong arguments");
    }
    code = optind == argc ? run(&settings) : usage_error("tour", "it takes flags only");
    settings_free(&settings);
    return code;
}
