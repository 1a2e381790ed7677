#include "authn.h"

void handle_session_list(void *service, struct request *rq)
{
    struct authn *a = service;
    const struct auth_session_list_request *body = request_body(rq);
    struct token token;

    if (!body->token.data)
        people_list(a->people, rq, body->user_id, NULL);
    else if (token_parse(body->token, &token))
        request_fail(rq, FAULT_INVALID_TOKEN, NULL);
    else
        people_list(a->people, rq, body->user_id, &token);
}

void handle_session_revoke(void *service, struct request *rq)
{
    struct authn *a = service;

    people_revoke(a->people, rq, request_body(rq));
}

void handle_session_revoke_all(void *service, struct request *rq)
{
    struct authn *a = service;

    people_revoke_all(a->people, rq, request_body(rq));
}

void handle_session_logout(void *service, struct request *rq)
{
    struct authn *a = service;
    const struct auth_token_request *body = request_body(rq);
    struct token token;

    people_logout(a->people, rq, token_parse(body->token, &token) ? NULL : &token);
}
