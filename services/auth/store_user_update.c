/* A user's roles, and whether they may be here at all. */
#include "store_people.h"

#define ROLES_LITERAL_MAX 8192

struct update_op {
    struct change change;
    const struct auth_user_update_request *body;
};

enum { USER = ONCE_FIRST, OPEN };
enum { USER_ID, ROLES, DISABLED };

static enum result update_read(struct once *c, void *cookie, struct pg_batch *reads)
{
    static const struct pg_statement LOCK = { "update_user",
        "SELECT user_id, roles, disabled FROM users WHERE user_id = $1 FOR NO KEY UPDATE", "t" };
    static const struct pg_statement SESSIONS = { "update_open",
        "SELECT " SESSION_COLUMNS " FROM sessions s WHERE s.user_id = $1 AND s.ended_at IS NULL", "t" };
    const struct update_op *op = cookie;
    enum result r = pg_add(reads, &LOCK, PG_TEXT(op->change.user_id));

    (void)c;
    return r ? r : pg_add(reads, &SESSIONS, PG_TEXT(op->change.user_id));
}

static enum result tell_changed(struct update_op *op, struct pg_batch *writes, struct text what, bool disabled)
{
    struct event e;

    event_begin(&e, &op->change, TEXT("auth.user.changed"), AUDIT_SUCCESS);
    event_by(&e, &op->change);
    event_text(&e, TEXT("changed"), what);
    if (text_equal(what, TEXT("roles")))
        event_uint(&e, TEXT("roles"), op->body->roles.count);
    else
        event_bool(&e, TEXT("disabled"), disabled);
    return event_write(&op->change, writes, &e);
}

/* ---- roles ------------------------------------------------------------------------------------------------------- */

static enum result same_roles(const struct update_op *op, struct pg_batch *rows, bool *same)
{
    const struct auth_user_update_request *body = op->body;
    struct text *roles;
    size_t count;
    enum result r = roles_read(pg_value(rows, USER, 0, ROLES), request_arena(op->change.rq), &roles, &count);

    *same = !r && count == body->roles.count;
    for (size_t i = 0; *same && i < count; i++)
        *same = text_equal(roles[i], body->roles.items[i]);
    return r;
}

static enum result write_roles(struct update_op *op, struct pg_batch *writes)
{
    static const struct pg_statement SET = { "roles_set", "UPDATE users SET roles = $2::text::text[] WHERE user_id = $1", "tt" };
    struct buffer roles;

    buffer_init(&roles, ROLES_LITERAL_MAX);
    enum result r = roles_literal(op->body->roles.items, op->body->roles.count, &roles);
    if (!r)
        r = pg_add(writes, &SET, PG_TEXT(op->change.user_id), PG_TEXT(((struct text){ (const char *)roles.data, roles.len })));
    buffer_free(&roles);
    return r ? r : tell_changed(op, writes, TEXT("roles"), false);
}

/* ---- disabled ---------------------------------------------------------------------------------------------------- */

/* For good: who is let in again logs in again. */
static enum result end_sessions(struct update_op *op, struct pg_batch *writes, struct pg_batch *rows)
{
    static const struct pg_statement END = { "sessions_disable",
        "UPDATE sessions SET ended_at = $2, ended_by = 'disabled' WHERE user_id = $1 AND ended_at IS NULL", "tm" };
    const struct lifetimes *l = &op->change.people->options.lifetimes;
    uint64_t now_ms = request_now_ms(op->change.rq), alive = 0;
    struct session s;
    struct event e;
    enum result r = RESULT_OK;

    for (size_t i = 0; !r && i < pg_rows(rows, OPEN); i++) {
        r = session_row(rows, OPEN, i, &s);
        alive += !r && session_alive(l, &s, now_ms);
    }
    if (!r)
        r = pg_add(writes, &END, PG_TEXT(op->change.user_id), PG_TIME_MS(now_ms));
    if (r || alive == 0)
        return r;
    event_begin(&e, &op->change, TEXT("auth.sessions.revoked_all"), AUDIT_SUCCESS);
    event_text(&e, TEXT("reason"), TEXT("disabled"));
    event_uint(&e, TEXT("count"), alive);
    event_took(&e, &op->change);
    return event_write(&op->change, writes, &e);
}

static enum result write_disabled(struct update_op *op, struct pg_batch *writes, struct pg_batch *rows)
{
    static const struct pg_statement SET = { "disabled_set", "UPDATE users SET disabled = $2 WHERE user_id = $1", "to" };
    bool disabled = op->body->disabled;
    enum result r = pg_add(writes, &SET, PG_TEXT(op->change.user_id), PG_BOOL(disabled));

    if (!r)
        r = tell_changed(op, writes, TEXT("disabled"), disabled);
    return r || !disabled ? r : end_sessions(op, writes, rows);
}

/* ---- the op ------------------------------------------------------------------------------------------------------ */

static void update_decide(struct once *c, void *cookie, struct pg_batch *rows)
{
    static const struct nothing NOTHING;
    struct update_op *op = cookie;
    bool roles = op->body->has_roles, same = false;
    enum result r = RESULT_OK;

    if (pg_rows(rows, USER) == 0) {
        once_refuse(c, FAULT_NOT_FOUND, NULL);
        return;
    }
    bool disabled = op->body->has_disabled && op->body->disabled != pg_bool(rows, USER, 0, DISABLED);
    if (roles)
        r = same_roles(op, rows, &same);
    if (!r && roles && !same)
        r = write_roles(op, once_writes(c));
    if (!r && disabled)
        r = write_disabled(op, once_writes(c), rows);
    if (!r && (disabled || (roles && !same)))
        r = revoked_write(&op->change, once_writes(c), NULL);
    change_commit(c, rows, r, &NOTHING);
}

void people_update(struct people *p, struct request *rq, const struct auth_user_update_request *body)
{
    static const struct once_op UPDATE = { update_read, update_decide, change_committed, NULL };
    struct update_op *op = change_new(p, rq, struct update_op);

    if (!op)
        return;
    op->body = body;
    op->change.user_id = body->user_id;
    op->change.waits = true;
    change_run(&op->change, &UPDATE);
}
