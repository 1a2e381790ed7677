/* Logins: the one place where users and sessions are made. */
#include "store_login.h"

#include "cookie.h"
#include "entropy.h"

struct login_op {
    struct change change;
    const struct proven_login *login;
    uint8_t telegram_hash[LOOKUP_LEN], login_hash[LOOKUP_LEN];
    uint8_t device_info_hash[LOOKUP_LEN], device_id_hash[LOOKUP_LEN];
    bool first;                         /* of this user */
    bool made;                          /* the user is made with it */
    bool device_seen;
    uint64_t revoked_all_ms;            /* 0: never */
    enum auth_second_factor second_factor;
    struct session session;
};

enum { USER = ONCE_FIRST, OPEN, SPENT, SEEN };
enum { FROM_SAME_PROOF = SESSION_COLUMN_COUNT };
enum { IS_SPENT, FIRST_USED };          /* the latter of a web app's alone */

static struct bytes hash_bytes(const uint8_t hash[LOOKUP_LEN])
{
    return (struct bytes){ hash, LOOKUP_LEN };
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static enum result login_read(struct once *c, void *cookie, struct pg_batch *reads)
{
    static const struct pg_statement LOCK = { "login_user",
        "SELECT user_id, disabled OR deleted_at IS NOT NULL, first_login_at IS NULL, second_factor = 'totp', revoked_all_at"
        " FROM users WHERE telegram_hash = $1 FOR NO KEY UPDATE", "b" };
    /* Not a join: its plan, made while the tables were all but empty and kept, would go through everybody's sessions. */
    static const struct pg_statement OPEN_SESSIONS = { "login_open",
        "SELECT " SESSION_COLUMNS ", s.login_hash = $2 FROM sessions s"
        " WHERE s.user_id = (SELECT user_id FROM users WHERE telegram_hash = $1) AND s.ended_at IS NULL", "bb" };
    static const struct pg_statement WIDGET_USED = { "login_widget_used",
        "SELECT EXISTS (SELECT 1 FROM sessions WHERE login_hash = $1 AND login_method = 'telegram_widget')", "b" };
    static const struct pg_statement WEBAPP_USED = { "login_webapp_used",
        "SELECT COALESCE(bool_or(ended_by NOT IN ('logout', 'expired', 'replaced')), false), min(created_at)"
        " FROM sessions WHERE login_hash = $1 AND login_method = 'telegram_webapp'", "b" };
    static const struct pg_statement SEEN_BY_ID = { "login_seen_id",
        "SELECT EXISTS (SELECT 1 FROM sessions WHERE device_id_hash = $1 AND last_activity >= $2)", "bm" };
    static const struct pg_statement SEEN_BY_INFO = { "login_seen_info",
        "SELECT EXISTS (SELECT 1 FROM sessions WHERE device_info_hash = $1 AND last_activity >= $2)", "bm" };
    const struct login_op *op = cookie;
    bool by_id = op->login->device->id.data != NULL;
    uint64_t since_ms = request_now_ms(once_request(c)) - SESSION_MEMORY_MS;
    enum result r = pg_add(reads, &LOCK, PG_BYTES(hash_bytes(op->telegram_hash)));

    if (!r)
        r = pg_add(reads, &OPEN_SESSIONS, PG_BYTES(hash_bytes(op->telegram_hash)), PG_BYTES(hash_bytes(op->login_hash)));
    if (!r)
        r = pg_add(reads, op->login->method == LOGIN_WIDGET ? &WIDGET_USED : &WEBAPP_USED,
                   PG_BYTES(hash_bytes(op->login_hash)));
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
        " device_id_hash, created_at, last_activity, auth_time) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, $11)",
        "utbtbtbbbmm" };
    struct buffer sealed;

    buffer_init(&sealed, DEVICE_ENCODED_MAX + COLUMN_OVERHEAD);
    enum result r = seal_device(op, &sealed);
    if (!r)
        r = pg_add(writes, &MAKE, PG_UUID(&op->session.id), PG_TEXT(op->change.user_id),
                   PG_BYTES(((struct bytes){ digest, TOKEN_DIGEST_LEN })), PG_TEXT(login_method_text(op->login->method)),
                   PG_BYTES(hash_bytes(op->login_hash)), PG_TEXT(device_type_text(op->session.device)), PG_BYTES(buffer_bytes(&sealed)),
                   PG_BYTES(hash_bytes(op->device_info_hash)),
                   op->login->device->id.data ? PG_BYTES(hash_bytes(op->device_id_hash)) : PG_NULL(),
                   PG_TIME_MS(op->session.created_ms),
                   op->session.auth_ms < op->session.created_ms ? PG_TIME_MS(op->session.auth_ms) : PG_NULL());
    buffer_free(&sealed);
    return r;
}

/* An open session ends, and nobody has asked for it. */
static enum result put_away(struct login_op *op, struct pg_batch *writes, const struct uuid *session, struct text by, bool lived)
{
    enum result r = session_end(writes, session, request_now_ms(op->change.rq), by);
    struct event e;

    if (r || !lived)
        return r;
    op->change.waits = true;
    event_begin(&e, &op->change, TEXT("auth.session.revoked"), AUDIT_SUCCESS);
    event_session(&e, session);
    event_text(&e, TEXT("reason"), by);
    r = event_write(&op->change, writes, &e);
    return r ? r : revoked_write(&op->change, writes, session);
}

/*
 * What the new one replaces ends here, then who gives way to it; and what has expired is put away so that it is not read
 * again.
 */
static enum result make_room(struct login_op *op, struct pg_batch *writes, struct pg_batch *rows)
{
    const struct people_options *o = &op->change.people->options;
    uint64_t now_ms = request_now_ms(op->change.rq);
    size_t count = pg_rows(rows, OPEN);
    struct session *open = arena_alloc(request_arena(op->change.rq), count + 1, sizeof(*open));
    bool *gone = arena_alloc(request_arena(op->change.rq), count + 1, sizeof(*gone));
    enum result r = open && gone ? RESULT_OK : RESULT_NO_MEMORY;

    for (size_t i = 0; !r && i < count; i++) {
        r = session_row(rows, OPEN, i, &open[i]);
        if (r || !session_alive(&o->lifetimes, &open[i], now_ms) || !pg_bool(rows, OPEN, i, FROM_SAME_PROOF))
            continue;
        r = put_away(op, writes, &open[i].id, TEXT("replaced"), true);
        open[i].ended = true;
    }
    if (r)
        return r;
    sessions_give_way(&o->lifetimes, open, count, o->sessions_max, now_ms, gone);
    for (size_t i = 0; !r && i < count; i++)
        if (gone[i])
            r = put_away(op, writes, &open[i].id, TEXT("limit"), true);
        else if (!open[i].ended && !session_alive(&o->lifetimes, &open[i], now_ms))
            r = put_away(op, writes, &open[i].id, TEXT("expired"), false);
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
    event_text(&e, TEXT("method"), login_method_text(op->login->method));
    event_device(&e, op->login->device);
    event_bool(&e, TEXT("new_device"), is_new_device(op));
    return event_write(&op->change, writes, &e);
}

/* ---- deciding ---------------------------------------------------------------------------------------------------- */

/* Who brings a proof again shows nothing that he has not shown then. */
static uint64_t first_shown_ms(const struct login_op *op, struct pg_batch *rows)
{
    uint64_t now_ms = request_now_ms(op->change.rq), first_ms = now_ms;

    if (op->login->method == LOGIN_WEBAPP && !pg_is_null(rows, SPENT, 0, FIRST_USED))
        first_ms = (uint64_t)pg_time_ms(rows, SPENT, 0, FIRST_USED);
    return first_ms < now_ms ? first_ms : now_ms;
}

static enum result draw_session(struct login_op *op, struct pg_batch *rows)
{
    uint64_t now_ms = request_now_ms(op->change.rq);
    uint8_t random[10];
    char text[UUID_TEXT_LEN + 1];

    entropy_fill(random, sizeof(random));
    op->session = (struct session){
        .id = uuid_v7(now_ms, random), .device = (enum device_type)op->login->device->type,
        .created_ms = now_ms, .active_ms = now_ms, .auth_ms = first_shown_ms(op, rows),
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
    enum result r = draw_session(op, rows);

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

/* Who a login is, from their row; false: it has been answered. */
static bool know_user(struct login_op *op, struct once *c, struct pg_batch *rows, bool *disabled)
{
    *disabled = false;
    op->made = pg_rows(rows, USER) == 0;
    op->first = true;
    op->second_factor = AUTH_FACTOR_NONE;
    op->revoked_all_ms = 0;
    if (op->made)
        return true;
    if (arena_text(request_arena(op->change.rq), pg_text(rows, USER, 0, 0), &op->change.user_id)) {
        once_fail(c, RESULT_NO_MEMORY);
        return false;
    }
    *disabled = pg_bool(rows, USER, 0, 1);
    op->first = pg_bool(rows, USER, 0, 2);
    op->second_factor = pg_bool(rows, USER, 0, 3) ? AUTH_FACTOR_TOTP : AUTH_FACTOR_NONE;
    if (!pg_is_null(rows, USER, 0, 4))
        op->revoked_all_ms = (uint64_t)pg_time_ms(rows, USER, 0, 4);
    return true;
}

/* FAULT_COUNT: what was proven makes a session. */
static enum fault_code spent(const struct login_op *op, struct pg_batch *rows)
{
    bool used = pg_bool(rows, SPENT, 0, IS_SPENT);

    if (op->login->method == LOGIN_WIDGET)
        return used ? FAULT_REPLAYED : FAULT_COUNT;
    /* To the second: Telegram's date has no more. */
    return used || op->login->auth_date_s < op->revoked_all_ms / 1000 ? FAULT_STALE_AUTH : FAULT_COUNT;
}

static void login_decide(struct once *c, void *cookie, struct pg_batch *rows)
{
    struct login_op *op = cookie;
    bool disabled;

    op->change.waits = false;
    if (!know_user(op, c, rows, &disabled))
        return;
    op->device_seen = pg_bool(rows, SEEN, 0, 0);
    enum fault_code refused = spent(op, rows);
    /* Whoever brings a proof that was used may not be the one who was proven. */
    if (refused != FAULT_COUNT)
        login_refuse(&op->change, c, op->login->method, op->login->device, true, refused);
    else if (disabled)
        login_refuse(&op->change, c, op->login->method, op->login->device, false, FAULT_USER_DISABLED);
    else
        make_session(op, c, rows);
}

/* Whatever a login locks, reads and makes is one Telegram id's: the user, their sessions, devices and proofs. */
static void login_key(void *cookie, uint8_t key[PG_SHARE_KEY_LEN])
{
    const struct login_op *op = cookie;

    _Static_assert(LOOKUP_LEN == PG_SHARE_KEY_LEN, "a key is a hash to look up by");
    memcpy(key, op->telegram_hash, LOOKUP_LEN);
}

void people_login(struct people *p, struct request *rq, const struct proven_login *login)
{
    static const struct once_op LOGIN = { login_read, login_decide, change_committed, login_key };
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
