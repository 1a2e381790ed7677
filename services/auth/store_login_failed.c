/* Logins that fail: an event of whom they claim to be, and the answer. */
#include "store_login.h"

struct text login_method_text(enum login_method m)
{
    return m == LOGIN_WIDGET ? TEXT("telegram_widget") : TEXT("telegram_webapp");
}

void login_refuse(struct change *change, struct once *c, enum login_method method, const struct auth_device *device,
                  bool claimed, enum fault_code code)
{
    struct event e;

    event_begin(&e, change, TEXT("auth.login"), code == FAULT_USER_DISABLED ? AUDIT_DENIED : AUDIT_FAILURE);
    event_text(&e, TEXT("method"), login_method_text(method));
    event_text(&e, TEXT("reason"), fault_info(code)->code);
    event_device(&e, device);
    if (claimed && change->user_id.data)
        event_bool(&e, TEXT("claimed"), true);
    enum result r = event_write(change, once_writes(c), &e);
    if (r)
        once_fail(c, r);
    else
        once_commit_fault(c, code, 0, NULL);
}

/* ---- before anybody is known ------------------------------------------------------------------------------------- */

struct failed_op {
    struct change change;
    const struct failed_login *failed;
    uint8_t telegram_hash[LOOKUP_LEN];
};

enum { USER = ONCE_FIRST };

static enum result failed_read(struct once *c, void *cookie, struct pg_batch *reads)
{
    /*
     * Not locked, though its event stands among that user's: anybody may claim to be them, as often as he likes. What was
     * answered before this came has a lower number all the same, and what happens at the same time has no order.
     */
    static const struct pg_statement FIND = { "failed_user", "SELECT user_id FROM users WHERE telegram_hash = $1", "b" };
    const struct failed_op *op = cookie;

    (void)c;
    if (!op->failed->claimed_telegram_id.data)
        return RESULT_OK;
    return pg_add(reads, &FIND, PG_BYTES(((struct bytes){ op->telegram_hash, LOOKUP_LEN })));
}

static void failed_decide(struct once *c, void *cookie, struct pg_batch *rows)
{
    struct failed_op *op = cookie;
    const struct failed_login *f = op->failed;

    if (f->claimed_telegram_id.data && pg_rows(rows, USER) > 0
        && arena_text(request_arena(op->change.rq), pg_text(rows, USER, 0, 0), &op->change.user_id)) {
        once_fail(c, RESULT_NO_MEMORY);
        return;
    }
    login_refuse(&op->change, c, f->method, f->device, true, f->code);
}

void people_login_failed(struct people *p, struct request *rq, const struct failed_login *failed)
{
    static const struct once_op FAILED = { failed_read, failed_decide, NULL, NULL };
    struct failed_op *op = change_new(p, rq, struct failed_op);

    if (!op)
        return;
    op->failed = failed;
    if (failed->claimed_telegram_id.data)
        lookup_telegram(p->columns, failed->claimed_telegram_id, op->telegram_hash);
    change_run(&op->change, &FAILED);
}
