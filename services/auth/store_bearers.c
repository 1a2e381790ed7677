#include "store_bearers.h"

#include "log.h"
#include "store_people.h"

#include <stdlib.h>

enum { PARAMS_MAX = 256 * 64, ARENA_MAX = 4 * 1024 * 1024 };

static const struct pg_statement READ = {
    "bearers_read",
    "SELECT s.user_id, s.secret_sha256, s.device_type, s.aal::bigint, s.aal2_time, s.created_at, s.last_activity, "
    "s.ended_at IS NOT NULL OR u.disabled OR u.deleted_at IS NOT NULL, u.telegram_id, u.roles, u.tier, u.second_factor, "
    "s.former, COALESCE(f.totp_locked AND (f.backup_locked OR "
    "NOT EXISTS (SELECT 1 FROM backup_codes b WHERE b.user_id = s.user_id AND b.used_at IS NULL)), false), "
    "COALESCE(s.auth_time, s.created_at) "
    "FROM sessions s JOIN users u USING (user_id) LEFT JOIN second_factors f USING (user_id) WHERE s.id = $1",
    "u",
};

enum column {
    USER_ID, SECRET, DEVICE_TYPE, AAL, AAL2_TIME, CREATED_AT, LAST_ACTIVITY, ENDED, TELEGRAM_ID, ROLES, TIER, SECOND_FACTOR,
    FORMER, LOCKED_OUT, AUTH_TIME
};

/*
 * Never in the way: a row that somebody holds is skipped, and no commit of touches waits for the disk. Only what is
 * alive and was not touched within a minute is, whichever instance asks.
 */
static const struct pg_statement LAZY = { "bearers_touch_lazy", "SELECT set_config('synchronous_commit', 'off', true)", "" };
static const struct pg_statement TOUCH = {
    "bearers_touch",
    "UPDATE sessions SET last_activity = $2 WHERE id = (SELECT id FROM sessions WHERE id = $1 AND ended_at IS NULL "
    "AND last_activity <= $2 - interval '1 minute' FOR UPDATE SKIP LOCKED)",
    "um",
};

/* ---- rows ----------------------------------------------------------------------------------------------------- */

struct reading {
    struct store_bearers *store;
    bearer_read_cb *cb;
    void *cookie;
    struct arena arena;
    struct uuid ids[BEARER_BATCH];
};

static enum result second_factor_of(struct text t, enum auth_second_factor *out)
{
    for (unsigned i = 0; i < enum_auth_second_factor.count; i++)
        if (text_equal(t, enum_auth_second_factor.values[i])) {
            *out = (enum auth_second_factor)i;
            return RESULT_OK;
        }
    return RESULT_INTERNAL;
}

static enum result read_shown(struct reading *r, struct pg_batch *b, size_t stmt, struct auth_session_introspect_result *out)
{
    enum device_type device;
    enum result failed;

    *out = (struct auth_session_introspect_result){
        .user_id = pg_text(b, stmt, 0, USER_ID),
        .has_device_type = true,
        .aal = (uint64_t)pg_int(b, stmt, 0, AAL),
        .has_aal = true,
        .has_second_factor = true,
        .auth_time = (uint64_t)pg_time_ms(b, stmt, 0, AUTH_TIME),
        .has_auth_time = true,
        .created_at = (uint64_t)pg_time_ms(b, stmt, 0, CREATED_AT),
        .has_created_at = true,
        .session_id = r->ids[stmt],
        .has_session_id = true,
        .has_roles = true,
        .tier = pg_text(b, stmt, 0, TIER),
    };
    if (!pg_is_null(b, stmt, 0, AAL2_TIME)) {
        out->aal2_time = (uint64_t)pg_time_ms(b, stmt, 0, AAL2_TIME);
        out->has_aal2_time = true;
    }
    if ((failed = device_type_of(pg_text(b, stmt, 0, DEVICE_TYPE), &device)) ||
        (failed = second_factor_of(pg_text(b, stmt, 0, SECOND_FACTOR), &out->second_factor)) ||
        (failed = roles_read(pg_value(b, stmt, 0, ROLES), &r->arena, &out->roles.items, &out->roles.count)) ||
        (failed = telegram_id_open(r->store->people, out->user_id, pg_bytes(b, stmt, 0, TELEGRAM_ID), &r->arena, &out->telegram_id)))
        return failed;
    out->device_type = (enum auth_device_type)device;
    return RESULT_OK;
}

static enum result read_row(struct reading *r, struct pg_batch *b, size_t stmt, struct known_session *out)
{
    struct bytes digest = pg_bytes(b, stmt, 0, SECRET);
    enum result failed = read_shown(r, b, stmt, &out->shown);

    if (failed)
        return failed;
    if (digest.len != sizeof(out->digest))
        return RESULT_MALFORMED;
    memcpy(out->digest, digest.data, sizeof(out->digest));
    out->former = pg_bytes(b, stmt, 0, FORMER);
    out->locked_out = pg_bool(b, stmt, 0, LOCKED_OUT);
    out->life = (struct session){
        .id = r->ids[stmt],
        .device = (enum device_type)out->shown.device_type,
        .created_ms = out->shown.created_at,
        .auth_ms = out->shown.auth_time,
        .active_ms = (uint64_t)pg_time_ms(b, stmt, 0, LAST_ACTIVITY),
        .ended = pg_bool(b, stmt, 0, ENDED),
    };
    return pg_misread(b) ? RESULT_WRONG_TYPE : RESULT_OK;
}

static const struct known_session *read_one(struct reading *r, struct pg_batch *b, size_t stmt)
{
    char id[UUID_TEXT_LEN + 1];

    if (pg_rows(b, stmt) == 0)
        return NULL;
    struct known_session *row = arena_alloc(&r->arena, 1, sizeof(*row));
    enum result failed = row ? read_row(r, b, stmt, row) : RESULT_NO_MEMORY;
    if (!failed)
        return row;
    uuid_format(&r->ids[stmt], id);
    r->store->unreadable++;
    log_error("auth.session_unreadable", LOG_STR("session_id", id), LOG_RESULT(failed));
    return &bearer_unreadable;
}

static const struct known_session **read_all(struct reading *r, struct pg_batch *b)
{
    const struct known_session **rows = arena_alloc(&r->arena, pg_count(b), sizeof(*rows));

    for (size_t i = 0; rows && i < pg_count(b); i++)
        rows[i] = read_one(r, b, i);
    return rows;
}

static void on_read(void *cookie, struct pg_batch *b)
{
    struct reading *r = cookie;
    bool done = pg_outcome(b) == PG_DONE;

    if (!done)
        log_warn("auth.bearers", LOG_STR("outcome", pg_outcome_text(pg_outcome(b))), LOG_STR("sqlstate", pg_sqlstate(b)));
    r->cb(r->cookie, done ? read_all(r, b) : NULL);
    pg_batch_free(b);
    arena_reset(&r->arena);
    free(r);
}

static enum result read_sessions(struct bearer_store *store, const struct uuid *ids, size_t count, bearer_read_cb *cb, void *cookie)
{
    struct store_bearers *s = (struct store_bearers *)store;
    struct reading *r = malloc(sizeof(*r));
    struct pg_batch *b;
    enum result failed;

    if (!r)
        return RESULT_NO_MEMORY;
    r->store = s;
    r->cb = cb;
    r->cookie = cookie;
    arena_init(&r->arena, NULL, 0, ARENA_MAX);
    memcpy(r->ids, ids, count * sizeof(*ids));
    if ((failed = pg_batch_new(PARAMS_MAX, &b)))
        goto fail;
    for (size_t i = 0; i < count && !failed; i++)
        failed = pg_add(b, &READ, PG_UUID(&r->ids[i]));
    if (!failed && !(failed = pg_submit(durable_pg(s->people->options.durable), b, s->timeout_ms, on_read, r)))
        return RESULT_OK;
    pg_batch_free(b);
fail:
    free(r);
    return failed;
}

/* ---- touches -------------------------------------------------------------------------------------------------- */

struct touching {
    void (*cb)(void *cookie);
    void *cookie;
};

static void on_touched(void *cookie, struct pg_batch *b)
{
    struct touching t = *(struct touching *)cookie;

    if (pg_outcome(b) != PG_DONE)
        log_debug("auth.touch", LOG_STR("outcome", pg_outcome_text(pg_outcome(b))), LOG_STR("sqlstate", pg_sqlstate(b)));
    pg_batch_free(b);
    free(cookie);
    t.cb(t.cookie);
}

static enum result touch_sessions(struct bearer_store *store, const struct touch *touches, size_t count, void (*cb)(void *cookie), void *cookie)
{
    struct store_bearers *s = (struct store_bearers *)store;
    struct touching *t = malloc(sizeof(*t));
    struct pg_batch *b;
    enum result failed;

    if (!t)
        return RESULT_NO_MEMORY;
    *t = (struct touching){ cb, cookie };
    if ((failed = pg_batch_new(PARAMS_MAX, &b)))
        goto fail;
    failed = pg_add(b, &LAZY);
    for (size_t i = 0; i < count && !failed; i++)
        failed = pg_add(b, &TOUCH, PG_UUID(&touches[i].session), PG_TIME_MS(touches[i].at_ms));
    if (!failed && !(failed = pg_submit(durable_pg(s->people->options.durable), b, s->timeout_ms, on_touched, t)))
        return RESULT_OK;
    pg_batch_free(b);
fail:
    free(t);
    return failed;
}

void store_bearers_init(struct store_bearers *s, struct people *people, uint64_t timeout_ms)
{
    *s = (struct store_bearers){ .store = { read_sessions, touch_sessions }, .people = people, .timeout_ms = timeout_ms };
}
