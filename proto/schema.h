/*
 * What a body looks like, as data. The .def files describe every body of the wire once, one row a field:
 *
 *     STRUCT(ratelimit_check_request,
 *         OPTIONAL(user_id,   USER_ID),
 *         REQUIRED(endpoint,  ENDPOINT),
 *         DEFAULT (cost,      UINT(0, ANY), 1),
 *         ANY_OF  (user_id, ip))
 *
 * structs.h makes `struct ratelimit_check_request` from it, tables.h `schema_ratelimit_check_request`;
 * codec.h decodes and encodes by that table, tools/asyncapi prints it, hlidkactl reads JSON by it.
 *
 * Members. A str is a struct text, a bin a struct bytes (data == NULL: absent), both borrowed from the
 * body. A uint is uint64_t, an id struct uuid, an address struct ip, an enumeration its enum, an object its
 * struct, a list { items, count } and a map { pairs, count } in the arena. Whatever is optional and neither
 * str nor bin has a `bool has_<name>` beside it.
 */
#ifndef HLIDKA_SCHEMA_H
#define HLIDKA_SCHEMA_H

#include "ip.h"
#include "mp_reader.h"
#include "uuid.h"

/* No upper bound but that of the message. */
#define ANY UINT64_MAX

enum kind {
    KIND_BOOL,                  /* bool */
    KIND_UINT,                  /* uint64_t */
    KIND_STR,                   /* struct text; bounds in bytes */
    KIND_BIN,                   /* struct bytes */
    KIND_UUID,                  /* str on the wire; struct uuid */
    KIND_IP,                    /* str on the wire; struct ip, canonical */
    KIND_ENUM,                  /* str on the wire; the enum of the same name, counted from 0 */
    KIND_DECIMAL,               /* str, or int taken as decimal text; struct text */
    KIND_SCALAR,                /* str, int or bool; struct mp_value (MP_STR, MP_UINT, MP_INT or MP_BOOL) */
    KIND_OBJECT,                /* a struct of its own */
    KIND_LIST,                  /* struct list */
    KIND_MAP,                   /* struct list of pairs: a struct text and then the value */
    KIND_RAW,                   /* any map, left as msgpack; struct bytes */
};

enum presence {
    PRESENCE_REQUIRED,
    PRESENCE_OPTIONAL,
    PRESENCE_DEFAULT,
};

struct bounds {
    uint64_t min;
    uint64_t max;
};

/* The alphabet of an id, as a check and as the pattern that is published. Lengths are the field's. */
struct format {
    const char *pattern;        /* ECMA-262 */
    bool (*valid)(struct text t);
};

struct enumeration {
    const char *name;
    const struct text *values;
    size_t count;
};

struct type {
    enum kind kind;
    struct bounds bounds;               /* of the value, the length or the count */
    const struct format *format;        /* KIND_STR; NULL: any */
    const struct enumeration *values;   /* KIND_ENUM */
    const struct schema *object;        /* KIND_OBJECT */
    const struct type *item;            /* of a list, or the value of a map */
    const struct type *key;             /* of a map: KIND_STR */
};

struct field {
    struct text name;
    struct type type;
    enum presence presence;
    bool has_flag;              /* a member has_<name> says whether it is there */
    uint16_t offset;            /* in the struct */
    uint16_t flag_offset;
    uint64_t preset;            /* PRESENCE_DEFAULT: of a bool, uint or enum */
};

enum rule_kind {
    RULE_ANY_OF,                /* at least one of the two */
    RULE_ONE_OF,                /* exactly one of the two */
    RULE_BEFORE,                /* first < second */
    RULE_NOT_AFTER,             /* first <= second */
};

/* What must hold between two fields of one body; an error points at the second, a missing one at both. */
struct rule {
    enum rule_kind kind;
    struct text first;
    struct text second;
};

/* At most 64 fields. */
struct schema {
    const char *name;
    size_t size;                /* of the struct */
    const struct field *fields;
    size_t field_count;
    const struct rule *rules;
    size_t rule_count;
};

/* How lists and maps look to code that walks a schema; the members of the structs have the same layout. */
struct list {
    void *items;
    size_t count;
};

struct text_pair {
    struct text key;
    struct text value;
};

struct text_map {
    struct text_pair *pairs;
    size_t count;
};

struct uint_pair {
    struct text key;
    uint64_t value;
};

struct uint_map {
    struct uint_pair *pairs;
    size_t count;
};

struct scalar_pair {
    struct text key;
    struct mp_value value;
};

struct scalar_map {
    struct scalar_pair *pairs;
    size_t count;
};

extern const struct format format_user_id;
extern const struct format format_telegram_id;
extern const struct format format_endpoint;
extern const struct format format_event_type;
extern const struct format format_event_filter;
extern const struct format format_fernet_key;

/* NULL when the schema has no field of that name. */
const struct field *schema_field(const struct schema *s, struct text name);

/* Bytes that one value of the type takes in a struct or an array. */
size_t type_size(const struct type *t);

/* Writes the default of a field that has one to its member. */
void field_preset(const struct field *f, void *member);

/* Zeroes the struct and gives the fields that have one their default: how a client begins a request. */
void schema_defaults(const struct schema *s, void *out);

#endif
