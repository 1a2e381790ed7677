/* Users: brought from elsewhere, and changed. */
#include "store_people.h"

#define ROLES_LITERAL_MAX 8192

/* ---- tier -------------------------------------------------------------------------------------------------------- */

struct tier_op {
    struct change change;
    struct text tier;
};

enum { TIER = ONCE_FIRST };

static enum result tier_read(struct once *c, void *cookie, struct pg_batch *reads)
{
    static const struct pg_statement LOCK = { "tier_user", "SELECT tier FROM users WHERE user_id = $1 FOR NO KEY UPDATE",
        "t" };

    (void)c;
    return pg_add(reads, &LOCK, PG_TEXT(((const struct tier_op *)cookie)->change.user_id));
}

static enum result tier_write(struct tier_op *op, struct pg_batch *writes, struct text before)
{
    static const struct pg_statement SET = { "tier_set", "UPDATE users SET tier = $2 WHERE user_id = $1", "tt" };
    struct event e;
    enum result r = pg_add(writes, &SET, PG_TEXT(op->change.user_id), PG_TEXT(op->tier));

    event_begin(&e, &op->change, TEXT("auth.user.changed"), AUDIT_SUCCESS);
    e.body.tier = op->tier;
    event_text(&e, TEXT("changed"), TEXT("tier"));
    event_text(&e, TEXT("before"), before);
    if (!r)
        r = event_write(&op->change, writes, &e);
    if (!r)
        r = revoked_write(&op->change, writes, NULL);
    return r;
}

static void tier_decide(struct once *c, void *cookie, struct pg_batch *rows)
{
    struct tier_op *op = cookie;
    static const struct nothing NOTHING;
    enum result r = RESULT_OK;

    if (pg_rows(rows, TIER) == 0) {
        once_refuse(c, FAULT_NOT_FOUND, NULL);
        return;
    }
    struct text before = pg_text(rows, TIER, 0, 0);
    if (!text_equal(before, op->tier))
        r = tier_write(op, once_writes(c), before);
    change_commit(c, rows, r, &NOTHING);
}

void people_set_tier(struct people *p, struct request *rq, const struct auth_user_set_tier_request *body)
{
    static const struct once_op SET_TIER = { tier_read, tier_decide, change_committed, NULL };
    struct tier_op *op = change_new(p, rq, struct tier_op);

    if (!op)
        return;
    op->change.user_id = body->user_id;
    op->change.waits = true;
    op->tier = body->tier;
    change_run(&op->change, &SET_TIER);
}

/* ---- import ------------------------------------------------------------------------------------------------------ */

struct import_op {
    struct change change;
    const struct auth_user_import_request *body;
    uint8_t telegram_hash[LOOKUP_LEN];
};

enum { TAKEN = ONCE_FIRST };

static enum result import_read(struct once *c, void *cookie, struct pg_batch *reads)
{
    static const struct pg_statement FIND = { "import_taken",
        "SELECT 1 FROM users WHERE user_id = $1 OR telegram_hash = $2", "tb" };
    const struct import_op *op = cookie;

    (void)c;
    return pg_add(reads, &FIND, PG_TEXT(op->body->user_id),
                  op->body->telegram_id.data ? PG_BYTES(((struct bytes){ op->telegram_hash, LOOKUP_LEN })) : PG_NULL());
}

static enum result import_user(const struct import_op *op, struct pg_batch *writes)
{
    static const struct pg_statement MAKE = { "user_import",
        "INSERT INTO users (user_id, telegram_hash, telegram_id, roles, tier, created_at)"
        " VALUES ($1, $2, $3, $4::text::text[], COALESCE($5, 'free'), $6)", "tbbttm" };
    const struct auth_user_import_request *body = op->body;
    struct buffer sealed, roles;
    struct bytes hash = { NULL, 0 }, telegram = { NULL, 0 };
    enum result r = RESULT_OK;

    buffer_init(&sealed, COLUMN_OVERHEAD + body->telegram_id.len);
    buffer_init(&roles, ROLES_LITERAL_MAX);
    if (body->telegram_id.data) {
        r = telegram_id_seal(op->change.people, body->user_id, body->telegram_id, &sealed);
        hash = (struct bytes){ op->telegram_hash, LOOKUP_LEN };
        telegram = buffer_bytes(&sealed);
    }
    if (!r)
        r = roles_literal(body->roles.items, body->has_roles ? body->roles.count : 0, &roles);
    if (!r)
        r = pg_add(writes, &MAKE, PG_TEXT(body->user_id), PG_BYTES(hash), PG_BYTES(telegram),
                   PG_TEXT(((struct text){ (const char *)roles.data, roles.len })), PG_TEXT(body->tier),
                   PG_TIME_MS(request_now_ms(op->change.rq)));
    buffer_free(&roles);
    buffer_free(&sealed);
    return r;
}

static void import_decide(struct once *c, void *cookie, struct pg_batch *rows)
{
    struct import_op *op = cookie;
    static const struct nothing NOTHING;
    struct event e;

    if (pg_rows(rows, TAKEN) > 0) {
        once_refuse(c, FAULT_CONFLICT, "one of the ids is taken");
        return;
    }
    enum result r = import_user(op, once_writes(c));
    event_begin(&e, &op->change, TEXT("auth.user.imported"), AUDIT_SUCCESS);
    event_by(&e, &op->change);
    e.body.tier = op->body->tier.data ? op->body->tier : TEXT("free");
    event_uint(&e, TEXT("roles"), op->body->has_roles ? op->body->roles.count : 0);
    if (!r)
        r = event_write(&op->change, once_writes(c), &e);
    change_commit(c, rows, r, &NOTHING);
}

void people_import(struct people *p, struct request *rq, const struct auth_user_import_request *body)
{
    static const struct once_op IMPORT = { import_read, import_decide, NULL, NULL };
    struct import_op *op = change_new(p, rq, struct import_op);

    if (!op)
        return;
    op->body = body;
    op->change.user_id = body->user_id;
    if (body->telegram_id.data)
        lookup_telegram(p->columns, body->telegram_id, op->telegram_hash);
    change_run(&op->change, &IMPORT);
}
