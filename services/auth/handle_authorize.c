#include "authn.h"
#include "audit.h"
#include "clock.h"

enum { RETRY_MS = 500 };

#define SAME(reason) (int)REFUSED_##reason == (int)AUTH_REFUSED_##reason
_Static_assert(SAME(INVALID_TOKEN) && SAME(MFA_ENROLLMENT_REQUIRED) && SAME(MFA_REQUIRED) && SAME(MFA_LOCKED)
               && SAME(REAUTH_REQUIRED) && SAME(FORBIDDEN), "reasons in the order of the wire's");

struct inquiry {
    struct authn *authn;
    struct request *rq;
    struct bearer_ask ask;
};

static void tell_refusal(const struct inquiry *i, const struct known_session *s, enum authorization_reason reason)
{
    const struct auth_authorize_request *body = request_body(i->rq);
    struct scalar_pair attrs[3] = {
        { TEXT("action"), { .type = MP_STR, .str = body->action } },
        { TEXT("reason"), { .type = MP_STR, .str = enum_auth_refusal.values[reason] } },
        { TEXT("resource"), { .type = MP_STR, .str = body->resource } },
    };

    i->authn->tell(i->authn->cookie, &(struct audit_event){
        .type = TEXT("auth.authorize"), .time = i->ask.now_ms, .outcome = AUDIT_DENIED,
        .user_id = s->shown.user_id, .session_id = s->life.id, .has_session_id = true, .tier = s->shown.tier,
        .attrs = { attrs, body->resource.data ? 3 : 2 }, .has_attrs = true,
    });
}

static void answer(const struct inquiry *i, enum authorization_reason reason, const struct demand *missed)
{
    struct auth_authorize_result result = { .allow = reason == ALLOWED };

    if (reason != ALLOWED) {
        result.reason = (enum auth_refusal)reason;
        result.has_reason = true;
    }
    if (missed->aal) {
        result.required_aal = missed->aal;
        result.has_required_aal = true;
    }
    if (missed->max_age_s) {
        result.max_age_s = missed->max_age_s;
        result.has_max_age_s = true;
    }
    request_reply(i->rq, &result);
}

/* As of now, and not of when it was asked: the store may have been waited for until the deadline, while ages went on. */
static void answer_alive(const struct inquiry *i, const struct known_session *s)
{
    const struct auth_authorize_request *body = request_body(i->rq);
    struct bearer_facts facts = {
        .aal = (unsigned)s->shown.aal, .auth_ms = s->shown.auth_time, .aal2_ms = s->shown.has_aal2_time ? s->shown.aal2_time : 0,
        .enrolled = s->shown.second_factor == AUTH_FACTOR_TOTP, .locked = s->locked_out,
        .roles = s->shown.roles.items, .role_count = s->shown.roles.count,
    };
    struct demand missed;
    enum authorization_reason reason = authorize(i->authn->authorization, body->action, &facts, i->ask.now_ms, &missed);

    if (reason != ALLOWED)
        tell_refusal(i, s, reason);
    answer(i, reason, &missed);
}

static void on_told(void *cookie, enum bearer_outcome outcome, const struct known_session *s)
{
    static const struct demand NONE = { 0, 0 };
    const struct inquiry *i = cookie;

    switch (outcome) {
    case BEARER_ALIVE:
        answer_alive(i, s);
        break;
    case BEARER_DEAD:
        if (s)
            reuses_note(i->authn->introspection->reuses, &s->life.id, s->shown.user_id, NULL, request_trace(i->rq),
                        request_now_ms(i->rq));
        answer(i, REFUSED_INVALID_TOKEN, &NONE);
        break;
    case BEARER_UNAVAILABLE:
        request_fail_retry(i->rq, FAULT_UNAVAILABLE, RETRY_MS, "the store does not answer");
        break;
    }
}

/* Whose it is comes from where introspection has it; nothing is written, and no activity counted. */
void handle_authorize(void *service, struct request *rq)
{
    struct authn *a = service;
    const struct auth_authorize_request *body = request_body(rq);
    struct inquiry *i = arena_alloc(request_arena(rq), 1, sizeof(*i));

    if (!i) {
        request_fail(rq, FAULT_INTERNAL, "out of memory");
        return;
    }
    *i = (struct inquiry){ a, rq, { .cb = on_told, .cookie = i } };
    i->ask.until_ns = clock_boot_ns() + request_left_ms(rq) * UINT64_C(1000000);
    bearers_find(a->introspection->bearers, body->token, &i->ask);
}
