/* Ten forged logins of the tour's person, and the alert that follows. libhlidka has verified its signature. */
#include "tour.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "command.h"
#include "connect.h"

#define FORGERIES 10
#define ALERTED_WITHIN_MS 10000
#define RULE "brute-force-user"

struct tour_alert {
    uv_timer_t timer;
    bool heard, late;
    char title[96], level[24];
    uint64_t count;
};

static void on_alert(void *cookie, const struct hlidka_alert *alert)
{
    struct tour *t = cookie;

    if (t->alert->heard || strcmp(alert->rule, RULE) != 0 || strcmp(alert->user_id, t->user) != 0)
        return;
    t->alert->heard = true;
    t->alert->count = alert->count;
    snprintf(t->alert->title, sizeof(t->alert->title), "%s", alert->title);
    snprintf(t->alert->level, sizeof(t->alert->level), "%s", alert->level);
}

int tour_listen(struct tour *t)
{
    struct buffer nothing;

    buffer_init(&nothing, 0);
    t->alert = calloc(1, sizeof(*t->alert));
    if (!t->alert)
        return fail_with(RESULT_NO_MEMORY, &nothing);
    if (uv_timer_init(&t->loop, &t->alert->timer)) {
        free(t->alert);
        t->alert = NULL;
        return fail_with(RESULT_INTERNAL, &nothing);
    }
    t->alert->timer.data = t;
    enum hlidka_status s = hlidka_tail_alerts(t->client, on_alert, t);
    return s ? connect_refused(s) : EXIT_DONE;
}

static void on_late(uv_timer_t *timer)
{
    struct tour *t = timer->data;

    t->alert->late = true;
}

int tour_forgeries(struct tour *t)
{
    uint64_t began = clock_boot_ns();
    int code;

    for (int i = 0; i < FORGERIES; i++) {
        struct hlidka_body *body = tour_login_body(t, true);
        if (!body)
            return EXIT_USAGE;
        code = tour_ask(t, &(struct tour_question){ .op = "auth.login.telegram_widget", .body = body, .refusal = "bad_signature" });
        if (code)
            return code;
    }
    uint64_t forged = clock_boot_ns();
    tour_step(began, "%d forged logins of the same person: refused", FORGERIES);
    if (uv_timer_start(&t->alert->timer, on_late, ALERTED_WITHIN_MS, 0))
        return tour_wrong("no timer can be had");
    while (!t->alert->heard && !t->alert->late)
        uv_run(&t->loop, UV_RUN_ONCE);
    uv_timer_stop(&t->alert->timer);
    if (!t->alert->heard)
        return tour_wrong("no alert came");
    tour_step(forged, "the alert, its signature verified: %s (%s), %" PRIu64 " in 10 min", t->alert->title, t->alert->level,
              t->alert->count);
    return EXIT_DONE;
}

void tour_stop_listening(struct tour *t)
{
    if (t->alert)
        uv_close((uv_handle_t *)&t->alert->timer, NULL);
}
