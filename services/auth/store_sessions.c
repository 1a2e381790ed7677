/* Ends of sessions. What is dead already, expired included, is not ended once more. */
#include "store_people.h"

#include "cookie.h"

enum { USER = ONCE_FIRST, SESSIONS };

static const struct pg_statement LOCK_USER = { "user_lock", "SELECT 1 FROM users WHERE user_id = $1 FOR NO KEY UPDATE", "t" };

static enum result end_one(struct change *change, struct pg_batch *writes, const struct uuid *session, struct text by,
                           struct text type, struct text reason)
{
    struct event e;
    enum result r = session_end(writes, session, request_now_ms(change->rq), by);

    event_begin(&e, change, type, AUDIT_SUCCESS);
    event_session(&e, session);
    event_text(&e, TEXT("reason"), reason);
    event_took(&e, change);
    if (!r)
        r = event_write(change, writes, &e);
    if (!r)
        r = revoked_write(change, writes, session);
    return r;
}

/* ---- one --------------------------------------------------------------------------------------------------------- */

struct revoke_op {
    struct change change;
    const struct auth_session_revoke_request *body;
};

static enum result revoke_read(struct once *c, void *cookie, struct pg_batch *reads)
{
    static const struct pg_statement FIND = { "session_open",
        "SELECT " SESSION_COLUMNS " FROM sessions s WHERE s.id = $1 AND s.user_id = $2 AND s.ended_at IS NULL", "ut" };
    const struct revoke_op *op = cookie;
    enum result r = pg_add(reads, &LOCK_USER, PG_TEXT(op->change.user_id));

    (void)c;
    return r ? r : pg_add(reads, &FIND, PG_UUID(&op->body->session_id), PG_TEXT(op->change.user_id));
}

/* Whether the row there is of a session that lives; none is none. */
static enum result lives(const struct change *change, struct pg_batch *rows, size_t stmt, bool *out)
{
    struct session s;

    *out = false;
    if (pg_rows(rows, stmt) == 0)
        return RESULT_OK;
    enum result r = session_row(rows, stmt, 0, &s);
    *out = !r && session_alive(&change->people->options.lifetimes, &s, request_now_ms(change->rq));
    return r;
}

static void revoke_decide(struct once *c, void *cookie, struct pg_batch *rows)
{
    struct revoke_op *op = cookie;
    struct auth_session_revoke_result result = { .revoked = false };
    enum result r = lives(&op->change, rows, SESSIONS, &result.revoked);

    if (!r && result.revoked)
        r = end_one(&op->change, once_writes(c), &op->body->session_id, TEXT("revoked"), TEXT("auth.session.revoked"),
                    op->body->reason);
    change_commit(c, rows, r, &result);
}

void people_revoke(struct people *p, struct request *rq, const struct auth_session_revoke_request *body)
{
    static const struct once_op REVOKE = { revoke_read, revoke_decide, change_committed, NULL };
    struct revoke_op *op = change_new(p, rq, struct revoke_op);

    if (!op)
        return;
    op->body = body;
    op->change.user_id = body->user_id;
    op->change.session = body->session_id;
    op->change.has_session = op->change.waits = true;
    change_run(&op->change, &REVOKE);
}

/* ---- all --------------------------------------------------------------------------------------------------------- */

struct revoke_all_op {
    struct change change;
    const struct auth_session_revoke_all_request *body;
};

static enum result revoke_all_read(struct once *c, void *cookie, struct pg_batch *reads)
{
    static const struct pg_statement OPEN = { "sessions_open_of",
        "SELECT " SESSION_COLUMNS " FROM sessions s WHERE s.user_id = $1 AND s.ended_at IS NULL", "t" };
    const struct revoke_all_op *op = cookie;
    enum result r = pg_add(reads, &LOCK_USER, PG_TEXT(op->change.user_id));

    (void)c;
    return r ? r : pg_add(reads, &OPEN, PG_TEXT(op->change.user_id));
}

static bool spared(const struct revoke_all_op *op, const struct session *s)
{
    return op->body->has_except_session_id && memcmp(&op->body->except_session_id, &s->id, sizeof(s->id)) == 0;
}

static enum result revoke_all_write(struct revoke_all_op *op, struct pg_batch *writes, uint64_t count)
{
    static const struct pg_statement END = { "sessions_end",
        "UPDATE sessions SET ended_at = $2, ended_by = 'revoked_all'"
        " WHERE user_id = $1 AND ended_at IS NULL AND id IS DISTINCT FROM $3", "tmu" };
    static const struct pg_statement MARK = { "user_revoked_all",
        "UPDATE users SET revoked_all_at = GREATEST(revoked_all_at, $2) WHERE user_id = $1", "tm" };
    uint64_t now_ms = request_now_ms(op->change.rq);
    struct event e;
    enum result r = pg_add(writes, &END, PG_TEXT(op->change.user_id), PG_TIME_MS(now_ms),
                           op->body->has_except_session_id ? PG_UUID(&op->body->except_session_id) : PG_NULL());

    if (!r)
        r = pg_add(writes, &MARK, PG_TEXT(op->change.user_id), PG_TIME_MS(now_ms));
    event_begin(&e, &op->change, TEXT("auth.sessions.revoked_all"), AUDIT_SUCCESS);
    event_text(&e, TEXT("reason"), op->body->reason);
    event_uint(&e, TEXT("count"), count);
    event_took(&e, &op->change);
    if (!r)
        r = event_write(&op->change, writes, &e);
    if (!r)
        r = revoked_write(&op->change, writes, NULL);
    return r;
}

static void revoke_all_decide(struct once *c, void *cookie, struct pg_batch *rows)
{
    struct revoke_all_op *op = cookie;
    struct auth_session_revoke_all_result result = { .revoked = 0 };
    enum result r = RESULT_OK;

    for (size_t i = 0; !r && i < pg_rows(rows, SESSIONS); i++) {
        struct session s;

        r = session_row(rows, SESSIONS, i, &s);
        if (!r && !spared(op, &s) && session_alive(&op->change.people->options.lifetimes, &s, request_now_ms(op->change.rq)))
            result.revoked++;
    }
    /* Of somebody without a session it is still said: it also refuses older logins of theirs. */
    if (!r && pg_rows(rows, USER) > 0)
        r = revoke_all_write(op, once_writes(c), result.revoked);
    change_commit(c, rows, r, &result);
}

void people_revoke_all(struct people *p, struct request *rq, const struct auth_session_revoke_all_request *body)
{
    static const struct once_op REVOKE_ALL = { revoke_all_read, revoke_all_decide, change_committed, NULL };
    struct revoke_all_op *op = change_new(p, rq, struct revoke_all_op);

    if (!op)
        return;
    op->body = body;
    op->change.user_id = body->user_id;
    op->change.waits = true;
    change_run(&op->change, &REVOKE_ALL);
}

/* ---- that of a token --------------------------------------------------------------------------------------------- */

struct logout_op {
    struct change change;
    bool has_token, dead;               /* dead: it had ended, or been superseded, when it came */
    struct token token;
};

static enum result logout_read(struct once *c, void *cookie, struct pg_batch *reads)
{
    const struct logout_op *op = cookie;

    (void)c;
    return op->has_token ? token_read(reads, &op->token) : RESULT_OK;
}

/* Whose session it is is known of a dead one too: its end may not have been told everywhere, and is waited for. */
static enum result logout_judge(struct logout_op *op, struct pg_batch *rows, size_t stmt, enum token_standing *out)
{
    struct token_bearer b;

    op->change.user_id = (struct text){ NULL, 0 };
    op->dead = false;
    *out = TOKEN_UNKNOWN;
    if (!op->has_token)
        return RESULT_OK;
    enum result r = token_judge(op->change.people, rows, stmt, &op->token, request_now_ms(op->change.rq), &b);
    if (r || b.standing == TOKEN_UNKNOWN)
        return r;
    *out = b.standing;
    op->dead = b.standing == TOKEN_DEAD;
    return arena_text(request_arena(op->change.rq), b.user_id, &op->change.user_id);
}

static void logout_end(struct once *c, struct pg_batch *rows, enum result r, bool revoked)
{
    change_commit(c, rows, r, &(struct auth_session_logout_result){ .revoked = revoked, .clear_cookie = TEXT(COOKIE_CLEAR) });
}

enum { LOGOUT_USER, LOGOUT_SESSION };

/* Locked by now, and it may have ended before that. */
static void logout_locked(struct once *c, void *cookie, struct pg_batch *rows)
{
    struct logout_op *op = cookie;
    enum token_standing standing;
    enum result r = logout_judge(op, rows, LOGOUT_SESSION, &standing);

    if (!r && standing == TOKEN_ALIVE)
        r = end_one(&op->change, once_writes(c), &op->token.session, TEXT("logout"), TEXT("auth.logout"), (struct text){ NULL, 0 });
    logout_end(c, rows, r, standing == TOKEN_ALIVE);
}

static enum result logout_lock(const struct logout_op *op, struct pg_batch **reads)
{
    enum result r = pg_batch_new(PEOPLE_BATCH_BYTES, reads);

    if (r)
        return r;
    if ((r = token_lock_user(*reads, &op->token)) || (r = token_read(*reads, &op->token)))
        pg_batch_free(*reads);
    return r;
}

static void logout_decide(struct once *c, void *cookie, struct pg_batch *rows)
{
    struct logout_op *op = cookie;
    struct pg_batch *reads;
    enum token_standing standing;
    enum result r = logout_judge(op, rows, ONCE_FIRST, &standing);

    if (r || standing != TOKEN_ALIVE)
        logout_end(c, rows, r, false);
    else if ((r = logout_lock(op, &reads)))
        once_fail(c, r);
    else
        once_more(c, reads, logout_locked);
}

/* decide() may have run more than once; of a message that is repeated it has not. */
static void logout_committed(struct once *c, void *cookie, bool repeated, struct pg_batch *rows)
{
    const struct logout_op *op = cookie;

    if (op->dead)
        token_reused(op->change.people, op->change.rq, &op->token.session, op->change.user_id);
    change_committed(c, cookie, repeated, rows);
}

void people_logout(struct people *p, struct request *rq, const struct token *token)
{
    static const struct once_op LOGOUT = { logout_read, logout_decide, logout_committed, NULL };
    struct logout_op *op = change_new(p, rq, struct logout_op);

    if (!op)
        return;
    op->has_token = token != NULL;
    op->change.waits = true;
    if (token) {
        op->token = *token;
        op->change.session = token->session;
        op->change.has_session = true;
    }
    change_run(&op->change, &LOGOUT);
}
