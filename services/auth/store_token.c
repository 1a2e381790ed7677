/* Whose token somebody brings to an op, and what became of its session. */
#include "store_people.h"

enum { USER_ID, LIFE, SECRET = LIFE + SESSION_COLUMN_COUNT, FORMER, ENDED };

enum result token_read(struct pg_batch *reads, const struct token *token)
{
    static const struct pg_statement FIND = { "token_session",
        "SELECT s.user_id, " SESSION_COLUMNS ", s.secret_sha256, s.former,"
        " s.ended_at IS NOT NULL OR u.disabled OR u.deleted_at IS NOT NULL"
        " FROM sessions s JOIN users u USING (user_id) WHERE s.id = $1", "u" };

    return pg_add(reads, &FIND, PG_UUID(&token->session));
}

enum result token_lock_user(struct pg_batch *reads, const struct token *token)
{
    static const struct pg_statement LOCK = { "token_user",
        "SELECT u.user_id, u.telegram_id FROM users u JOIN sessions s USING (user_id) WHERE s.id = $1 FOR NO KEY UPDATE OF u", "u" };

    return pg_add(reads, &LOCK, PG_UUID(&token->session));
}

enum result token_judge(const struct people *p, struct pg_batch *rows, size_t stmt, const struct token *token, uint64_t now_ms,
                        struct token_bearer *out)
{
    *out = (struct token_bearer){ .standing = TOKEN_UNKNOWN };
    if (pg_rows(rows, stmt) == 0)
        return RESULT_OK;
    bool is = token_matches(token, pg_bytes(rows, stmt, 0, SECRET));
    if (!is && !token_was(token, pg_bytes(rows, stmt, 0, FORMER)))
        return RESULT_OK;
    enum result r = session_row_from(rows, stmt, 0, LIFE, &out->life);
    if (r)
        return r;
    out->life.ended = pg_bool(rows, stmt, 0, ENDED);
    out->user_id = pg_text(rows, stmt, 0, USER_ID);
    out->standing = is && session_alive(&p->options.lifetimes, &out->life, now_ms) ? TOKEN_ALIVE : TOKEN_DEAD;
    return RESULT_OK;
}

void token_reused(const struct people *p, struct request *rq, const struct uuid *session, struct text user_id)
{
    p->options.reused(p->options.cookie, session, user_id, request_trace(rq), request_now_ms(rq));
}
