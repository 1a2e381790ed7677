#include "json_body.h"

#include <math.h>
#include <sodium.h>
#include <stdlib.h>

#define DEPTH_MAX 32u

struct to_body {
    struct mp_writer w;
    struct buffer *why;
};

static enum result fail(struct to_body *t, enum result r, struct text name, const char *what)
{
    return buffer_printf(t->why, "%.*s: %s\n", TEXT_ARG(name), what) == RESULT_NO_MEMORY ? RESULT_NO_MEMORY : r;
}

static enum result put(struct to_body *t, const struct type *type, struct text name, const json_t *json, unsigned depth);

static enum result put_base64(struct to_body *t, struct text name, const json_t *json)
{
    size_t len = json_string_length(json), size = len / 4 * 3 + 3;
    uint8_t *data = malloc(size);
    const char *end;
    enum result r = RESULT_OK;

    if (!data)
        return RESULT_NO_MEMORY;
    if (sodium_base642bin(data, size, json_string_value(json), len, NULL, &size, &end, sodium_base64_VARIANT_ORIGINAL) ||
        end != json_string_value(json) + len)
        r = fail(t, RESULT_MALFORMED, name, "bytes are written in base64");
    else
        mp_put_bin(&t->w, data, size);
    free(data);
    return r ? r : t->w.status;
}

static void put_real(struct to_body *t, double v)
{
    uint8_t raw[9] = { 0xcb };
    uint64_t bits;

    memcpy(&bits, &v, sizeof(bits));
    bytes_put_u64(raw + 1, bits);
    mp_put_raw(&t->w, (struct bytes){ raw, sizeof(raw) });
}

static enum result put_list(struct to_body *t, const struct type *type, struct text name, const json_t *json, unsigned depth)
{
    const struct type *item = type && type->kind == KIND_LIST ? type->item : NULL;
    enum result r = RESULT_OK;

    mp_put_array(&t->w, (uint32_t)json_array_size(json));
    for (size_t i = 0; i < json_array_size(json) && !r; i++)
        r = put(t, item, name, json_array_get(json, i), depth + 1);
    return r ? r : t->w.status;
}

static const struct type *type_in(const struct type *map, struct text name)
{
    const struct field *f;

    if (!map)
        return NULL;
    if (map->kind == KIND_MAP)
        return map->item;
    f = map->kind == KIND_OBJECT ? schema_field(map->object, name) : NULL;
    return f ? &f->type : NULL;
}

static enum result put_map(struct to_body *t, const struct type *type, const json_t *json, unsigned depth)
{
    enum result r = RESULT_OK;
    /* jansson walks with a pointer that is not const, and changes nothing. */
    json_t *map = (json_t *)(uintptr_t)json;

    mp_put_map(&t->w, (uint32_t)json_object_size(json));
    for (void *i = json_object_iter(map); i && !r; i = json_object_iter_next(map, i)) {
        struct text name = text_of(json_object_iter_key(i));
        mp_put_text(&t->w, name);
        r = put(t, type_in(type, name), name, json_object_iter_value(i), depth + 1);
    }
    return r ? r : t->w.status;
}

static enum result put(struct to_body *t, const struct type *type, struct text name, const json_t *json, unsigned depth)
{
    if (depth > DEPTH_MAX)
        return fail(t, RESULT_TOO_DEEP, name, "nested too deep");
    switch (json_typeof(json)) {
    case JSON_OBJECT:
        return put_map(t, type, json, depth);
    case JSON_ARRAY:
        return put_list(t, type, name, json, depth);
    case JSON_STRING:
        if (type && type->kind == KIND_BIN)
            return put_base64(t, name, json);
        mp_put_text(&t->w, (struct text){ json_string_value(json), json_string_length(json) });
        break;
    case JSON_INTEGER:
        mp_put_int(&t->w, json_integer_value(json));
        break;
    case JSON_REAL:
        put_real(t, json_real_value(json));
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        mp_put_bool(&t->w, json_is_true(json));
        break;
    case JSON_NULL:
        mp_put_nil(&t->w);
        break;
    }
    return t->w.status;
}

enum result json_to_body(const struct schema *s, const json_t *json, struct buffer *out, struct buffer *why)
{
    const struct type body = { .kind = KIND_OBJECT, .object = s };
    struct to_body t = { .w = mp_writer_to(out), .why = why };

    return put(&t, s ? &body : NULL, TEXT("the body"), json, 0);
}

/* ---- back ------------------------------------------------------------------------------------------------------- */

static json_t *take(struct mp_reader *in, unsigned depth);

static json_t *base64_of(struct bytes b)
{
    size_t size = sodium_base64_ENCODED_LEN(b.len, sodium_base64_VARIANT_ORIGINAL);
    char *text = malloc(size);
    json_t *json = NULL;

    if (text) {
        sodium_bin2base64(text, size, b.data, b.len, sodium_base64_VARIANT_ORIGINAL);
        json = json_string(text);
    }
    free(text);
    return json;
}

static json_t *whole_number(uint64_t v)
{
    return v <= INT64_MAX ? json_integer((json_int_t)v) : json_sprintf("%llu", (unsigned long long)v);
}

static json_t *take_list(struct mp_reader *in, uint32_t count, unsigned depth)
{
    json_t *list = json_array();

    for (uint32_t i = 0; list && i < count; i++) {
        if (json_array_append_new(list, take(in, depth + 1))) {     /* refuses NULL */
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static json_t *take_map(struct mp_reader *in, uint32_t count, unsigned depth)
{
    json_t *map = json_object();
    struct mp_value key;

    for (uint32_t i = 0; map && i < count; i++) {
        struct mp_reader before = *in;
        bool named = mp_next(in, &key) == RESULT_OK && key.type == MP_STR;

        if (!named)                     /* left out: JSON has no such names */
            *in = before;
        bool skipped = !named && mp_skip(in);
        json_t *value = skipped ? NULL : take(in, depth + 1);
        int failed = !value || (named && json_object_setn_new(map, key.str.data, key.str.len, json_incref(value)));
        json_decref(value);
        if (failed) {
            json_decref(map);
            return NULL;
        }
    }
    return map;
}

static json_t *take(struct mp_reader *in, unsigned depth)
{
    struct mp_value v;

    if (depth > DEPTH_MAX || in->at == in->end || mp_next(in, &v))
        return NULL;
    switch (v.type) {
    case MP_BOOL:
        return json_boolean(v.boolean);
    case MP_UINT:
        return whole_number(v.uint);
    case MP_INT:
        return json_integer(v.sint);
    case MP_FLOAT:
        return isfinite(v.real) ? json_real(v.real) : json_null();
    case MP_STR:
        return json_stringn(v.str.data, v.str.len);
    case MP_BIN:
        return base64_of(v.bin);
    case MP_ARRAY:
        return take_list(in, v.count, depth);
    case MP_MAP:
        return take_map(in, v.count, depth);
    case MP_NIL:
    case MP_EXT:
        return json_null();
    }
    return NULL;
}

json_t *body_to_json(struct bytes body)
{
    struct mp_reader in = mp_reader_of(body);

    /* Checked as a whole first: a list that declares more than is there would be built up in vain. */
    if (body.len == 0 || mp_check(body, DEPTH_MAX))
        return NULL;
    return take(&in, 0);
}
