#include "tour.h"

#include <inttypes.h>
#include <string.h>

#include "clock.h"
#include "command.h"
#include "envelope.h"

#define BURST_MAX 500

/* One check's question. */
struct wish {
    const char *user, *endpoint, *tier; /* tier may be NULL */
    uint64_t cost;
    bool peek;
};

/* What the tour needs to know of a policy that somebody else has written. */
struct sight {
    char name[TOUR_NAME_MAX], endpoint[TOUR_NAME_MAX], tier[TOUR_NAME_MAX];
    uint64_t capacity;                  /* 0: none was found */
};

static int check(struct tour *t, const struct wish *w, const uint8_t *id)
{
    struct hlidka_body *body = hlidka_body_new();

    hlidka_put_text(body, "user_id", w->user);
    hlidka_put_text(body, "endpoint", w->endpoint);
    if (w->tier && *w->tier)
        hlidka_put_text(body, "tier", w->tier);
    hlidka_put_uint(body, "cost", w->cost);
    hlidka_put_text(body, "mode", w->peek ? "peek" : "consume");
    return tour_ask(t, &(struct tour_question){ .op = "ratelimit.check", .body = body, .id = id });
}

/* The row of that policy in the last check's answer. */
static struct hlidka_bytes row_of(const struct tour *t, const char *policy)
{
    struct hlidka_cursor at = hlidka_walk(tour_got(t, "limits").bytes);
    struct hlidka_value row;

    while (hlidka_next(&at, NULL, &row)) {
        if (tour_is(hlidka_get(row.bytes, "policy"), policy))
            return row.bytes;
    }
    return (struct hlidka_bytes){ NULL, 0 };
}

static void print_headers(const struct tour *t)
{
    struct hlidka_cursor at = hlidka_walk(tour_got(t, "headers").bytes);
    struct hlidka_value name, value;

    while (hlidka_next(&at, &name, &value))
        printf("    %.*s: %.*s\n", (int)name.len, name.text, (int)value.len, value.text);
}

/* ---- the steps ------------------------------------------------------------------------------------------------- */

int tour_lessons(struct tour *t)
{
    struct wish w = { .user = t->user, .endpoint = "lessons.create", .tier = "free", .cost = 1 };
    uint64_t began = clock_boot_ns();
    int code;

    for (int i = 0; i < TOUR_LESSONS; i++) {
        if ((code = check(t, &w, NULL)))
            return code;
        if (!tour_got(t, "allowed").boolean)
            return tour_wrong("one of the first 30 lessons was refused");
    }
    tour_step(began, "30 lessons of a free user: allowed");
    began = clock_boot_ns();
    if ((code = check(t, &w, NULL)))
        return code;
    if (tour_got(t, "allowed").boolean)
        return tour_wrong("the 31st lesson was allowed");
    tour_step(began, "the 31st: refused, with these headers for the app to pass on");
    print_headers(t);
    return EXIT_DONE;
}

/* The narrowest policy for one user of that kind; what it is called is the operator's business. */
static int find(struct tour *t, const char *mode, const char *algorithm, struct sight *out)
{
    struct hlidka_value policy;
    int code = tour_ask(t, &(struct tour_question){ .op = "ratelimit.policies", .body = hlidka_body_new() });

    if (code)
        return code;
    *out = (struct sight){ .capacity = 0 };
    struct hlidka_cursor at = hlidka_walk(tour_got(t, "policies").bytes);
    while (hlidka_next(&at, NULL, &policy)) {
        struct hlidka_value scope = hlidka_get(policy.bytes, "scope"), tiers = hlidka_get(policy.bytes, "tiers");
        struct hlidka_value burst = hlidka_get(policy.bytes, "burst"), endpoint = hlidka_get(policy.bytes, "endpoint");
        uint64_t capacity = burst.type == HLIDKA_UINT ? burst.uint : hlidka_get(policy.bytes, "limit").uint;
        bool exact = endpoint.len > 0 && endpoint.text[endpoint.len - 1] != '*';
        if (!tour_is(hlidka_get(policy.bytes, "mode"), mode) || !exact || (out->capacity && capacity >= out->capacity))
            continue;
        if (algorithm && !tour_is(hlidka_get(policy.bytes, "algorithm"), algorithm))
            continue;
        if (!tour_is(scope, "user") && !tour_is(scope, "user_endpoint"))
            continue;
        tour_copy(hlidka_get(policy.bytes, "name"), out->name, sizeof(out->name));
        tour_copy(endpoint, out->endpoint, sizeof(out->endpoint));
        struct hlidka_cursor tier = hlidka_walk(tiers.bytes);
        struct hlidka_value first = { .text = "" };
        if (tiers.type == HLIDKA_LIST)
            hlidka_next(&tier, NULL, &first);
        tour_copy(first, out->tier, sizeof(out->tier));
        out->capacity = capacity;
    }
    return EXIT_DONE;
}

int tour_burst(struct tour *t)
{
    char user[TOUR_NAME_MAX];
    struct sight s;
    uint64_t began = clock_boot_ns(), passed = 0;
    int code = find(t, "enforce", "gcra", &s);

    if (code)
        return code;
    if (!s.capacity)
        return tour_wrong("no gcra policy for users is in force");
    tour_new_name("tour", user);
    struct wish w = { .user = user, .endpoint = s.endpoint, .tier = s.tier, .cost = 1 };
    /* What comes back while the burst lasts passes too, so it may be more than the capacity. */
    for (; passed < BURST_MAX; passed++) {
        if ((code = check(t, &w, NULL)))
            return code;
        if (!tour_got(t, "allowed").boolean)
            break;
    }
    if (passed < s.capacity || passed == BURST_MAX)
        return tour_wrong("the burst did not end at its policy's capacity");
    tour_step(began, "a burst at %s (gcra, %" PRIu64 " at once): %" PRIu64 " passed, retry in %" PRIu64 " ms",
             s.endpoint, s.capacity, passed, tour_got(t, "retry_after_ms").uint);
    return EXIT_DONE;
}

int tour_shadow(struct tour *t)
{
    char user[TOUR_NAME_MAX];
    struct sight s;
    uint64_t began = clock_boot_ns();
    int code = find(t, "shadow", NULL, &s);

    if (code)
        return code;
    if (!s.capacity)
        return tour_wrong("no shadow policy for users is in force");
    tour_new_name("tour", user);
    struct wish w = { .user = user, .endpoint = s.endpoint, .tier = s.tier, .cost = s.capacity };
    if ((code = check(t, &w, NULL)))
        return code;
    w.cost = 1;
    if ((code = check(t, &w, NULL)))
        return code;
    struct hlidka_bytes row = row_of(t, s.name);
    if (!tour_got(t, "allowed").boolean || !row.data || hlidka_get(row, "allowed").boolean)
        return tour_wrong("the shadow policy did not see what it would have refused, or refused it");
    tour_step(began, "the shadow policy %s would have refused: allowed all the same", s.name);
    return EXIT_DONE;
}

int tour_twice(struct tour *t)
{
    char user[TOUR_NAME_MAX];
    struct wish w = { .user = user, .endpoint = "lessons.create", .tier = "free", .cost = 1 };
    uint8_t id[HLIDKA_ID_LEN];
    struct buffer first;
    uint64_t began = clock_boot_ns(), left = 0;

    tour_new_name("tour", user);
    buffer_init(&first, ENVELOPE_VALUE_MAX);
    int code = check(t, &w, NULL);
    if (!code)
        code = buffer_append(&first, t->answer.data, t->answer.len) ? EXIT_USAGE : EXIT_DONE;
    memcpy(id, t->id, sizeof(id));
    if (!code)
        code = check(t, &w, id);
    if (!code && !bytes_equal(buffer_bytes(&first), buffer_bytes(&t->answer)))
        code = tour_wrong("a repeated message got another answer");
    w.peek = true;
    if (!code)
        code = check(t, &w, NULL);
    if (!code) {
        struct hlidka_cursor at = hlidka_walk(tour_got(t, "limits").bytes);
        struct hlidka_value row;
        while (hlidka_next(&at, NULL, &row))
            left = hlidka_get(row.bytes, "limit").uint == TOUR_LESSONS ? hlidka_get(row.bytes, "remaining").uint : left;
        code = left == TOUR_LESSONS - 1 ? EXIT_DONE : tour_wrong("a message delivered twice was not charged once");
    }
    if (!code)
        tour_step(began, "the same message delivered twice: the same answer, charged once");
    buffer_free(&first);
    return code;
}
