/* TOTP and backup codes: who brings which token, and with what code. */
#include "authn.h"
#include "people_factor.h"

void handle_totp_enroll(void *service, struct request *rq)
{
    struct authn *a = service;
    const struct auth_totp_enroll_request *body = request_body(rq);
    struct token token;

    people_totp_enroll(a->people, rq, token_parse(body->token, &token) ? NULL : &token, body->label);
}

typedef void with_code(struct people *p, struct request *rq, const struct token *token, struct text code);

static void ask(struct authn *a, struct request *rq, with_code *what)
{
    const struct auth_code_request *body = request_body(rq);
    struct token token;

    what(a->people, rq, token_parse(body->token, &token) ? NULL : &token, body->code);
}

void handle_totp_activate(void *service, struct request *rq)
{
    ask(service, rq, people_totp_activate);
}

void handle_totp_verify(void *service, struct request *rq)
{
    ask(service, rq, people_totp_verify);
}

void handle_totp_disable(void *service, struct request *rq)
{
    ask(service, rq, people_totp_disable);
}

void handle_backup_code_verify(void *service, struct request *rq)
{
    ask(service, rq, people_backup_code_verify);
}

void handle_backup_code_regenerate(void *service, struct request *rq)
{
    ask(service, rq, people_backup_code_regenerate);
}

void handle_totp_reset(void *service, struct request *rq)
{
    struct authn *a = service;
    const struct auth_user_request *body = request_body(rq);

    people_totp_reset(a->people, rq, body->user_id);
}
