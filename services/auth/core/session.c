#include "session.h"

static uint64_t lesser(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t session_expires_ms(const struct lifetimes *l, const struct session *s)
{
    uint64_t idle_ms = s->device == DEVICE_WEB ? l->web_inactivity_ms : l->inactivity_ms;

    return lesser(s->active_ms + lesser(l->sliding_ms, idle_ms), s->auth_ms + l->absolute_ms);
}

bool session_alive(const struct lifetimes *l, const struct session *s, uint64_t now_ms)
{
    return !s->ended && now_ms < session_expires_ms(l, s);
}

bool session_touch_due(const struct session *s, uint64_t now_ms)
{
    return now_ms >= s->active_ms + SESSION_TOUCH_MS;
}

uint64_t session_cookie_seconds(const struct lifetimes *l, const struct session *s, uint64_t now_ms)
{
    uint64_t end_ms = s->auth_ms + l->absolute_ms;

    return end_ms > now_ms ? (end_ms - now_ms) / 1000 : 0;
}

static bool idle_longer(const struct session *a, const struct session *b)
{
    if (a->active_ms != b->active_ms)
        return a->active_ms < b->active_ms;
    if (a->created_ms != b->created_ms)
        return a->created_ms < b->created_ms;
    return memcmp(a->id.bytes, b->id.bytes, sizeof(a->id.bytes)) < 0;
}

size_t sessions_give_way(const struct lifetimes *l, const struct session *s, size_t count, size_t limit, uint64_t now_ms,
                         bool *out)
{
    size_t alive = 0, gone = 0;

    for (size_t i = 0; i < count; i++) {
        out[i] = false;
        alive += session_alive(l, &s[i], now_ms);
    }
    for (; alive >= limit && alive > 0; alive--, gone++) {
        size_t longest = count;

        for (size_t i = 0; i < count; i++)
            if (!out[i] && session_alive(l, &s[i], now_ms) && (longest == count || idle_longer(&s[i], &s[longest])))
                longest = i;
        out[longest] = true;
    }
    return gone;
}
