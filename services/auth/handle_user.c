#include "authn.h"

#include <stdio.h>

/* PostgreSQL's text holds no U+0000. */
static bool holds_nul(struct text t)
{
    return t.data && memchr(t.data, '\0', t.len) != NULL;
}

static void refuse_field(struct request *rq, struct text pointer)
{
    struct field_errors errors = { .count = 0 };

    field_errors_add(&errors, pointer, FIELD_BAD_FORMAT);
    request_fail_fields(rq, &errors);
}

void handle_user_get(void *service, struct request *rq)
{
    struct authn *a = service;

    people_get(a->people, rq, request_body(rq));
}

void handle_user_set_tier(void *service, struct request *rq)
{
    struct authn *a = service;
    const struct auth_user_set_tier_request *body = request_body(rq);

    if (holds_nul(body->tier))
        refuse_field(rq, TEXT("/tier"));
    else
        people_set_tier(a->people, rq, body);
}

/* True: refused. */
static bool roles_hold_nul(struct request *rq, const struct text *roles, size_t count)
{
    char pointer[32];

    for (size_t i = 0; i < count; i++)
        if (holds_nul(roles[i])) {
            refuse_field(rq, (struct text){ pointer, (size_t)snprintf(pointer, sizeof(pointer), "/roles/%zu", i) });
            return true;
        }
    return false;
}

void handle_user_update(void *service, struct request *rq)
{
    struct authn *a = service;
    const struct auth_user_update_request *body = request_body(rq);

    if (!body->has_roles || !roles_hold_nul(rq, body->roles.items, body->roles.count))
        people_update(a->people, rq, body);
}

void handle_user_import(void *service, struct request *rq)
{
    struct authn *a = service;
    const struct auth_user_import_request *body = request_body(rq);

    if (holds_nul(body->tier)) {
        refuse_field(rq, TEXT("/tier"));
        return;
    }
    if (!body->has_roles || !roles_hold_nul(rq, body->roles.items, body->roles.count))
        people_import(a->people, rq, body);
}
