#include "authn.h"
#include "clock.h"

enum { RETRY_MS = 500 };

struct inquiry {
    struct introspection *in;
    struct request *rq;
    struct bearer_ask ask;
};

/* A use of it: written at most once a minute, by this instance and, as the store sees to, by all. */
static void touch(struct introspection *in, struct session *life, uint64_t now_ms)
{
    struct known_session *held = cache_find(in->cache, &life->id);

    if (!session_touch_due(life, now_ms))
        return;
    life->active_ms = now_ms;
    if (held)
        held->life.active_ms = now_ms;
    touches_add(&in->touches, &life->id, now_ms);
}

static void answer_alive(struct inquiry *i, const struct known_session *s)
{
    const struct auth_session_introspect_request *body = request_body(i->rq);
    struct auth_session_introspect_result shown = s->shown;
    struct session life = s->life;

    if (body->touch)
        touch(i->in, &life, request_now_ms(i->rq));
    shown.active = true;
    shown.last_activity = life.active_ms;
    shown.has_last_activity = true;
    shown.expires_at = session_expires_ms(i->in->lifetimes, &life);
    shown.has_expires_at = true;
    request_reply(i->rq, &shown);
}

static void answer_dead(struct inquiry *i, const struct known_session *was)
{
    static const struct auth_session_introspect_result INACTIVE = { .active = false };
    const struct auth_session_introspect_request *body = request_body(i->rq);

    if (was)
        reuses_note(i->in->reuses, &was->life.id, was->shown.user_id, body->has_ip ? &body->ip : NULL, request_trace(i->rq),
                    request_now_ms(i->rq));
    request_reply(i->rq, &INACTIVE);
}

static void on_told(void *cookie, enum bearer_outcome outcome, const struct known_session *s)
{
    struct inquiry *i = cookie;

    switch (outcome) {
    case BEARER_ALIVE:
        answer_alive(i, s);
        break;
    case BEARER_DEAD:
        answer_dead(i, s);
        break;
    case BEARER_UNAVAILABLE:
        request_fail_retry(i->rq, FAULT_UNAVAILABLE, RETRY_MS, "the store does not answer");
        break;
    }
}

void handle_session_introspect(void *service, struct request *rq)
{
    struct authn *a = service;
    const struct auth_session_introspect_request *body = request_body(rq);
    struct inquiry *i = arena_alloc(request_arena(rq), 1, sizeof(*i));

    if (!i) {
        request_fail(rq, FAULT_INTERNAL, "out of memory");
        return;
    }
    *i = (struct inquiry){ a->introspection, rq, { .cb = on_told, .cookie = i } };
    i->ask.until_ns = clock_boot_ns() + request_left_ms(rq) * UINT64_C(1000000);
    bearers_find(i->in->bearers, body->token, &i->ask);
}
