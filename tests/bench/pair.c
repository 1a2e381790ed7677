/*
 * What a protected and limited endpoint asks of Hlídka, from C: a session's introspection and a check of the limit, both
 * at once, one such pair after the other. The raw limit of what hlidka.fastapi adds to a request.
 *
 *     pair BROKERS PRINCIPALS KEYS TOKEN COUNT
 *
 * Prints one JSON line: {"p50_ms":…,"p99_ms":…}, from the first question to the second answer.
 */
#include "backend.h"

#include <time.h>
#include <uv.h>

enum { COUNT_MAX = 100000, WARM_UP = 200, DEADLINE_MS = 5000 };

static struct hlidka *client;
static const char *token;
static unsigned count, done, answers;
static double took_ms[COUNT_MAX], began_ms;

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
        backend_die(cookie, reply->outcome == HLIDKA_REFUSED ? reply->code : hlidka_status_text(reply->outcome));
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
        backend_die(op, hlidka_status_text(s));
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

static void on_ready(void *cookie)
{
    (void)cookie;
    ask_pair();
}

static int by_time(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    uv_loop_t loop;

    count = argc == 6 ? (unsigned)strtoul(argv[5], NULL, 10) : 0;
    if (count < 1 || count > COUNT_MAX)
        backend_die("usage", "pair BROKERS PRINCIPALS KEYS TOKEN COUNT");
    token = argv[4];
    if (uv_loop_init(&loop))
        backend_die("libuv", "no loop");
    client = backend_open_on(&loop, argv[1], argv[2], argv[3], on_ready, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    qsort(took_ms, count, sizeof(took_ms[0]), by_time);
    printf("{\"p50_ms\":%.3f,\"p99_ms\":%.3f}\n", took_ms[count / 2], took_ms[count * 99 / 100]);
    return 0;
}
