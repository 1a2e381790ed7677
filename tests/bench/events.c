/*
 * Events as an app with a loop of its own sends them (hlidka.h), so many a turn: what is measured is who stores them, on
 * a machine that it shares with this. Prints one JSON line when all have left: {"sent":…,"begun_ms":…}, the latter since
 * 1970; what audit has stored of them, and by when, is the caller's to see.
 *
 *     events BROKERS PRINCIPALS KEYS COUNT TYPE
 */
#include "backend.h"

#include <time.h>
#include <uv.h>

#define TURN 500u

struct sender {
    uv_loop_t loop;
    uv_idle_t turn;
    struct hlidka *client;
    const char *type;
    unsigned sent, count;
    uint64_t begun_ms;
};

static uint64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void send_one(struct sender *s)
{
    struct hlidka_body *body = hlidka_body_new();
    char user[32];

    snprintf(user, sizeof(user), "u-%u", s->sent % 1000);
    hlidka_put_text(body, "type", s->type);
    hlidka_put_uint(body, "time", now_ms());
    hlidka_put_text(body, "outcome", "success");
    hlidka_put_text(body, "user_id", user);
    hlidka_put_text(body, "ip", "192.0.2.7");
    hlidka_put_text(body, "endpoint", "lessons.create");
    enum hlidka_status status = hlidka_event(s->client, hlidka_body_bytes(body), NULL);
    if (status)
        backend_die("event", hlidka_status_text(status));
    hlidka_body_free(body);
    s->sent++;
}

/* The client, as it closes, gives what was sent its time to leave. */
static void on_turn(uv_idle_t *turn)
{
    struct sender *s = turn->data;

    for (unsigned n = 0; n < TURN && s->sent < s->count; n++)
        send_one(s);
    if (s->sent < s->count)
        return;
    uv_close((uv_handle_t *)turn, NULL);
    hlidka_close(s->client, NULL, NULL);
}

static void on_ready(void *cookie)
{
    struct sender *s = cookie;

    s->begun_ms = now_ms();
    uv_idle_start(&s->turn, on_turn);
}

int main(int argc, char **argv)
{
    struct sender s = { 0 };

    if (argc != 6)
        backend_die("usage", "events BROKERS PRINCIPALS KEYS COUNT TYPE");
    s.count = (unsigned)strtoul(argv[4], NULL, 10);
    s.type = argv[5];
    if (uv_loop_init(&s.loop) || uv_idle_init(&s.loop, &s.turn))
        backend_die("libuv", "no loop");
    s.turn.data = &s;
    s.client = backend_open_on(&s.loop, argv[1], argv[2], argv[3], on_ready, &s);
    uv_run(&s.loop, UV_RUN_DEFAULT);
    uv_loop_close(&s.loop);
    printf("{\"sent\":%u,\"begun_ms\":%llu}\n", s.sent, (unsigned long long)s.begun_ms);
    return 0;
}
