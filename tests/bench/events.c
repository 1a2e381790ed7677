/*
 * Events as an app sends them, as fast as the client takes them; for each so many a breath, so that its queue never
 * overflows. Prints one JSON line when all have left: {"sent":…,"begun_ms":…}, the latter since 1970; what audit has
 * stored of them, and by when, is the caller's to see.
 *
 *     events BROKERS PRINCIPALS KEYS COUNT TYPE
 */
#include "backend.h"

#include <time.h>
#include <unistd.h>

#define BREATH 2000u

static uint64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static struct hlidka_bytes event(struct hlidka_body *body, const char *type, unsigned n)
{
    char user[32];

    snprintf(user, sizeof(user), "u-%u", n % 1000);
    hlidka_put_text(body, "type", type);
    hlidka_put_uint(body, "time", now_ms());
    hlidka_put_text(body, "outcome", "success");
    hlidka_put_text(body, "user_id", user);
    hlidka_put_text(body, "ip", "192.0.2.7");
    hlidka_put_text(body, "endpoint", "lessons.create");
    return hlidka_body_bytes(body);
}

int main(int argc, char **argv)
{
    if (argc != 6)
        backend_die("usage", "events BROKERS PRINCIPALS KEYS COUNT TYPE");
    unsigned count = (unsigned)strtoul(argv[4], NULL, 10);
    struct hlidka_sync *client = backend_open(argv[1], argv[2], argv[3]);
    struct hlidka_stats stats;
    uint64_t begun_ms = now_ms();
    for (unsigned n = 0; n < count; n++) {
        struct hlidka_body *body = hlidka_body_new();
        enum hlidka_status s = hlidka_sync_event(client, event(body, argv[5], n), NULL);
        if (s)
            backend_die("event", hlidka_status_text(s));
        hlidka_body_free(body);
        if (n % BREATH == BREATH - 1)
            usleep(5000);
    }
    hlidka_sync_stats(client, &stats);
    hlidka_sync_close(client);                          /* gives what was sent its time to leave */
    if (stats.events_dropped > 0)
        backend_die("events", "some were dropped");
    printf("{\"sent\":%u,\"begun_ms\":%llu}\n", count, (unsigned long long)begun_ms);
    return 0;
}
