/*
 * The second factor of people.h's people, as handlers ask for it. Each call is an op marked once: it answers the request
 * exactly once, and takes the user's row first, so that a step or a code is good for one of all who bring it, wherever.
 *
 * token: NULL for a text that is no token. Of no living session: 401 invalid_token. Where a code is looked at: 403
 * mfa_enrollment_required, mfa_locked, 429 too_many_attempts, 401 invalid_code, code_already_used.
 */
#ifndef HLIDKA_PEOPLE_FACTOR_H
#define HLIDKA_PEOPLE_FACTOR_H

#include "people.h"

/* label: what the app shows beside the issuer; data NULL: the user_id. */
void people_totp_enroll(struct people *p, struct request *rq, const struct token *token, struct text label);
void people_totp_activate(struct people *p, struct request *rq, const struct token *token, struct text code);
void people_totp_verify(struct people *p, struct request *rq, const struct token *token, struct text code);
void people_totp_disable(struct people *p, struct request *rq, const struct token *token, struct text code);
void people_backup_code_verify(struct people *p, struct request *rq, const struct token *token, struct text code);
void people_backup_code_regenerate(struct people *p, struct request *rq, const struct token *token, struct text code);
/* Whatever they had is gone; 404 for an unknown user. */
void people_totp_reset(struct people *p, struct request *rq, struct text user_id);

#endif
