/* Reading the rows of a batch (pg.h): bounds and types are checked at every value. */
#include "pg_batch.h"
#include "pg_wire.h"

#include <inttypes.h>
#include <stdlib.h>

static const PGresult *result_of(const struct pg_batch *b, size_t stmt)
{
    return b->outcome == PG_DONE && stmt < b->count ? b->steps[stmt].result : NULL;
}

size_t pg_rows(const struct pg_batch *b, size_t stmt)
{
    const PGresult *result = result_of(b, stmt);

    return result ? (size_t)PQntuples(result) : 0;
}

uint64_t pg_affected(const struct pg_batch *b, size_t stmt)
{
    const PGresult *result = result_of(b, stmt);

    return result ? strtoumax(PQcmdTuples((PGresult *)(uintptr_t)result), NULL, 10) : 0;
}

/* The place, or NULL where there is none. */
static const PGresult *cell(const struct pg_batch *b, size_t stmt, size_t row, size_t col)
{
    const PGresult *result = result_of(b, stmt);

    if (!result || row >= (size_t)PQntuples(result) || col >= (size_t)PQnfields(result))
        return NULL;
    return result;
}

bool pg_is_null(const struct pg_batch *b, size_t stmt, size_t row, size_t col)
{
    const PGresult *result = cell(b, stmt, row, col);

    return !result || PQgetisnull(result, (int)row, (int)col);
}

/* The value and its type; data NULL for NULL. A place that does not exist is a misreading. */
static struct bytes fetch(struct pg_batch *b, size_t stmt, size_t row, size_t col, Oid *type)
{
    const PGresult *result = cell(b, stmt, row, col);

    *type = 0;
    if (!result) {
        b->misread = true;
        return (struct bytes){ NULL, 0 };
    }
    *type = PQftype(result, (int)col);
    if (PQgetisnull(result, (int)row, (int)col))
        return (struct bytes){ NULL, 0 };
    return (struct bytes){ (const uint8_t *)PQgetvalue(result, (int)row, (int)col),
                           (size_t)PQgetlength(result, (int)row, (int)col) };
}

/* As fetch, for one type of one length; NULL when it is another or SQL's NULL. */
static const uint8_t *fixed(struct pg_batch *b, size_t stmt, size_t row, size_t col, Oid want, size_t len)
{
    Oid type;
    struct bytes v = fetch(b, stmt, row, col, &type);

    if (type == want && v.data && v.len == len)
        return v.data;
    b->misread = true;
    return NULL;
}

struct bytes pg_value(struct pg_batch *b, size_t stmt, size_t row, size_t col)
{
    Oid type;

    return fetch(b, stmt, row, col, &type);
}

struct bytes pg_bytes(struct pg_batch *b, size_t stmt, size_t row, size_t col)
{
    Oid type;
    struct bytes v = fetch(b, stmt, row, col, &type);

    if (type == PG_OID_BYTEA)
        return v;
    b->misread = true;
    return (struct bytes){ NULL, 0 };
}

struct text pg_text(struct pg_batch *b, size_t stmt, size_t row, size_t col)
{
    Oid type;
    struct bytes v = fetch(b, stmt, row, col, &type);

    switch (type) {
    case PG_OID_BOOL: case PG_OID_BYTEA: case PG_OID_INT2: case PG_OID_INT4: case PG_OID_INT8: case PG_OID_FLOAT8:
    case PG_OID_TIMESTAMPTZ: case PG_OID_UUID: case PG_OID_INT8_ARRAY:
        b->misread = true;
        return (struct text){ NULL, 0 };
    case PG_OID_JSONB:                  /* a version byte, then the text */
        if (v.len == 0 || v.data[0] != 1) {
            b->misread = b->misread || v.data;
            return (struct text){ NULL, 0 };
        }
        return (struct text){ (const char *)v.data + 1, v.len - 1 };
    default:
        return (struct text){ (const char *)v.data, v.len };
    }
}

int64_t pg_int(struct pg_batch *b, size_t stmt, size_t row, size_t col)
{
    Oid type;
    struct bytes v = fetch(b, stmt, row, col, &type);

    if (v.data && type == PG_OID_INT8 && v.len == 8)
        return (int64_t)bytes_get_u64(v.data);
    if (v.data && type == PG_OID_INT4 && v.len == 4)
        return (int32_t)bytes_get_u32(v.data);
    if (v.data && type == PG_OID_INT2 && v.len == 2)
        return (int16_t)(v.data[0] << 8 | v.data[1]);
    b->misread = true;
    return 0;
}

double pg_real(struct pg_batch *b, size_t stmt, size_t row, size_t col)
{
    const uint8_t *v = fixed(b, stmt, row, col, PG_OID_FLOAT8, 8);
    uint64_t bits = v ? bytes_get_u64(v) : 0;
    double real;

    memcpy(&real, &bits, sizeof(real));
    return real;
}

bool pg_bool(struct pg_batch *b, size_t stmt, size_t row, size_t col)
{
    const uint8_t *v = fixed(b, stmt, row, col, PG_OID_BOOL, 1);

    return v && *v != 0;
}

struct uuid pg_uuid(struct pg_batch *b, size_t stmt, size_t row, size_t col)
{
    const uint8_t *v = fixed(b, stmt, row, col, PG_OID_UUID, 16);
    struct uuid out = { { 0 } };

    if (v)
        memcpy(out.bytes, v, sizeof(out.bytes));
    return out;
}

int64_t pg_time_ms(struct pg_batch *b, size_t stmt, size_t row, size_t col)
{
    const uint8_t *v = fixed(b, stmt, row, col, PG_OID_TIMESTAMPTZ, 8);

    return v ? pg_time_to_ms((int64_t)bytes_get_u64(v)) : 0;
}

bool pg_misread(const struct pg_batch *b)
{
    return b->misread;
}
