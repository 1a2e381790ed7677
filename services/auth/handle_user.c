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

void handle_user_import(void *service, struct request *rq)
{
    struct authn *a = service;
    const struct auth_user_import_request *body = request_body(rq);

    if (holds_nul(body->tier)) {
        refuse_field(rq, TEXT("/tier"));
        return;
    }
    for (size_t i = 0; body->has_roles && i < body->roles.count; i++)
        if (holds_nul(body->roles.items[i])) {
            char pointer[32];

            refuse_field(rq, (struct text){ pointer, (size_t)snprintf(pointer, sizeof(pointer), "/roles/%zu", i) });
            return;
        }
    people_import(a->people, rq, body);
}
