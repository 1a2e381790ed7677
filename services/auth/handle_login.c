#include "authn.h"

static enum fault_code check(const struct authn *a, struct telegram_field *fields, size_t count, uint64_t now_ms,
                             struct telegram_login *login)
{
    if (telegram_verify_widget(&a->bot, fields, count, login))
        return FAULT_BAD_SIGNATURE;
    if (!telegram_fresh(login->auth_date_s, a->login_max_age_ms, now_ms))
        return FAULT_STALE_AUTH;
    return FAULT_COUNT;
}

void handle_login_widget(void *service, struct request *rq)
{
    struct authn *a = service;
    const struct auth_login_telegram_widget_request *body = request_body(rq);
    struct arena *arena = request_arena(rq);
    struct telegram_field *fields = arena_alloc(arena, body->fields.count + 1, sizeof(*fields));
    struct telegram_login *signed_login = arena_alloc(arena, 1, sizeof(*signed_login));
    struct proven_login *proven = arena_alloc(arena, 1, sizeof(*proven));

    if (!fields || !signed_login || !proven) {
        request_fail(rq, FAULT_INTERNAL, "out of memory");
        return;
    }
    for (size_t i = 0; i < body->fields.count; i++)
        fields[i] = (struct telegram_field){ body->fields.pairs[i].key, body->fields.pairs[i].value };
    enum fault_code refused = check(a, fields, body->fields.count, request_now_ms(rq), signed_login);
    if (refused != FAULT_COUNT) {
        people_login_failed(a->people, rq, telegram_claimed(fields, body->fields.count), &body->device, refused);
        return;
    }
    *proven = (struct proven_login){ signed_login->id, { signed_login->hash, sizeof(signed_login->hash) }, &body->device };
    people_login(a->people, rq, proven);
}
