/* Whether a code is right, and what becomes of who brings a wrong one. */
#include "store_factor.h"

enum { CODE_HASH, USED };

enum factor_kind factor_kind_of(struct text code)
{
    return totp_is_code(code) ? FACTOR_TOTP : FACTOR_BACKUP;
}

static struct text kind_text(enum factor_kind kind)
{
    return kind == FACTOR_TOTP ? TEXT("totp") : TEXT("backup_code");
}

/* ---- the code ---------------------------------------------------------------------------------------------------- */

static enum result check_totp(struct factor_op *op, struct bytes sealed, enum totp_verdict *out)
{
    struct buffer secret;

    buffer_init(&secret, TOTP_SECRET_LEN);
    enum result r = column_open(op->change.people->columns, TOTP_COLUMN, text_bytes(op->change.user_id), sealed, &secret);
    if (!r && secret.len != TOTP_SECRET_LEN)
        r = RESULT_MALFORMED;
    if (!r)
        *out = totp_check(secret.data, op->code, op->factor.last_step, request_now_ms(op->change.rq), &op->factor.last_step);
    buffer_free(&secret);
    return r;
}

/* Of keyed hashes of 80 random bits: how long it takes to compare them tells nothing. */
static enum result check_backup(struct factor_op *op, struct once *c, struct pg_batch *rows, enum totp_verdict *out)
{
    static const struct pg_statement USE = { "code_use",
        "UPDATE backup_codes SET used_at = $3 WHERE user_id = $1 AND code_hash = $2", "tbm" };
    uint8_t bits[BACKUP_CODE_LEN], hash[LOOKUP_LEN];
    struct bytes wanted = { hash, sizeof(hash) };

    *out = TOTP_WRONG;
    if (backup_code_parse(op->code, bits))
        return RESULT_OK;
    lookup_backup_code(op->change.people->columns, op->change.user_id, (struct bytes){ bits, sizeof(bits) }, hash);
    secret_wipe(bits, sizeof(bits));
    for (size_t i = 0; i < pg_rows(rows, FACTOR_CODES); i++)
        if (bytes_equal(pg_bytes(rows, FACTOR_CODES, i, CODE_HASH), wanted))
            *out = pg_bool(rows, FACTOR_CODES, i, USED) ? TOTP_USED : TOTP_RIGHT;
    if (*out != TOTP_RIGHT)
        return RESULT_OK;
    return pg_add(once_writes(c), &USE, PG_TEXT(op->change.user_id), PG_BYTES(wanted), PG_TIME_MS(request_now_ms(op->change.rq)));
}

/* ---- what is refused --------------------------------------------------------------------------------------------- */

static enum result tell(struct factor_op *op, struct once *c, struct text type, enum audit_outcome outcome,
                        enum factor_kind kind, struct text reason)
{
    struct event e;

    event_begin(&e, &op->change, type, outcome);
    event_session(&e, &op->life.id);
    event_text(&e, TEXT("method"), kind_text(kind));
    event_text(&e, TEXT("reason"), reason);
    event_text(&e, TEXT("op"), request_op(op->change.rq));
    return event_write(&op->change, once_writes(c), &e);
}

/* Counted, told, and locked by the hundredth; what stood in the writes before stays out of this. */
static void refuse_wrong(struct factor_op *op, struct once *c, enum factor_kind kind)
{
    struct attempts *a = &op->factor.attempts[kind];
    bool locked = attempts_locked(a);

    attempts_wrong(a, request_now_ms(op->change.rq));
    locked = !locked && attempts_locked(a);
    enum result r = factor_write(op, once_writes(c));
    if (!r)
        r = tell(op, c, TEXT("auth.mfa.failed"), AUDIT_FAILURE, kind, TEXT("invalid_code"));
    if (!r && locked)
        r = tell(op, c, TEXT("auth.mfa.locked"), AUDIT_DENIED, kind, TEXT("invalid_code"));
    if (!r && locked) {                 /* authorize answers from what introspection holds */
        op->change.waits = true;
        r = revoked_write(&op->change, once_writes(c), NULL);
    }
    if (r)
        once_fail(c, r);
    else
        once_commit_fault(c, FAULT_INVALID_CODE, 0, NULL);
}

/* Not counted, for whoever has it has had the factor in hand; but somebody may have looked over a shoulder. */
static void refuse_used(struct factor_op *op, struct once *c, enum factor_kind kind)
{
    enum result r = tell(op, c, TEXT("auth.mfa.failed"), AUDIT_FAILURE, kind, TEXT("code_already_used"));

    if (r)
        once_fail(c, r);
    else
        once_commit_fault(c, FAULT_CODE_ALREADY_USED, 0, NULL);
}

bool factor_judge(struct factor_op *op, struct once *c, struct pg_batch *rows, enum factor_kind kind, bool pending)
{
    struct attempts *a = &op->factor.attempts[kind];
    uint64_t closed_ms = attempts_closed_ms(a, request_now_ms(op->change.rq));
    enum totp_verdict verdict;

    if (!pending && !op->factor.secret.data) {
        once_refuse(c, FAULT_MFA_ENROLLMENT_REQUIRED, NULL);
        return false;
    }
    if (attempts_locked(a)) {
        once_refuse(c, FAULT_MFA_LOCKED, NULL);
        return false;
    }
    if (closed_ms > 0) {
        once_refuse_retry(c, FAULT_TOO_MANY_ATTEMPTS, closed_ms, NULL);
        return false;
    }
    enum result r = kind == FACTOR_TOTP ? check_totp(op, pending ? op->factor.pending : op->factor.secret, &verdict)
                                        : check_backup(op, c, rows, &verdict);
    if (r) {
        once_fail(c, r);
        return false;
    }
    switch (verdict) {
    case TOTP_WRONG:
        refuse_wrong(op, c, kind);
        return false;
    case TOTP_USED:
        refuse_used(op, c, kind);
        return false;
    case TOTP_RIGHT:
        break;
    }
    attempts_right(a);
    return true;
}
