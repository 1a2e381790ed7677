/*
 * People and their sessions, as handlers ask for them. PostgreSQL keeps them (store_*.c). Each call answers the
 * request, now or later, exactly once; what it points to lives as long as the request. The ops marked once are one
 * transaction each, with the record of the message, the events and the revocations that follow from it, and take the
 * user's row first, so that whatever concerns one person happens in turn.
 */
#ifndef HLIDKA_PEOPLE_H
#define HLIDKA_PEOPLE_H

#include "auth.h"
#include "request.h"
#include "session.h"
#include "token.h"

struct people;

/* ---- logins ------------------------------------------------------------------------------------------------------ */

enum login_method { LOGIN_WIDGET, LOGIN_WEBAPP };

/* What Telegram has signed, and is fresh. */
struct proven_login {
    enum login_method method;
    struct text telegram_id;
    struct bytes hash;                          /* of what was signed */
    uint64_t auth_date_s;                       /* when it was */
    const struct auth_device *device;
};

/*
 * A session for them, and the user at their first; or a refusal with its event: 403 user_disabled; for the widget, whose
 * proof makes one session, 409 replayed; for a web app, whose session takes the place of the one made from the same proof and keeps its auth_time,
 * 401 stale_auth when that was revoked or the proof is older than the last revoke_all.
 */
void people_login(struct people *p, struct request *rq, const struct proven_login *login);

/* A login that proves nothing: answers `code` when that is recorded as an event of whom it claims to be. */
struct failed_login {
    enum login_method method;
    enum fault_code code;
    struct text claimed_telegram_id;            /* data NULL: nobody */
    const struct auth_device *device;
};
void people_login_failed(struct people *p, struct request *rq, const struct failed_login *failed);

/* ---- sessions ---------------------------------------------------------------------------------------------------- */

/* token: NULL when none is given. 401 invalid_token when it is not of a living session of that user. */
void people_list(struct people *p, struct request *rq, struct text user_id, const struct token *token);
void people_revoke(struct people *p, struct request *rq, const struct auth_session_revoke_request *body);
void people_revoke_all(struct people *p, struct request *rq, const struct auth_session_revoke_all_request *body);
/* token: NULL for a text that is no token. */
void people_logout(struct people *p, struct request *rq, const struct token *token);

/* ---- users ------------------------------------------------------------------------------------------------------- */

void people_get(struct people *p, struct request *rq, const struct auth_user_get_request *body);
void people_set_tier(struct people *p, struct request *rq, const struct auth_user_set_tier_request *body);
/* Disabling ends what sessions there are, for good. */
void people_update(struct people *p, struct request *rq, const struct auth_user_update_request *body);
void people_import(struct people *p, struct request *rq, const struct auth_user_import_request *body);

#endif
