/* Logins: the one place where users and sessions are made. */
#include "store_people.h"

#include "cookie.h"
#include "entropy.h"

#define METHOD "telegram_widget"

struct login_op {
    struct change change;
    const struct proven_login *login;
    uint8_t telegram_hash[LOOKUP_LEN], login_hash[LOOKUP_LEN];
    uint8_t device_info_hash[LOOKUP_LEN], device_id_hash[LOOKUP_LEN];
    bool first;                         /* of this user */
    bool made;                          /* the user is made with it */
    bool device_seen;
    enum auth_second_factor second_factor;
    struct session session;
};

enum { USER = ONCE_FIRST, OPEN, USED, SEEN };

static struct bytes hash_bytes(const uint8_t hash[LOOKUP_LEN])
{
    return (struct bytes){ hash, LOOKUP_LEN };
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static enum result login_read(struct once *c, void *cookie, struct pg_batch *reads)
{
    static const struct pg_statement LOCK = { "login_user",
        "SELECT user_id, disabled OR deleted_at IS NOT NULL, first_login_at IS NULL, second_factor = 'totp'"
        " FROM users WHERE telegram_hash = $1 FOR NO KEY UPDATE", "b" };
    static const struct pg_statement OPEN_SESSIONS = { "login_open",
        "SELECT " SESSION_COLUMNS " FROM sessions s JOIN users u USING (user_id)"
        " WHERE u.telegram_hash = $1 AND s.ended_at IS NULL", "b" };
    static const struct pg_statement LOGIN_USED = { "login_used",
        "SELECT 1 FROM sessions WHERE login_hash = $1 AND login_method = '" METHOD "'", "b" };
    static const struct pg_statement SEEN_BY_ID = { "login_seen_id",
        "SELECT EXISTS (SELECT 1 FROM sessions WHERE device_id_hash = $1 AND last_activity >= $2)", "bm" };
    static const struct pg_statement SEEN_BY_INFO = { "login_seen_info",
        "SELECT EXISTS (SELECT 1 FROM sessions WHERE device_info_hash = $1 AND last_activity >= $2)", "bm" };
    const struct login_op *op = cookie;
    bool by_id = op->login->device->id.data != NULL;
    uint64_t since_ms = request_now_ms(once_request(c)) - SESSION_MEMORY_MS;
    enum result r = pg_add(reads, &LOCK, PG_BYTES(hash_bytes(op->telegram_hash)));

    if (!r)
        r = pg_add(reads, &OPEN_SESSIONS, PG_BYTES(hash_bytes(op->telegram_hash)));
    if (!r)
        r = pg_add(reads, &LOGIN_USED, PG_BYTES(hash_bytes(op->login_hash)));
    if (!r)
        r = pg_add(reads, by_id ? &SEEN_BY_ID : &SEEN_BY_INFO,
                   PG_BYTES(hash_bytes(by_id ? op->device_id_hash : op->device_info_hash)), PG_TIME_MS(since_ms));
    return r;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static enum result write_user(struct login_op *op, struct pg_batch *writes)
{
    static const struct pg_statement MAKE = { "user_make",
        "INSERT INTO users (user_id, telegram_hash, telegram_id, created_at, first_login_at) VALUES ($1, $2, $3, $4, $4)",
        "tbbm" };
    static const struct pg_statement FIRST = { "user_first_login",
        "UPDATE users SET first_login_at = GREATEST(created_at, $2) WHERE user_id = $1", "tm" };
    uint64_t now_ms = request_now_ms(op->change.rq);
    struct buffer sealed;

    if (!op->made)
        return op->first ? pg_add(writes, &FIRST, PG_TEXT(op->change.user_id), PG_TIME_MS(now_ms)) : RESULT_OK;
    buffer_init(&sealed, COLUMN_OVERHEAD + op->login->telegram_id.len);
    enum result r = telegram_id_seal(op->change.people, op->change.user_id, op->login->telegram_id, &sealed);
    if (!r)
        r = pg_add(writes, &MAKE, PG_TEXT(op->change.user_id), PG_BYTES(hash_bytes(op->telegram_hash)),
                   PG_BYTES(buffer_bytes(&sealed)), PG_TIME_MS(now_ms));
    buffer_free(&sealed);
    return r;
}

static enum result seal_device(const struct login_op *op, struct buffer *out)
{
    const struct auth_device *d = op->login->device;
    struct device plain = { .info = d->info, .id = d->id };
    struct buffer encoded;
    uint8_t nonce[COLUMN_NONCE_LEN];

    if (d->has_ip)
        plain.ip = d->ip;
    entropy_fill(nonce, sizeof(nonce));
    buffer_init(&encoded, DEVICE_ENCODED_MAX);
    enum result r = device_encode(&plain, &encoded);
    if (!r)
        r = column_seal(op->change.people->columns, DEVICE_COLUMN, (struct bytes){ op->session.id.bytes, 16 }, nonce,
                        buffer_bytes(&encoded), out);
    buffer_free(&encoded);
    return r;
}

static enum result write_session(struct login_op *op, struct pg_batch *writes, const uint8_t digest[TOKEN_DIGEST_LEN])
{
    static const struct pg_statement MAKE = { "session_make",
        "INSERT INTO sessions (id, user_id, secret_sha256, login_method, login_hash, device_type, device, device_info_hash,"
        " device_id_hash, created_at, last_activity) VALUES ($1, $2, $3, '" METHOD "', $4, $5, $6, $7, $8, $9, $9)",
        "utbbtbbbm" };
    struct buffer sealed;

    buffer_init(&sealed, DEVICE_ENCODED_MAX + COLUMN_OVERHEAD);
    enum result r = seal_device(op, &sealed);
    if (!r)
        r = pg_add(writes, &MAKE, PG_UUID(&op->session.id), PG_TEXT(op->change.user_id),
                   PG_BYTES(((struct bytes){ digest, TOKEN_DIGEST_LEN })), PG_BYTES(hash_bytes(op->login_hash)),
                   PG_TEXT(device_type_text(op->session.device)), PG_BYTES(buffer_bytes(&sealed)),
                   PG_BYTES(hash_bytes(op->device_info_hash)),
                   op->login->device->id.data ? PG_BYTES(hash_bytes(op->device_id_hash)) : PG_NULL(),
                   PG_TIME_MS(op->session.created_ms));
    buffer_free(&sealed);
    return r;
}

/* Who gives way to the new one ends here, and what has expired is put away so that it is not read again. */
static enum result make_room(struct login_op *op, struct pg_batch *writes, struct pg_batch *rows)
{
    const struct people_options *o = &op->change.people->options;
    uint64_t now_ms = request_now_ms(op->change.rq);
    size_t count = pg_rows(rows, OPEN);
    struct session *open = arena_alloc(request_arena(op->change.rq), count + 1, sizeof(*open));
    bool *gone = arena_alloc(request_arena(op->change.rq), count + 1, sizeof(*gone));
    enum result r = open && gone ? RESULT_OK : RESULT_NO_MEMORY;

    for (size_t i = 0; !r && i < count; i++)
        r = session_row(rows, OPEN, i, &open[i]);
    if (r)
        return r;
    sessions_give_way(&o->lifetimes, open, count, o->sessions_max, now_ms, gone);
    for (size_t i = 0; !r && i < count; i++) {
        bool alive = session_alive(&o->lifetimes, &open[i], now_ms);

        if (alive && !gone[i])
            continue;
        r = session_end(writes, &open[i].id, now_ms, gone[i] ? TEXT("limit") : TEXT("expired"));
        if (!r && gone[i]) {
            struct event e;

            event_begin(&e, &op->change, TEXT("auth.session.revoked"), AUDIT_SUCCESS);
            event_session(&e, &open[i].id);
            event_text(&e, TEXT("reason"), TEXT("limit"));
            r = event_write(&op->change, writes, &e);
            if (!r)
                r = revoked_write(&op->change, writes, &open[i].id);
            op->change.waits = true;
        }
    }
    return r;
}

static bool is_new_device(const struct login_op *op)
{
    return !op->first && !op->device_seen;
}

static enum result write_event(struct login_op *op, struct pg_batch *writes)
{
    struct event e;

    event_begin(&e, &op->change, TEXT("auth.login"), AUDIT_SUCCESS);
    event_session(&e, &op->session.id);
    event_text(&e, TEXT("method"), TEXT(METHOD));
    event_device(&e, op->login->device);
    event_bool(&e, TEXT("new_device"), is_new_device(op));
    return event_write(&op->change, writes, &e);
}

/* ---- deciding ---------------------------------------------------------------------------------------------------- */

static enum result draw_session(struct login_op *op)
{
    uint64_t now_ms = request_now_ms(op->change.rq);
    uint8_t random[10];
    char text[UUID_TEXT_LEN + 1];

    entropy_fill(random, sizeof(random));
    op->session = (struct session){
        .id = uuid_v7(now_ms, random), .device = (enum device_type)op->login->device->type,
        .created_ms = now_ms, .active_ms = now_ms,
    };
    if (!op->made)
        return RESULT_OK;
    entropy_fill(random, sizeof(random));
    struct uuid user = uuid_v7(now_ms, random);
    uuid_format(&user, text);
    return arena_text(request_arena(op->change.rq), (struct text){ text, UUID_TEXT_LEN }, &op->change.user_id);
}

static void commit_login(const struct login_op *op, struct once *c, struct pg_batch *rows, enum result r,
                         const char *token)
{
    const struct lifetimes *l = &op->change.people->options.lifetimes;
    char cookie[COOKIE_MAX];
    struct auth_session result = {
        .user_id = op->change.user_id,
        .telegram_id = op->login->telegram_id,
        .session_id = op->session.id,
        .token = { token, TOKEN_TEXT_LEN },
        .aal = 1,
        .expires_at = session_expires_ms(l, &op->session),
        .second_factor = op->second_factor,
        .new_device = is_new_device(op),
    };

    result.cookie = (struct text){
        cookie, cookie_format(token, session_cookie_seconds(l, &op->session, op->session.created_ms), cookie) };
    change_commit(c, rows, r, &result);
    secret_wipe(cookie, sizeof(cookie));
}

static void make_session(struct login_op *op, struct once *c, struct pg_batch *rows)
{
    struct pg_batch *writes = once_writes(c);
    uint8_t secret[TOKEN_SECRET_LEN], digest[TOKEN_DIGEST_LEN];
    char token[TOKEN_TEXT_LEN + 1];
    enum result r = draw_session(op);

    entropy_fill(secret, sizeof(secret));
    token_make(&op->session.id, secret, token, digest);
    if (!r)
        r = write_user(op, writes);
    if (!r)
        r = make_room(op, writes, rows);
    if (!r)
        r = write_session(op, writes, digest);
    if (!r)
        r = write_event(op, writes);
    commit_login(op, c, rows, r, token);
    secret_wipe(secret, sizeof(secret));
    secret_wipe(token, sizeof(token));
}

static void refuse_login(struct change *change, struct once *c, const struct auth_device *device, bool claimed,
                         enum fault_code code)
{
    struct event e;

    event_begin(&e, change, TEXT("auth.login"), code == FAULT_USER_DISABLED ? AUDIT_DENIED : AUDIT_FAILURE);
    event_text(&e, TEXT("method"), TEXT(METHOD));
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

static void login_decide(struct once *c, void *cookie, struct pg_batch *rows)
{
    struct login_op *op = cookie;
    bool disabled = false;

    op->change.waits = false;
    op->made = pg_rows(rows, USER) == 0;
    op->first = true;
    op->second_factor = AUTH_FACTOR_NONE;
    if (!op->made) {
        if (arena_text(request_arena(op->change.rq), pg_text(rows, USER, 0, 0), &op->change.user_id)) {
            once_fail(c, RESULT_NO_MEMORY);
            return;
        }
        disabled = pg_bool(rows, USER, 0, 1);
        op->first = pg_bool(rows, USER, 0, 2);
        op->second_factor = pg_bool(rows, USER, 0, 3) ? AUTH_FACTOR_TOTP : AUTH_FACTOR_NONE;
    }
    op->device_seen = pg_bool(rows, SEEN, 0, 0);
    /* Whoever brings a proof that was used may not be the one who was proven. */
    if (pg_rows(rows, USED) > 0)
        refuse_login(&op->change, c, op->login->device, true, FAULT_REPLAYED);
    else if (disabled)
        refuse_login(&op->change, c, op->login->device, false, FAULT_USER_DISABLED);
    else
        make_session(op, c, rows);
}

void people_login(struct people *p, struct request *rq, const struct proven_login *login)
{
    static const struct once_op LOGIN = { login_read, login_decide, change_committed };
    const struct auth_device *d = login->device;
    struct login_op *op = change_new(p, rq, struct login_op);

    if (!op)
        return;
    op->login = login;
    lookup_telegram(p->columns, login->telegram_id, op->telegram_hash);
    lookup_login(p->columns, login->hash, op->login_hash);
    lookup_device_info(p->columns, login->telegram_id, (enum device_type)d->type, d->info, op->device_info_hash);
    if (d->id.data)
        lookup_device_id(p->columns, login->telegram_id, d->id, op->device_id_hash);
    change_run(&op->change, &LOGIN);
}

/* ---- logins that fail before anybody is known -------------------------------------------------------------------- */

struct failed_op {
    struct change change;
    const struct auth_device *device;
    enum fault_code code;
    bool claims;
    uint8_t telegram_hash[LOOKUP_LEN];
};

static enum result failed_read(struct once *c, void *cookie, struct pg_batch *reads)
{
    /* Locked although nothing of it changes: events are numbered in the order of this lock. */
    static const struct pg_statement LOCK = { "failed_user",
        "SELECT user_id FROM users WHERE telegram_hash = $1 FOR NO KEY UPDATE", "b" };
    const struct failed_op *op = cookie;

    (void)c;
    return op->claims ? pg_add(reads, &LOCK, PG_BYTES(hash_bytes(op->telegram_hash))) : RESULT_OK;
}

static void failed_decide(struct once *c, void *cookie, struct pg_batch *rows)
{
    struct failed_op *op = cookie;

    if (op->claims && pg_rows(rows, USER) > 0
        && arena_text(request_arena(op->change.rq), pg_text(rows, USER, 0, 0), &op->change.user_id)) {
        once_fail(c, RESULT_NO_MEMORY);
        return;
    }
    refuse_login(&op->change, c, op->device, true, op->code);
}

void people_login_failed(struct people *p, struct request *rq, struct text claimed_telegram_id,
                         const struct auth_device *device, enum fault_code code)
{
    static const struct once_op FAILED = { failed_read, failed_decide, NULL };
    struct failed_op *op = change_new(p, rq, struct failed_op);

    if (!op)
        return;
    op->device = device;
    op->code = code;
    op->claims = claimed_telegram_id.data != NULL;
    if (op->claims)
        lookup_telegram(p->columns, claimed_telegram_id, op->telegram_hash);
    change_run(&op->change, &FAILED);
}
