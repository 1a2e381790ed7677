/*
 * What a protected and limited endpoint asks of Hlídka, from C: a session's introspection and a check of the limit, both
 * at once, one such pair after the other. The raw limit of what hlidka.fastapi adds to a request.
 *
 *     pair BROKERS PRINCIPALS KEYS TOKEN COUNT
 *
 * Prints one JSON line: {"p50_ms":…,"p99_ms":…}, from the first question to the second answer.
 */
#include "hlidka.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <uv.h>

enum { COUNT_MAX = 100000, WARM_UP = 200, DEADLINE_MS = 5000 };

static struct hlidka *client;
static uv_timer_t opening;
static const char *token;
static unsigned count, done, answers;
static double took_ms[COUNT_MAX], began_ms;

static void die(const char *what, const char *why)
{
    fprintf(stderr, "pair: %s: %s\n", what, why);
    exit(1);
}

static double now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void ask_pair(void);

static void answered(void *cookie, const struct hlidka_reply *reply)
{
    if (reply->outcome)
        die(cookie, reply->outcome == HLIDKA_REFUSED ? reply->code : hlidka_status_text(reply->outcome));
    if (++answers < 2)
        return;
    if (done >= WARM_UP)
        took_ms[done - WARM_UP] = now_ms() - began_ms;
    if (++done == count + WARM_UP)
        hlidka_close(client, NULL, NULL);
    else
        ask_pair();
}

static void ask(char *op, struct hlidka_body *body)
{
    const struct hlidka_request q = { .op = op, .body = hlidka_body_bytes(body), .deadline_ms = DEADLINE_MS };
    enum hlidka_status s = hlidka_call(client, &q, answered, op, NULL);

    if (s)
        die(op, hlidka_status_text(s));
    hlidka_body_free(body);
}

static void ask_pair(void)
{
    static char introspect[] = "auth.session.introspect", check[] = "ratelimit.check";
    struct hlidka_body *session = hlidka_body_new(), *limit = hlidka_body_new();

    hlidka_put_text(session, "token", token);
    hlidka_put_text(limit, "user_id", "u-bench");
    hlidka_put_text(limit, "endpoint", "bench.web");
    hlidka_put_text(limit, "tier", "free");
    answers = 0;
    began_ms = now_ms();
    ask(introspect, session);
    ask(check, limit);
}

static void until_ready(uv_timer_t *timer)
{
    static unsigned tries;
    char why[HLIDKA_WHY_LEN];

    if (hlidka_is_ready(client, why)) {
        uv_close((uv_handle_t *)timer, NULL);
        ask_pair();
    } else if (++tries == 2000) {
        die("not ready", why);
    }
}

static int by_time(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    char key[512], why[HLIDKA_WHY_LEN];
    uv_loop_t loop;

    count = argc == 6 ? (unsigned)strtoul(argv[5], NULL, 10) : 0;
    if (count < 1 || count > COUNT_MAX)
        die("usage", "pair BROKERS PRINCIPALS KEYS TOKEN COUNT");
    token = argv[4];
    snprintf(key, sizeof(key), "%s/backend.key", argv[3]);
    const struct hlidka_options options = {
        .brokers = argv[1], .principal = "backend", .principals_path = argv[2], .key_path = key,
    };
    if (uv_loop_init(&loop) || uv_timer_init(&loop, &opening) || uv_timer_start(&opening, until_ready, 10, 10))
        die("libuv", "no loop");
    if (hlidka_open(&loop, &options, &client, why))
        die(argv[1], why);
    uv_run(&loop, UV_RUN_DEFAULT);
    qsort(took_ms, count, sizeof(took_ms[0]), by_time);
    printf("{\"p50_ms\":%.3f,\"p99_ms\":%.3f}\n", took_ms[count / 2], took_ms[count * 99 / 100]);
    return 0;
}
