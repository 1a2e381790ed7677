#include "client.h"

#include <stdio.h>

#include "alert_open.h"

static const char *text_at(struct hlidka *c, struct hlidka_bytes body, const char *name)
{
    struct hlidka_value v = hlidka_get(body, name);
    const char *copy = arena_copy(&c->arena, (struct text){ v.text, v.type == HLIDKA_TEXT ? v.len : 0 });

    return copy ? copy : "";
}

void alert_take(struct hlidka *c, struct bytes value)
{
    const struct principal *audit = principals_find(c->credentials.principals, TEXT("audit"));
    struct bytes raw;

    if (!audit || alert_open(audit, value, &raw)) {
        c->stats.alerts_refused++;
        return;
    }
    struct hlidka_bytes body = { raw.data, raw.len };
    struct hlidka_value n = hlidka_get(body, "n");
    arena_reset(&c->arena);
    const char *rule = text_at(c, body, "rule");
    const struct hlidka_alert alert = {
        .alert_id = text_at(c, body, "alert_id"),
        .has_n = n.type == HLIDKA_UINT && strcmp(rule, "watchdog") != 0,
        .n = n.uint,
        .rule = rule,
        .title = text_at(c, body, "title"),
        .level = text_at(c, body, "level"),
        .user_id = text_at(c, body, "user_id"),
        .runbook = text_at(c, body, "runbook"),
        .time = hlidka_get(body, "time").uint,
        .first_seen = hlidka_get(body, "first_seen").uint,
        .last_seen = hlidka_get(body, "last_seen").uint,
        .count = hlidka_get(body, "count").uint,
        .body = body,
    };
    c->stats.alerts++;
    c->alerted(c->alert_cookie, &alert);
}

enum hlidka_status hlidka_tail_alerts(struct hlidka *c, hlidka_alerted alerted, void *cookie)
{
    char topic[CLIENT_TOPIC_MAX + 1];

    if (c->state != CLIENT_OPEN)
        return HLIDKA_CLOSED;
    if (c->alerts.client)
        return HLIDKA_INVALID;
    snprintf(topic, sizeof(topic), "%saudit.alerts", c->prefix);
    switch (reader_open(&c->alerts, c, topic, true)) {
    case RESULT_OK:
        break;
    case RESULT_TOO_LARGE:
        return HLIDKA_INVALID;
    default:
        return HLIDKA_NO_MEMORY;
    }
    c->alerted = alerted;
    c->alert_cookie = cookie;
    reader_tick(&c->alerts, client_now_ms());
    return HLIDKA_OK;
}
