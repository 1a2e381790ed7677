/*
 * Values in PostgreSQL's binary format (each type's send and receive functions): big-endian integers, timestamptz
 * in us since 2000-01-01 UTC, arrays with their dimensions before them.
 */
#ifndef HLIDKA_PG_WIRE_H
#define HLIDKA_PG_WIRE_H

#include "arena.h"
#include "pg.h"

/* Built-in type oids (pg_type.dat); they never change. */
enum pg_oid {
    PG_OID_BOOL = 16,
    PG_OID_BYTEA = 17,
    PG_OID_INT8 = 20,
    PG_OID_INT2 = 21,
    PG_OID_INT4 = 23,
    PG_OID_TEXT = 25,
    PG_OID_FLOAT8 = 701,
    PG_OID_BYTEA_ARRAY = 1001,
    PG_OID_TEXT_ARRAY = 1009,
    PG_OID_INT8_ARRAY = 1016,
    PG_OID_TIMESTAMPTZ = 1184,
    PG_OID_UUID = 2950,
    PG_OID_JSONB = 3802,
};

/* A parameter's bytes, in the arena; data NULL for NULL. Text ends with a NUL that is not counted. Errors as pg_batch_add. */
MUST_USE enum result pg_wire_put(struct arena *a, const struct pg_param *p, struct bytes *out);

/* The types that a statement's letters declare, one a letter; 0 lets the server infer it (text). */
void pg_wire_types(const char *params, uint32_t *out);

int64_t pg_time_from_ms(int64_t unix_ms);       /* saturates */
int64_t pg_time_to_ms(int64_t pg_us);           /* rounds down */

#endif
