/* A factor being enrolled: begun with a secret, finished with its first code. */
#include "store_factor.h"

#include "entropy.h"
#include "otpauth.h"
#include "qr.h"

#include <stdlib.h>

#define LOGIN_MAX_AGE_MS (10 * 60 * 1000)
#define PENDING_MS (10 * 60 * 1000)
#define URI_MAX 2048
#define SVG_MAX (256 * 1024)

/* ---- begun ------------------------------------------------------------------------------------------------------- */

struct enroll_op {
    struct factor_op factor;
    struct text label;
};

/* All of it is the secret in other clothes, and is wiped. */
struct drawn {
    char secret[OTPAUTH_SECRET_LEN + 1];
    struct buffer uri, svg;
    struct qr qr;
};

static enum result draw(const struct enroll_op *op, const uint8_t secret[TOTP_SECRET_LEN], struct drawn *d)
{
    const struct change *change = &op->factor.change;

    otpauth_secret(secret, d->secret);
    enum result r = otpauth_uri(change->people->options.totp_issuer, op->label.data ? op->label : change->user_id, d->secret, &d->uri);
    if (!r)
        r = qr_encode(buffer_bytes(&d->uri), &d->qr);
    return r ? r : qr_svg(&d->qr, &d->svg);
}

/* It takes the place of one that was pending, and what was tried on that says nothing about it. */
static enum result write_pending(struct factor_op *op, struct once *c, const uint8_t secret[TOTP_SECRET_LEN])
{
    uint8_t nonce[COLUMN_NONCE_LEN];
    struct buffer sealed;

    entropy_fill(nonce, sizeof(nonce));
    buffer_init(&sealed, TOTP_SECRET_LEN + COLUMN_OVERHEAD);
    enum result r = column_seal(op->change.people->columns, TOTP_COLUMN, text_bytes(op->change.user_id), nonce,
                                (struct bytes){ secret, TOTP_SECRET_LEN }, &sealed);
    if (!r) {
        op->factor = (struct factor){
            .pending = buffer_bytes(&sealed), .pending_ms = request_now_ms(op->change.rq), .last_step = op->factor.last_step };
        r = factor_write(op, once_writes(c));
    }
    buffer_free(&sealed);
    return r;
}

static void begin_enrolment(struct enroll_op *op, struct once *c, struct pg_batch *rows)
{
    struct drawn *d = calloc(1, sizeof(*d));
    uint8_t secret[TOTP_SECRET_LEN];

    if (!d) {
        once_fail(c, RESULT_NO_MEMORY);
        return;
    }
    entropy_fill(secret, sizeof(secret));
    buffer_init(&d->uri, URI_MAX);
    buffer_init(&d->svg, SVG_MAX);
    enum result r = draw(op, secret, d);
    if (!r)
        r = write_pending(&op->factor, c, secret);
    change_commit(c, rows, r, &(struct auth_totp_enroll_result){
        .secret = { d->secret, OTPAUTH_SECRET_LEN },
        .uri = { (const char *)d->uri.data, d->uri.len },
        .qr_svg = { (const char *)d->svg.data, d->svg.len },
    });
    buffer_free(&d->svg);
    buffer_free(&d->uri);
    secret_wipe(d, sizeof(*d));
    secret_wipe(secret, sizeof(secret));
    free(d);
}

static void enroll_decide(struct once *c, void *cookie, struct pg_batch *rows)
{
    struct enroll_op *op = cookie;

    if (!factor_bearer(&op->factor, c, rows))
        return;
    if (op->factor.factor.secret.data)
        once_refuse(c, FAULT_ALREADY_ENROLLED, NULL);
    else if (request_now_ms(op->factor.change.rq) > op->factor.life.auth_ms + LOGIN_MAX_AGE_MS)
        once_refuse(c, FAULT_REAUTH_REQUIRED, NULL);
    else
        begin_enrolment(op, c, rows);
}

void people_totp_enroll(struct people *p, struct request *rq, const struct token *token, struct text label)
{
    static const struct once_op ENROLL = { factor_read, factor_admit, NULL, NULL };
    struct enroll_op *op = factor_new(p, rq, struct enroll_op, enroll_decide, token, ((struct text){ NULL, 0 }));

    if (!op)
        return;
    op->label = label;
    change_run(&op->factor.change, &ENROLL);
}

/* ---- finished ---------------------------------------------------------------------------------------------------- */

static enum result write_active(struct factor_op *op, struct pg_batch *writes, struct factor_codes *codes)
{
    static const struct pg_statement TOTP = { "factor_totp", "UPDATE users SET second_factor = 'totp' WHERE user_id = $1", "t" };
    enum result r = pg_add(writes, &TOTP, PG_TEXT(op->change.user_id));

    op->factor.secret = op->factor.pending;
    op->factor.pending = (struct bytes){ NULL, 0 };
    memset(op->factor.attempts, 0, sizeof(op->factor.attempts));    /* wrong codes of another secret */
    if (!r)
        r = factor_write(op, writes);
    if (!r)
        r = factor_new_codes(op, writes, codes);
    if (!r)
        r = factor_event(op, writes, TEXT("auth.mfa.enrolled"), TEXT("totp"));
    /* Of every session of theirs introspection shows another second_factor. */
    return r ? r : revoked_write(&op->change, writes, NULL);
}

static void activate_decide(struct once *c, void *cookie, struct pg_batch *rows)
{
    struct factor_op *op = cookie;
    struct auth_totp_activate_result result;
    struct factor_token token;
    struct factor_codes codes;

    if (!factor_bearer(op, c, rows))
        return;
    if (op->factor.secret.data || !op->factor.pending.data
        || request_now_ms(op->change.rq) > op->factor.pending_ms + PENDING_MS) {
        once_refuse(c, FAULT_NOT_FOUND, "no enrolment is under way");
        return;
    }
    if (!factor_judge(op, c, rows, FACTOR_TOTP, true))
        return;
    enum result r = factor_raise(op, once_writes(c), &token, true, &result.session);
    if (!r)
        r = write_active(op, once_writes(c), &codes);
    result.backup_codes.items = codes.texts;
    result.backup_codes.count = BACKUP_CODES;
    change_commit(c, rows, r, &result);
    secret_wipe(&token, sizeof(token));
    secret_wipe(&codes, sizeof(codes));
}

void people_totp_activate(struct people *p, struct request *rq, const struct token *token, struct text code)
{
    static const struct once_op ACTIVATE = { factor_read, factor_admit, change_committed, NULL };
    struct factor_op *op = factor_new(p, rq, struct factor_op, activate_decide, token, code);

    if (op)
        change_run(&op->change, &ACTIVATE);
}
