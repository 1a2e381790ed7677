/* The service as its handlers see it. main.c makes it. (auth.h is the wire's.) */
#ifndef HLIDKA_AUTHN_H
#define HLIDKA_AUTHN_H

#include "authorization.h"
#include "introspection.h"
#include "people.h"
#include "telegram.h"

struct audit_event;

struct authn {
    struct people *people;
    struct introspection *introspection;
    struct telegram_bot bot;
    const struct authorization *authorization;  /* the rules of now */
    void (*tell)(void *cookie, const struct audit_event *event);   /* to audit; borrowed for the call */
    void *cookie;
    uint64_t login_max_age_ms;          /* since Telegram signed it */
};

/* op -> handler. */
extern const struct route authn_routes[];
extern const size_t authn_route_count;

void handle_login_widget(void *service, struct request *rq);
void handle_login_webapp(void *service, struct request *rq);
void handle_session_introspect(void *service, struct request *rq);
void handle_session_list(void *service, struct request *rq);
void handle_session_revoke(void *service, struct request *rq);
void handle_session_revoke_all(void *service, struct request *rq);
void handle_session_logout(void *service, struct request *rq);
void handle_totp_enroll(void *service, struct request *rq);
void handle_totp_activate(void *service, struct request *rq);
void handle_totp_verify(void *service, struct request *rq);
void handle_totp_disable(void *service, struct request *rq);
void handle_totp_reset(void *service, struct request *rq);
void handle_backup_code_verify(void *service, struct request *rq);
void handle_backup_code_regenerate(void *service, struct request *rq);
void handle_authorize(void *service, struct request *rq);
void handle_user_get(void *service, struct request *rq);
void handle_user_set_tier(void *service, struct request *rq);
void handle_user_update(void *service, struct request *rq);
void handle_user_import(void *service, struct request *rq);

#endif
