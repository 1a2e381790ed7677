/* What is only read: the sessions of a user, and a user. */
#include "store_people.h"

#include "log.h"

struct reading {
    struct people *people;
    struct request *rq;
    bool has_token;
    struct token token;
};

/* Sends b, or answers that it cannot be. */
static void read_now(struct reading *rd, struct pg_batch *b, enum result r, pg_batch_cb *cb)
{
    uint64_t left_ms = request_left_ms(rd->rq);

    if (!r)
        r = pg_submit(durable_pg(rd->people->options.durable), b, left_ms ? left_ms : 1, cb, rd);
    if (!r)
        return;
    pg_batch_free(b);
    if (r == RESULT_UNAVAILABLE || r == RESULT_FULL || r == RESULT_CLOSED)
        request_fail_retry(rd->rq, FAULT_UNAVAILABLE, PEOPLE_RETRY_MS, NULL);
    else
        request_fail(rd->rq, FAULT_INTERNAL, result_text(r));
}

/* True when the rows are there; otherwise the request has been answered. */
static bool have_rows(struct reading *rd, struct pg_batch *b)
{
    switch (pg_outcome(b)) {
    case PG_DONE:
        return true;
    case PG_RETRY:
    case PG_UNAVAILABLE:
    case PG_UNKNOWN:
        request_fail_retry(rd->rq, FAULT_UNAVAILABLE, PEOPLE_RETRY_MS, NULL);
        return false;
    case PG_UNIQUE:
    case PG_FAILED:
        break;
    }
    log_error("auth.reading_failed", LOG_STR("sqlstate", pg_sqlstate(b)));
    request_fail(rd->rq, FAULT_INTERNAL, NULL);
    return false;
}

/* A row of ours that does not open or does not read is damaged, or somebody has been at it. */
static void fail_row(struct reading *rd, enum result r)
{
    log_error("auth.row_unreadable", LOG_RESULT(r));
    request_fail(rd->rq, FAULT_INTERNAL, NULL);
}

static struct reading *reading_new(struct people *p, struct request *rq, struct pg_batch **b)
{
    struct reading *rd = arena_alloc(request_arena(rq), 1, sizeof(*rd));

    if (!rd || pg_batch_new(PEOPLE_BATCH_BYTES, b)) {
        request_fail(rq, FAULT_INTERNAL, "out of memory");
        return NULL;
    }
    rd->people = p;
    rd->rq = rq;
    return rd;
}

/* ---- sessions ---------------------------------------------------------------------------------------------------- */

enum { DEVICE = SESSION_COLUMN_COUNT, AAL, SECRET };

static enum result open_device(const struct reading *rd, struct pg_batch *b, size_t row, struct auth_listed_session *out)
{
    struct arena *a = request_arena(rd->rq);
    struct bytes sealed = pg_bytes(b, 0, row, DEVICE);
    struct buffer opened;
    struct device d;

    buffer_init(&opened, sealed.len);
    enum result r = column_open(rd->people->columns, DEVICE_COLUMN, (struct bytes){ out->session_id.bytes, 16 }, sealed,
                                &opened);
    if (!r)
        r = device_decode(buffer_bytes(&opened), &d);
    if (!r)
        r = arena_text(a, d.info, &out->device_info);
    if (!r && d.id.data)
        r = arena_text(a, d.id, &out->device_id);
    if (!r && d.ip.family) {
        out->ip = d.ip;
        out->has_ip = true;
    }
    buffer_free(&opened);
    return r;
}

/* Ids are no secrets. */
static bool is_selector(const struct uuid *selector, const struct uuid *id)
{
    return memcmp(selector->bytes, id->bytes, sizeof(id->bytes)) == 0;
}

static enum result listed(const struct reading *rd, struct pg_batch *b, size_t row, const struct session *s,
                          struct auth_listed_session *out)
{
    *out = (struct auth_listed_session){
        .session_id = s->id,
        .device_type = (enum auth_device_type)s->device,
        .created_at = s->created_ms,
        .last_activity = s->active_ms,
        .expires_at = session_expires_ms(&rd->people->options.lifetimes, s),
        .is_active = true,
        .aal = (uint64_t)pg_int(b, 0, row, AAL),
        .current = rd->has_token && is_selector(&rd->token.session, &s->id)
                   && token_matches(&rd->token, pg_bytes(b, 0, row, SECRET)),
    };
    return open_device(rd, b, row, out);
}

static enum result fill_list(const struct reading *rd, struct pg_batch *b, struct auth_session_list_result *out, bool *current)
{
    size_t count = pg_rows(b, 0);

    *current = false;
    out->sessions.items = arena_alloc(request_arena(rd->rq), count + 1, sizeof(*out->sessions.items));
    if (!out->sessions.items)
        return RESULT_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        struct auth_listed_session *item = &out->sessions.items[out->sessions.count];
        struct session s;
        enum result r = session_row(b, 0, i, &s);

        if (!r && !session_alive(&rd->people->options.lifetimes, &s, request_now_ms(rd->rq)))
            continue;
        if (!r)
            r = listed(rd, b, i, &s, item);
        if (r)
            return r;
        *current |= item->current;
        out->sessions.count++;
    }
    return pg_misread(b) ? RESULT_INTERNAL : RESULT_OK;
}

/* It may be another's, who lives. */
static void refuse_token(struct reading *rd, struct pg_batch *b)
{
    struct token_bearer who;
    enum result r = token_judge(rd->people, b, 1, &rd->token, request_now_ms(rd->rq), &who);

    if (r) {
        fail_row(rd, r);
        return;
    }
    if (who.standing == TOKEN_DEAD)
        token_reused(rd->people, rd->rq, &who.life.id, who.user_id);
    request_fail(rd->rq, FAULT_INVALID_TOKEN, NULL);
}

static void on_list(void *cookie, struct pg_batch *b)
{
    struct reading *rd = cookie;
    struct auth_session_list_result result = { .sessions = { .count = 0 } };
    bool current;

    if (have_rows(rd, b)) {
        enum result r = fill_list(rd, b, &result, &current);

        if (r)
            fail_row(rd, r);
        else if (rd->has_token && !current)
            refuse_token(rd, b);
        else
            request_reply(rd->rq, &result);
    }
    pg_batch_free(b);
}

void people_list(struct people *p, struct request *rq, struct text user_id, const struct token *token)
{
    static const struct pg_statement LIST = { "session_list",
        "SELECT " SESSION_COLUMNS ", s.device, s.aal, s.secret_sha256 FROM sessions s"
        " WHERE s.user_id = $1 AND s.ended_at IS NULL ORDER BY s.last_activity DESC, s.created_at DESC, s.id DESC", "t" };
    struct pg_batch *b;
    struct reading *rd = reading_new(p, rq, &b);

    if (!rd)
        return;
    rd->has_token = token != NULL;
    if (token)
        rd->token = *token;
    enum result r = pg_add(b, &LIST, PG_TEXT(user_id));
    if (!r && token)
        r = token_read(b, token);
    read_now(rd, b, r, on_list);
}

/* ---- a user ------------------------------------------------------------------------------------------------------ */

enum { ID, TELEGRAM, ROLES, TIER, DISABLED, HAS_TOTP, CREATED, DELETED };

static enum result fill_user(const struct reading *rd, struct pg_batch *b, struct auth_user_get_result *out)
{
    *out = (struct auth_user_get_result){
        .user_id = pg_text(b, 0, 0, ID),
        .tier = pg_text(b, 0, 0, TIER),
        .disabled = pg_bool(b, 0, 0, DISABLED),
        .second_factor = pg_bool(b, 0, 0, HAS_TOTP) ? AUTH_FACTOR_TOTP : AUTH_FACTOR_NONE,
        .created_at = (uint64_t)pg_time_ms(b, 0, 0, CREATED),
    };
    if (!pg_is_null(b, 0, 0, DELETED)) {
        out->deleted_at = (uint64_t)pg_time_ms(b, 0, 0, DELETED);
        out->has_deleted_at = true;
    }
    enum result r = telegram_id_open(rd->people, out->user_id, pg_bytes(b, 0, 0, TELEGRAM), request_arena(rd->rq),
                                     &out->telegram_id);
    if (!r)
        r = roles_read(pg_value(b, 0, 0, ROLES), request_arena(rd->rq), &out->roles.items, &out->roles.count);
    return !r && pg_misread(b) ? RESULT_INTERNAL : r;
}

static void on_user(void *cookie, struct pg_batch *b)
{
    struct reading *rd = cookie;
    struct auth_user_get_result result;

    if (!have_rows(rd, b)) {
        pg_batch_free(b);
        return;
    }
    if (pg_rows(b, 0) == 0) {
        request_fail(rd->rq, FAULT_NOT_FOUND, NULL);
    } else {
        enum result r = fill_user(rd, b, &result);

        if (r)
            fail_row(rd, r);
        else
            request_reply(rd->rq, &result);
    }
    pg_batch_free(b);
}

#define USER_COLUMNS "user_id, telegram_id, roles, tier, disabled, second_factor = 'totp', created_at, deleted_at"

void people_get(struct people *p, struct request *rq, const struct auth_user_get_request *body)
{
    static const struct pg_statement BY_ID = { "user_by_id", "SELECT " USER_COLUMNS " FROM users WHERE user_id = $1", "t" };
    static const struct pg_statement BY_TELEGRAM = { "user_by_telegram",
        "SELECT " USER_COLUMNS " FROM users WHERE telegram_hash = $1", "b" };
    uint8_t hash[LOOKUP_LEN];
    struct pg_batch *b;
    struct reading *rd = reading_new(p, rq, &b);
    enum result r;

    if (!rd)
        return;
    if (body->user_id.data) {
        r = pg_add(b, &BY_ID, PG_TEXT(body->user_id));
    } else {
        lookup_telegram(p->columns, body->telegram_id, hash);
        r = pg_add(b, &BY_TELEGRAM, PG_BYTES(((struct bytes){ hash, sizeof(hash) })));
    }
    read_now(rd, b, r, on_user);
}
