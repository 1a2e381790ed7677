#include "store_factor.h"

#include "entropy.h"

/* ---- reading ----------------------------------------------------------------------------------------------------- */

enum { USER_ID, TELEGRAM };
enum { TOTP_SECRET, PENDING, PENDING_AT, LAST_STEP, TOTP_ATTEMPTS, BACKUP_ATTEMPTS };
enum { CODE_HASH, USED };

enum result factor_read(struct once *c, void *cookie, struct pg_batch *reads)
{
    const struct factor_op *op = cookie;

    (void)c;
    return op->has_token ? token_read(reads, &op->token) : RESULT_OK;
}

static enum result read_all(const struct factor_op *op, struct pg_batch *reads)
{
    static const struct pg_statement ROW = { "factor_row",
        "SELECT f.secret, f.pending, f.pending_at, f.last_step, f.totp_attempts, f.backup_attempts"
        " FROM second_factors f JOIN sessions s USING (user_id) WHERE s.id = $1", "u" };
    static const struct pg_statement CODES = { "factor_codes",
        "SELECT b.code_hash, b.used_at IS NOT NULL FROM backup_codes b JOIN sessions s USING (user_id) WHERE s.id = $1", "u" };
    enum result r = token_lock_user(reads, &op->token);

    if (!r)
        r = token_read(reads, &op->token);
    if (!r)
        r = pg_add(reads, &ROW, PG_UUID(&op->token.session));
    return r ? r : pg_add(reads, &CODES, PG_UUID(&op->token.session));
}

/* RESULT_NOT_FOUND: it is no living session's token. */
static enum result judge_token(const struct factor_op *op, struct pg_batch *rows, size_t stmt, struct token_bearer *b)
{
    const struct people *p = op->change.people;
    enum result r = token_judge(p, rows, stmt, &op->token, request_now_ms(op->change.rq), b);

    if (!r && b->standing == TOKEN_DEAD)
        token_reused(p, op->change.rq, &b->life.id, b->user_id);
    return !r && b->standing != TOKEN_ALIVE ? RESULT_NOT_FOUND : r;
}

static void refuse_bearer(struct once *c, enum result r)
{
    if (r == RESULT_NOT_FOUND)
        once_refuse(c, FAULT_INVALID_TOKEN, NULL);
    else
        once_fail(c, r);
}

/* The user's row is for who has shown the secret half: a session's id, which is none, locks nobody out. */
void factor_admit(struct once *c, void *cookie, struct pg_batch *rows)
{
    struct factor_op *op = cookie;
    struct token_bearer b;
    struct pg_batch *reads;
    enum result r = op->has_token ? judge_token(op, rows, ONCE_FIRST, &b) : RESULT_NOT_FOUND;

    if (!r)
        r = pg_batch_new(PEOPLE_BATCH_BYTES, &reads);
    if (r) {
        refuse_bearer(c, r);
        return;
    }
    if ((r = read_all(op, reads))) {
        pg_batch_free(reads);
        once_fail(c, r);
        return;
    }
    once_more(c, reads, op->decide);
}

void *factor_alloc(struct people *p, struct request *rq, size_t size,
                   void (*decide)(struct once *c, void *op, struct pg_batch *rows), const struct token *token, struct text code)
{
    struct factor_op *op = change_alloc(p, rq, size);

    if (!op)
        return NULL;
    op->decide = decide;
    op->has_token = token != NULL;
    if (token)
        op->token = *token;
    op->code = code;
    return op;
}

static enum result factor_row(struct pg_batch *rows, struct factor *f)
{
    *f = (struct factor){ .last_step = 0 };
    if (pg_rows(rows, FACTOR_ROW) == 0)
        return RESULT_OK;
    f->secret = pg_bytes(rows, FACTOR_ROW, 0, TOTP_SECRET);
    f->pending = pg_bytes(rows, FACTOR_ROW, 0, PENDING);
    if (f->pending.data)
        f->pending_ms = (uint64_t)pg_time_ms(rows, FACTOR_ROW, 0, PENDING_AT);
    f->last_step = (uint64_t)pg_int(rows, FACTOR_ROW, 0, LAST_STEP);
    enum result r = attempts_decode(pg_bytes(rows, FACTOR_ROW, 0, TOTP_ATTEMPTS), &f->attempts[FACTOR_TOTP]);
    return r ? r : attempts_decode(pg_bytes(rows, FACTOR_ROW, 0, BACKUP_ATTEMPTS), &f->attempts[FACTOR_BACKUP]);
}

static enum result read_bearer(struct factor_op *op, struct pg_batch *rows)
{
    const struct people *p = op->change.people;
    struct arena *arena = request_arena(op->change.rq);
    struct token_bearer b;

    op->change.user_id = (struct text){ NULL, 0 };
    if (pg_rows(rows, FACTOR_USER) == 0)
        return RESULT_NOT_FOUND;
    enum result r = judge_token(op, rows, FACTOR_SESSION, &b);
    if (r)
        return r;
    op->life = b.life;
    r = arena_text(arena, b.user_id, &op->change.user_id);
    if (!r)
        r = telegram_id_open(p, op->change.user_id, pg_bytes(rows, FACTOR_USER, 0, TELEGRAM), arena, &op->telegram_id);
    return r ? r : factor_row(rows, &op->factor);
}

bool factor_bearer(struct factor_op *op, struct once *c, struct pg_batch *rows)
{
    enum result r = read_bearer(op, rows);

    op->change.waits = false;
    if (r)
        refuse_bearer(c, r);
    return !r;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static enum result write_row(struct change *change, const struct factor *f, struct pg_batch *writes)
{
    static const struct pg_statement WRITE = { "factor_write",
        "INSERT INTO second_factors (user_id, secret, pending, pending_at, last_step, totp_attempts, backup_attempts, totp_locked,"
        " backup_locked) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (user_id) DO UPDATE SET secret = EXCLUDED.secret,"
        " pending = EXCLUDED.pending, pending_at = EXCLUDED.pending_at, last_step = EXCLUDED.last_step,"
        " totp_attempts = EXCLUDED.totp_attempts, backup_attempts = EXCLUDED.backup_attempts,"
        " totp_locked = EXCLUDED.totp_locked, backup_locked = EXCLUDED.backup_locked", "tbbmibboo" };
    uint8_t attempts[FACTOR_KINDS][ATTEMPTS_ENCODED];

    for (unsigned k = 0; k < FACTOR_KINDS; k++)
        attempts_encode(&f->attempts[k], attempts[k]);
    return pg_add(writes, &WRITE, PG_TEXT(change->user_id), PG_BYTES(f->secret), PG_BYTES(f->pending),
                  f->pending.data ? PG_TIME_MS(f->pending_ms) : PG_NULL(), PG_INT((int64_t)f->last_step),
                  PG_BYTES(((struct bytes){ attempts[FACTOR_TOTP], ATTEMPTS_ENCODED })),
                  PG_BYTES(((struct bytes){ attempts[FACTOR_BACKUP], ATTEMPTS_ENCODED })),
                  PG_BOOL(attempts_locked(&f->attempts[FACTOR_TOTP])), PG_BOOL(attempts_locked(&f->attempts[FACTOR_BACKUP])));
}

enum result factor_write(struct factor_op *op, struct pg_batch *writes)
{
    return write_row(&op->change, &op->factor, writes);
}

enum result factor_drop(struct change *change, struct factor *factor, struct pg_batch *writes)
{
    static const struct pg_statement NONE = { "factor_none", "UPDATE users SET second_factor = 'none' WHERE user_id = $1", "t" };
    static const struct pg_statement LOWER = { "factor_lower",
        "UPDATE sessions SET aal = 1, aal2_time = NULL WHERE user_id = $1 AND aal = 2", "t" };
    static const struct pg_statement CODES = { "factor_no_codes", "DELETE FROM backup_codes WHERE user_id = $1", "t" };
    static const struct pg_statement *const ALL[] = { &NONE, &LOWER, &CODES };
    enum result r = RESULT_OK;

    /* What comes later has another secret and other codes: what was tried on these says nothing about it. */
    *factor = (struct factor){ .last_step = factor->last_step };
    change->waits = true;
    for (size_t i = 0; !r && i < sizeof(ALL) / sizeof(ALL[0]); i++)
        r = pg_add(writes, ALL[i], PG_TEXT(change->user_id));
    if (!r)
        r = write_row(change, factor, writes);
    return r ? r : revoked_write(change, writes, NULL);
}

enum result factor_new_codes(struct factor_op *op, struct pg_batch *writes, struct factor_codes *out)
{
    static const struct pg_statement DROP = { "codes_drop", "DELETE FROM backup_codes WHERE user_id = $1", "t" };
    static const struct pg_statement MAKE = { "codes_make",
        "INSERT INTO backup_codes (user_id, code_hash) SELECT $1, unnest($2)", "tB" };
    uint8_t bits[BACKUP_CODES][BACKUP_CODE_LEN], hashes[BACKUP_CODES][LOOKUP_LEN];
    struct bytes runs[BACKUP_CODES];
    enum result r = pg_add(writes, &DROP, PG_TEXT(op->change.user_id));

    entropy_fill(bits, sizeof(bits));
    for (size_t i = 0; i < BACKUP_CODES; i++) {
        backup_code_format(bits[i], out->memory[i]);
        out->texts[i] = (struct text){ out->memory[i], BACKUP_CODE_TEXT_LEN };
        lookup_backup_code(op->change.people->columns, op->change.user_id, (struct bytes){ bits[i], BACKUP_CODE_LEN }, hashes[i]);
        runs[i] = (struct bytes){ hashes[i], LOOKUP_LEN };
    }
    if (!r)
        r = pg_add(writes, &MAKE, PG_TEXT(op->change.user_id), PG_BYTEAS(runs, BACKUP_CODES));
    secret_wipe(bits, sizeof(bits));
    return r;
}

size_t factor_codes_left(struct pg_batch *rows)
{
    size_t left = 0;

    for (size_t i = 0; i < pg_rows(rows, FACTOR_CODES); i++)
        left += !pg_bool(rows, FACTOR_CODES, i, USED);
    return left;
}

enum result factor_event(struct factor_op *op, struct pg_batch *writes, struct text type, struct text method)
{
    struct event e;

    event_begin(&e, &op->change, type, AUDIT_SUCCESS);
    event_session(&e, &op->life.id);
    event_text(&e, TEXT("method"), method);
    return event_write(&op->change, writes, &e);
}

enum result factor_raise(struct factor_op *op, struct pg_batch *writes, struct factor_token *memory, bool all,
                         struct auth_session *out)
{
    /* On the right of a SET stands what was there before it. */
    static const struct pg_statement RAISE = { "session_raise",
        "UPDATE sessions SET secret_sha256 = $2, aal = 2, aal2_time = $3, last_activity = GREATEST(last_activity, $3),"
        " former = substr(substr(secret_sha256, 1, 8) || COALESCE(former, ''), 1, 1024) WHERE id = $1", "ubm" };
    _Static_assert(TOKEN_HEAD_LEN == 8 && TOKEN_FORMER_MAX == 128, "as the statement has it");
    const struct lifetimes *l = &op->change.people->options.lifetimes;
    uint64_t now_ms = request_now_ms(op->change.rq);
    uint8_t secret[TOKEN_SECRET_LEN], digest[TOKEN_DIGEST_LEN];

    entropy_fill(secret, sizeof(secret));
    token_make(&op->life.id, secret, memory->token, digest);
    secret_wipe(secret, sizeof(secret));
    if (op->life.active_ms < now_ms)
        op->life.active_ms = now_ms;
    *out = (struct auth_session){
        .user_id = op->change.user_id,
        .telegram_id = op->telegram_id,
        .session_id = op->life.id,
        .token = { memory->token, TOKEN_TEXT_LEN },
        .aal = 2,
        .aal2_time = now_ms,
        .has_aal2_time = true,
        .expires_at = session_expires_ms(l, &op->life),
        .second_factor = AUTH_FACTOR_TOTP,
        .new_device = false,
    };
    out->cookie = (struct text){
        memory->cookie, cookie_format(memory->token, session_cookie_seconds(l, &op->life, now_ms), memory->cookie) };
    op->change.waits = true;
    enum result r = pg_add(writes, &RAISE, PG_UUID(&op->life.id), PG_BYTES(((struct bytes){ digest, TOKEN_DIGEST_LEN })),
                           PG_TIME_MS(now_ms));
    return r || all ? r : revoked_write(&op->change, writes, &op->life.id);
}
