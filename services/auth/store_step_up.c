/* Sessions that rise to aal 2 by a code. */
#include "store_factor.h"

static const struct text TOTP = TEXT("totp"), BACKUP_CODE = TEXT("backup_code");

static void totp_decide(struct once *c, void *cookie, struct pg_batch *rows)
{
    struct factor_op *op = cookie;
    struct factor_token token;
    struct auth_session session;

    if (!factor_bearer(op, c, rows) || !factor_judge(op, c, rows, FACTOR_TOTP, false))
        return;
    enum result r = factor_raise(op, once_writes(c), &token, false, &session);
    if (!r)
        r = factor_write(op, once_writes(c));
    if (!r)
        r = factor_event(op, once_writes(c), TEXT("auth.mfa.verified"), TOTP);
    change_commit(c, rows, r, &session);
    secret_wipe(&token, sizeof(token));
}

static void backup_code_decide(struct once *c, void *cookie, struct pg_batch *rows)
{
    struct factor_op *op = cookie;
    struct auth_backup_code_verify_result result;
    struct factor_token token;

    if (!factor_bearer(op, c, rows) || !factor_judge(op, c, rows, FACTOR_BACKUP, false))
        return;
    result.remaining = factor_codes_left(rows) - 1;
    /* Their other sessions have no way up any more, and authorize says which from what introspection holds. */
    bool last_way = result.remaining == 0 && attempts_locked(&op->factor.attempts[FACTOR_TOTP]);
    enum result r = factor_raise(op, once_writes(c), &token, last_way, &result.session);
    if (!r && last_way)
        r = revoked_write(&op->change, once_writes(c), NULL);
    if (!r)
        r = factor_write(op, once_writes(c));
    if (!r)
        r = factor_event(op, once_writes(c), TEXT("auth.backup_code.used"), BACKUP_CODE);
    if (!r)
        r = factor_event(op, once_writes(c), TEXT("auth.mfa.verified"), BACKUP_CODE);
    change_commit(c, rows, r, &result);
    secret_wipe(&token, sizeof(token));
}

static void step_up(struct people *p, struct request *rq, const struct token *token, struct text code,
                    void (*decide)(struct once *c, void *op, struct pg_batch *rows))
{
    static const struct once_op STEP_UP = { factor_read, factor_admit, change_committed, NULL };
    struct factor_op *op = factor_new(p, rq, struct factor_op, decide, token, code);

    if (op)
        change_run(&op->change, &STEP_UP);
}

void people_totp_verify(struct people *p, struct request *rq, const struct token *token, struct text code)
{
    step_up(p, rq, token, code, totp_decide);
}

void people_backup_code_verify(struct people *p, struct request *rq, const struct token *token, struct text code)
{
    step_up(p, rq, token, code, backup_code_decide);
}
