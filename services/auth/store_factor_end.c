/* A factor taken away, by who has it or by an operator; and backup codes that take the place of others. */
#include "store_factor.h"

static enum result tell_used(struct factor_op *op, struct once *c, enum factor_kind kind)
{
    return kind == FACTOR_BACKUP ? factor_event(op, once_writes(c), TEXT("auth.backup_code.used"), TEXT("backup_code")) : RESULT_OK;
}

static struct text method(enum factor_kind kind)
{
    return kind == FACTOR_TOTP ? TEXT("totp") : TEXT("backup_code");
}

/* ---- by who has it ----------------------------------------------------------------------------------------------- */

static void disable_decide(struct once *c, void *cookie, struct pg_batch *rows)
{
    static const struct nothing NOTHING;
    struct factor_op *op = cookie;
    enum factor_kind kind = factor_kind_of(op->code);

    if (!factor_bearer(op, c, rows) || !factor_judge(op, c, rows, kind, false))
        return;
    enum result r = factor_drop(&op->change, &op->factor, once_writes(c));
    if (!r)
        r = tell_used(op, c, kind);
    if (!r)
        r = factor_event(op, once_writes(c), TEXT("auth.mfa.disabled"), method(kind));
    change_commit(c, rows, r, &NOTHING);
}

void people_totp_disable(struct people *p, struct request *rq, const struct token *token, struct text code)
{
    static const struct once_op DISABLE = { factor_read, factor_admit, change_committed, NULL };
    struct factor_op *op = factor_new(p, rq, struct factor_op, disable_decide, token, code);

    if (op)
        change_run(&op->change, &DISABLE);
}

static void regenerate_decide(struct once *c, void *cookie, struct pg_batch *rows)
{
    struct factor_op *op = cookie;
    enum factor_kind kind = factor_kind_of(op->code);
    struct factor_codes codes;

    if (!factor_bearer(op, c, rows) || !factor_judge(op, c, rows, kind, false))
        return;
    enum result r = factor_write(op, once_writes(c));
    if (!r)
        r = factor_new_codes(op, once_writes(c), &codes);
    if (!r)
        r = tell_used(op, c, kind);
    if (!r)
        r = factor_event(op, once_writes(c), TEXT("auth.backup_codes.regenerated"), method(kind));
    change_commit(c, rows, r, &(struct auth_backup_code_regenerate_result){ .backup_codes = { codes.texts, BACKUP_CODES } });
    secret_wipe(&codes, sizeof(codes));
}

void people_backup_code_regenerate(struct people *p, struct request *rq, const struct token *token, struct text code)
{
    static const struct once_op REGENERATE = { factor_read, factor_admit, change_committed, NULL };
    struct factor_op *op = factor_new(p, rq, struct factor_op, regenerate_decide, token, code);

    if (op)
        change_run(&op->change, &REGENERATE);
}

/* ---- by an operator ---------------------------------------------------------------------------------------------- */

enum { USER = ONCE_FIRST, STEP };

static enum result reset_read(struct once *c, void *cookie, struct pg_batch *reads)
{
    static const struct pg_statement LOCK = { "reset_user", "SELECT user_id FROM users WHERE user_id = $1 FOR NO KEY UPDATE", "t" };
    static const struct pg_statement LAST = { "reset_step", "SELECT last_step FROM second_factors WHERE user_id = $1", "t" };
    const struct change *change = cookie;
    enum result r = pg_add(reads, &LOCK, PG_TEXT(change->user_id));

    (void)c;
    return r ? r : pg_add(reads, &LAST, PG_TEXT(change->user_id));
}

static void reset_decide(struct once *c, void *cookie, struct pg_batch *rows)
{
    static const struct nothing NOTHING;
    struct change *change = cookie;
    struct factor factor = { .last_step = 0 };
    enum result r = RESULT_OK;
    struct event e;

    change->waits = true;               /* also for what another op has ended and not told yet */
    if (pg_rows(rows, USER) == 0) {
        once_refuse(c, FAULT_NOT_FOUND, NULL);
        return;
    }
    /* Without a row nothing was ever enrolled, nor tried. */
    if (pg_rows(rows, STEP) > 0) {
        factor.last_step = (uint64_t)pg_int(rows, STEP, 0, 0);
        r = factor_drop(change, &factor, once_writes(c));
        event_begin(&e, change, TEXT("auth.mfa.reset"), AUDIT_SUCCESS);
        event_by(&e, change);
        if (!r)
            r = event_write(change, once_writes(c), &e);
    }
    change_commit(c, rows, r, &NOTHING);
}

void people_totp_reset(struct people *p, struct request *rq, struct text user_id)
{
    static const struct once_op RESET = { reset_read, reset_decide, change_committed, NULL };
    struct change *change = change_new(p, rq, struct change);

    if (!change)
        return;
    change->user_id = user_id;
    change_run(change, &RESET);
}
