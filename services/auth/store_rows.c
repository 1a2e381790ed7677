#include "store_people.h"

#include "entropy.h"

_Static_assert((int)DEVICE_WEB == AUTH_WEB && (int)DEVICE_TELEGRAM == AUTH_TELEGRAM && (int)DEVICE_OTHER == AUTH_OTHER,
               "device types in the order of the wire's");

#define TELEGRAM_COLUMN "users.telegram_id"

struct text device_type_text(enum device_type t)
{
    return enum_auth_device_type.values[t];
}

enum result device_type_of(struct text t, enum device_type *out)
{
    for (unsigned i = 0; i < DEVICE_TYPES; i++)
        if (text_equal(t, device_type_text((enum device_type)i))) {
            *out = (enum device_type)i;
            return RESULT_OK;
        }
    return RESULT_INTERNAL;
}

enum result session_row_from(struct pg_batch *rows, size_t stmt, size_t row, size_t col, struct session *out)
{
    *out = (struct session){
        .id = pg_uuid(rows, stmt, row, col),
        .created_ms = (uint64_t)pg_time_ms(rows, stmt, row, col + 2),
        .active_ms = (uint64_t)pg_time_ms(rows, stmt, row, col + 3),
        .auth_ms = (uint64_t)pg_time_ms(rows, stmt, row, col + 4),
    };
    return device_type_of(pg_text(rows, stmt, row, col + 1), &out->device);
}

enum result session_row(struct pg_batch *rows, size_t stmt, size_t row, struct session *out)
{
    return session_row_from(rows, stmt, row, 0, out);
}

enum result session_end(struct pg_batch *writes, const struct uuid *session, uint64_t now_ms, struct text by)
{
    static const struct pg_statement END = { "session_end",
        "UPDATE sessions SET ended_at = $2, ended_by = $3 WHERE id = $1 AND ended_at IS NULL", "umt" };

    return pg_add(writes, &END, PG_UUID(session), PG_TIME_MS(now_ms), PG_TEXT(by));
}

enum result arena_text(struct arena *a, struct text t, struct text *out)
{
    *out = (struct text){ arena_copy(a, t), t.len };
    return out->data ? RESULT_OK : RESULT_NO_MEMORY;
}

/* ---- Telegram ids ------------------------------------------------------------------------------------------------ */

enum result telegram_id_seal(const struct people *p, struct text user_id, struct text telegram_id, struct buffer *out)
{
    uint8_t nonce[COLUMN_NONCE_LEN];

    entropy_fill(nonce, sizeof(nonce));
    return column_seal(p->columns, TELEGRAM_COLUMN, text_bytes(user_id), nonce, text_bytes(telegram_id), out);
}

enum result telegram_id_open(const struct people *p, struct text user_id, struct bytes sealed, struct arena *a,
                             struct text *out)
{
    struct buffer opened;

    *out = (struct text){ NULL, 0 };
    if (!sealed.data)
        return RESULT_OK;
    buffer_init(&opened, sealed.len);
    enum result r = column_open(p->columns, TELEGRAM_COLUMN, text_bytes(user_id), sealed, &opened);
    if (!r)
        r = arena_text(a, (struct text){ (const char *)opened.data, opened.len }, out);
    buffer_free(&opened);
    return r;
}

/* ---- roles ------------------------------------------------------------------------------------------------------- */

enum result roles_literal(const struct text *roles, size_t count, struct buffer *out)
{
    enum result r = buffer_append_text(out, TEXT("{"));

    for (size_t i = 0; !r && i < count; i++) {
        r = buffer_append_text(out, i ? TEXT(",\"") : TEXT("\""));
        for (size_t j = 0; !r && j < roles[i].len; j++) {
            if (roles[i].data[j] == '"' || roles[i].data[j] == '\\')
                r = buffer_append_text(out, TEXT("\\"));
            if (!r)
                r = buffer_append(out, &roles[i].data[j], 1);
        }
        if (!r)
            r = buffer_append_text(out, TEXT("\""));
    }
    return r ? r : buffer_append_text(out, TEXT("}"));
}

/* u32 dimensions, u32 flags, u32 type, then (one dimension) u32 count, u32 first index; each: u32 length, bytes. */
enum result roles_read(struct bytes array, struct arena *a, struct text **roles, size_t *count)
{
    const uint8_t *at = array.data, *end = array.data + array.len;

    *roles = NULL;
    *count = 0;
    if (array.len < 12)
        return RESULT_MALFORMED;
    if (bytes_get_u32(at) == 0)
        return array.len == 12 ? RESULT_OK : RESULT_MALFORMED;
    if (bytes_get_u32(at) != 1 || array.len < 20)
        return RESULT_MALFORMED;
    size_t n = bytes_get_u32(at + 12);
    at += 20;
    if (n > (size_t)(end - at) / 4)
        return RESULT_MALFORMED;
    *roles = arena_alloc(a, n, sizeof(**roles));
    if (!*roles)
        return RESULT_NO_MEMORY;
    for (; *count < n; ++*count) {
        if (end - at < 4 || bytes_get_u32(at) > (size_t)(end - at - 4))
            return RESULT_MALFORMED;
        struct text role = { (const char *)at + 4, bytes_get_u32(at) };
        enum result r = arena_text(a, role, &(*roles)[*count]);
        if (r)
            return r;
        at += 4 + role.len;
    }
    return at == end ? RESULT_OK : RESULT_MALFORMED;
}
