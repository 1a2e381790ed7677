#include "pg_wire.h"

/* 2000-01-01 in ms since 1970. */
#define EPOCH_MS INT64_C(946684800000)

int64_t pg_time_from_ms(int64_t unix_ms)
{
    int64_t ms, us;

    if (__builtin_sub_overflow(unix_ms, EPOCH_MS, &ms) || __builtin_mul_overflow(ms, 1000, &us))
        return unix_ms < 0 ? INT64_MIN : INT64_MAX;     /* -infinity and infinity, to PostgreSQL */
    return us;
}

int64_t pg_time_to_ms(int64_t pg_us)
{
    return pg_us / 1000 - (pg_us % 1000 < 0) + EPOCH_MS;
}

static enum result put_int(struct arena *a, int64_t v, struct bytes *out)
{
    uint8_t *at = arena_alloc(a, 1, 8);

    if (!at)
        return RESULT_TOO_LARGE;
    bytes_put_u64(at, (uint64_t)v);
    *out = (struct bytes){ at, 8 };
    return RESULT_OK;
}

static enum result put_ints(struct arena *a, const int64_t *list, size_t count, struct bytes *out)
{
    uint8_t *at;

    if (count > INT32_MAX / 12)
        return RESULT_TOO_LARGE;
    at = arena_alloc(a, 20 + count * 12, 1);
    if (!at)
        return RESULT_TOO_LARGE;
    *out = (struct bytes){ at, 20 + count * 12 };
    bytes_put_u32(at, 1);                               /* dimensions; then: no NULLs */
    bytes_put_u32(at + 8, PG_OID_INT8);
    bytes_put_u32(at + 12, (uint32_t)count);
    bytes_put_u32(at + 16, 1);                          /* the first index */
    for (size_t i = 0; i < count; i++) {
        bytes_put_u32(at + 20 + i * 12, 8);
        bytes_put_u64(at + 24 + i * 12, (uint64_t)list[i]);
    }
    return RESULT_OK;
}

static enum result put_runs(struct arena *a, uint32_t oid, const struct bytes *runs, size_t count, struct bytes *out)
{
    size_t len = 20;
    bool nulls = false;

    for (size_t i = 0; i < count; i++) {
        if (runs[i].len > INT32_MAX - 4 || len > INT32_MAX - 4 - runs[i].len)
            return RESULT_TOO_LARGE;
        if (oid == PG_OID_TEXT && runs[i].len > 0 && memchr(runs[i].data, '\0', runs[i].len))
            return RESULT_MALFORMED;
        len += 4 + runs[i].len;
        nulls |= !runs[i].data;
    }
    uint8_t *at = arena_alloc(a, len, 1);
    if (!at)
        return RESULT_TOO_LARGE;
    *out = (struct bytes){ at, len };
    bytes_put_u32(at, 1);                               /* dimensions */
    bytes_put_u32(at + 4, nulls);
    bytes_put_u32(at + 8, oid);
    bytes_put_u32(at + 12, (uint32_t)count);
    bytes_put_u32(at + 16, 1);                          /* the first index */
    at += 20;
    for (size_t i = 0; i < count; i++) {
        bytes_put_u32(at, runs[i].data ? (uint32_t)runs[i].len : UINT32_MAX);
        if (runs[i].len > 0)
            memcpy(at + 4, runs[i].data, runs[i].len);
        at += 4 + runs[i].len;
    }
    return RESULT_OK;
}

static enum result put_bytes(struct arena *a, struct bytes v, struct bytes *out)
{
    /* One more byte, so that it is text for libpq, and empty is not NULL. */
    uint8_t *at = arena_alloc(a, v.len + 1, 1);

    if (!at)
        return RESULT_TOO_LARGE;
    if (v.len > 0)
        memcpy(at, v.data, v.len);
    *out = (struct bytes){ at, v.len };
    return RESULT_OK;
}

enum result pg_wire_put(struct arena *a, const struct pg_param *p, struct bytes *out)
{
    uint64_t bits;

    *out = (struct bytes){ NULL, 0 };
    switch (p->kind) {
    case 0:
        return RESULT_OK;
    case 'i':
        return put_int(a, p->integer, out);
    case 'm':
        return put_int(a, pg_time_from_ms(p->integer), out);
    case 'f':
        memcpy(&bits, &p->real, sizeof(bits));
        return put_int(a, (int64_t)bits, out);
    case 'o':
        return put_bytes(a, (struct bytes){ (const uint8_t[]){ p->integer != 0 }, 1 }, out);
    case 't':
        if (p->bytes.len > 0 && memchr(p->bytes.data, '\0', p->bytes.len))
            return RESULT_MALFORMED;
        return p->bytes.data ? put_bytes(a, p->bytes, out) : RESULT_OK;
    case 'b':
    case 'u':
        return p->bytes.data ? put_bytes(a, p->bytes, out) : RESULT_OK;
    case 'I':
        return put_ints(a, p->list, p->count, out);
    case 'B':
        return put_runs(a, PG_OID_BYTEA, p->runs, p->count, out);
    case 'T':
        return put_runs(a, PG_OID_TEXT, p->runs, p->count, out);
    default:
        return RESULT_WRONG_TYPE;
    }
}

static uint32_t type_of(char kind)
{
    switch (kind) {
    case 'i': return PG_OID_INT8;
    case 'f': return PG_OID_FLOAT8;
    case 'o': return PG_OID_BOOL;
    case 'b': return PG_OID_BYTEA;
    case 'u': return PG_OID_UUID;
    case 'm': return PG_OID_TIMESTAMPTZ;
    case 'I': return PG_OID_INT8_ARRAY;
    case 'B': return PG_OID_BYTEA_ARRAY;
    case 'T': return PG_OID_TEXT_ARRAY;
    default:  return 0;
    }
}

void pg_wire_types(const char *params, uint32_t *out)
{
    while (*params)
        *out++ = type_of(*params++);
}
