/*
 * From msgpack to a struct, by the table. mp_check has vouched for the document, so what is left to find
 * are values that are not what the table asks; all of them are found, or as many as are told.
 */
#include "decoder.h"

static bool decode_value(struct decoder *d, const struct type *t, const struct pointer *at, uint8_t *out);

static void read_next(struct decoder *d, struct mp_value *v)
{
    enum result r = mp_next(&d->in, v);

    if (r)
        d->status = RESULT_INTERNAL;
}

static void skip_value(struct decoder *d)
{
    enum result r = mp_skip(&d->in);

    if (r)
        d->status = RESULT_INTERNAL;
}

static void *allocate(struct decoder *d, size_t n, size_t size)
{
    void *memory = n > 0 ? arena_alloc(d->arena, n, size) : NULL;

    if (n > 0 && !memory)
        d->status = RESULT_NO_MEMORY;
    return memory;
}

/* ---- containers: the head has been read, the elements follow ---- */

static bool decode_list(struct decoder *d, const struct type *t, size_t count, const struct pointer *at,
                        uint8_t *out)
{
    size_t size = type_size(t->item);
    struct list list = { allocate(d, count, size), count };
    bool good = true;

    for (size_t i = 0; i < count && !decoder_stopped(d); i++) {
        struct pointer here = { .up = at, .index = i };

        good &= decode_value(d, t->item, &here, (uint8_t *)list.items + i * size);
    }
    memcpy(out, &list, sizeof list);
    return good;
}

/* The next key of a map; false when it is no str: then the whole map is of the wrong type, and the pair is
 * passed over. */
static bool read_key(struct decoder *d, const struct pointer *map, struct text *key)
{
    struct mp_reader before = d->in;
    struct mp_value v = { .type = MP_NIL };

    read_next(d, &v);
    if (v.type == MP_STR) {
        *key = v.str;
        return true;
    }
    d->in = before;
    skip_value(d);
    skip_value(d);
    return decoder_refuse(d, map, FIELD_WRONG_TYPE);
}

static bool is_repeated(const struct list *pairs, size_t pair_size, struct text key)
{
    for (size_t i = 0; i < pairs->count; i++) {
        struct text other;

        memcpy(&other, (const uint8_t *)pairs->items + i * pair_size, sizeof other);
        if (text_equal(other, key))
            return true;
    }
    return false;
}

/* Keys that the peer chose, compared one with another: the bounds of a map are what keeps this small. */
static bool decode_map(struct decoder *d, const struct type *t, size_t count, const struct pointer *at,
                       uint8_t *out)
{
    size_t size = sizeof(struct text) + type_size(t->item);
    struct list list = { allocate(d, count, size), 0 };
    struct text key;
    bool good = true;

    for (size_t i = 0; i < count && !decoder_stopped(d); i++) {
        uint8_t *pair = (uint8_t *)list.items + list.count * size;

        if (!read_key(d, at, &key)) {
            good = false;
            continue;
        }
        struct pointer here = { .up = at, .key = key };

        if (is_repeated(&list, size, key)) {
            good = decoder_refuse(d, &here, FIELD_DUPLICATE);
            skip_value(d);
        } else if (!decoder_check_str(d, t->key, key, &here)) {
            good = false;
            skip_value(d);
        } else {
            memcpy(pair, &key, sizeof key);
            list.count++;
            good &= decode_value(d, t->item, &here, pair + sizeof key);
        }
    }
    memcpy(out, &list, sizeof list);
    return good;
}

/* What an object's pairs came to, a bit for each field of the schema. */
struct found {
    uint64_t present;
    uint64_t good;
};

static uint64_t field_bit(const struct schema *s, const struct field *f)
{
    return UINT64_C(1) << (f - s->fields);
}

static void decode_pair(struct decoder *d, const struct schema *s, struct text key,
                        const struct pointer *here, uint8_t *out, struct found *found)
{
    const struct field *f = schema_field(s, key);

    if (!f || found->present & field_bit(s, f)) {
        decoder_refuse(d, here, f ? FIELD_DUPLICATE : FIELD_UNKNOWN);
        skip_value(d);
        return;
    }
    found->present |= field_bit(s, f);
    if (decode_value(d, &f->type, here, out + f->offset))
        found->good |= field_bit(s, f);
    if (f->has_flag)
        *(bool *)(out + f->flag_offset) = true;
}

static uint64_t uint_member(const struct field *f, const uint8_t *out)
{
    uint64_t v;

    memcpy(&v, out + f->offset, sizeof v);
    return v;
}

static void check_rule(struct decoder *d, const struct schema *s, const struct rule *rule,
                       const struct pointer *at, const uint8_t *out, const struct found *found)
{
    const struct field *first = schema_field(s, rule->first), *second = schema_field(s, rule->second);
    uint64_t one = field_bit(s, first), two = field_bit(s, second);
    struct pointer to_first = { .up = at, .key = rule->first }, to_second = { .up = at, .key = rule->second };
    bool both_good = (found->good & one) && (found->good & two);

    switch (rule->kind) {
    case RULE_ONE_OF:
        if ((found->present & one) && (found->present & two))
            decoder_refuse(d, &to_second, FIELD_BAD_FORMAT);
        /* fall through */
    case RULE_ANY_OF:
        if (!(found->present & (one | two))) {
            decoder_refuse(d, &to_first, FIELD_REQUIRED);
            decoder_refuse(d, &to_second, FIELD_REQUIRED);
        }
        break;
    case RULE_BEFORE:
        if (both_good && uint_member(first, out) >= uint_member(second, out))
            decoder_refuse(d, &to_second, FIELD_OUT_OF_RANGE);
        break;
    case RULE_NOT_AFTER:
        if (both_good && uint_member(first, out) > uint_member(second, out))
            decoder_refuse(d, &to_second, FIELD_OUT_OF_RANGE);
        break;
    }
}

/* What was not there, and what does not go together. */
static void finish_object(struct decoder *d, const struct schema *s, const struct pointer *at, uint8_t *out,
                          const struct found *found)
{
    for (size_t i = 0; i < s->field_count; i++) {
        const struct field *f = &s->fields[i];
        struct pointer here = { .up = at, .key = f->name };

        if (found->present & field_bit(s, f))
            continue;
        if (f->presence == PRESENCE_REQUIRED)
            decoder_refuse(d, &here, FIELD_REQUIRED);
        else if (f->presence == PRESENCE_DEFAULT)
            field_preset(f, out + f->offset);
    }
    for (size_t i = 0; i < s->rule_count; i++)
        check_rule(d, s, &s->rules[i], at, out, found);
}

/* out is zeroed. */
static bool decode_object(struct decoder *d, const struct schema *s, size_t count, const struct pointer *at,
                          uint8_t *out)
{
    size_t errors_before = d->errors->count;
    struct found found = { 0, 0 };
    struct text key;

    for (size_t i = 0; i < count && !decoder_stopped(d); i++) {
        if (read_key(d, at, &key)) {
            struct pointer here = { .up = at, .key = key };

            decode_pair(d, s, key, &here, out, &found);
        }
    }
    finish_object(d, s, at, out, &found);
    return d->errors->count == errors_before;
}

/* ---- one value ---- */

#define ON_WIRE(type) (1u << (type))

/* What each kind may be on the wire, before it is looked at more closely. */
static const unsigned on_wire[] = {
    [KIND_BOOL] = ON_WIRE(MP_BOOL),
    [KIND_UINT] = ON_WIRE(MP_UINT) | ON_WIRE(MP_INT),
    [KIND_STR] = ON_WIRE(MP_STR),
    [KIND_BIN] = ON_WIRE(MP_BIN),
    [KIND_UUID] = ON_WIRE(MP_STR),
    [KIND_IP] = ON_WIRE(MP_STR),
    [KIND_ENUM] = ON_WIRE(MP_STR),
    [KIND_DECIMAL] = ON_WIRE(MP_STR) | ON_WIRE(MP_UINT) | ON_WIRE(MP_INT),
    [KIND_SCALAR] = ON_WIRE(MP_STR) | ON_WIRE(MP_UINT) | ON_WIRE(MP_INT) | ON_WIRE(MP_BOOL),
    [KIND_OBJECT] = ON_WIRE(MP_MAP),
    [KIND_LIST] = ON_WIRE(MP_ARRAY),
    [KIND_MAP] = ON_WIRE(MP_MAP),
    [KIND_RAW] = ON_WIRE(MP_MAP),
};

/* A list or map; begin is where its head stands. */
static bool decode_container(struct decoder *d, const struct type *t, struct mp_reader begin, size_t count,
                             const struct pointer *at, uint8_t *out)
{
    if (!decoder_check_length(d, &t->bounds, count, at)) {
        d->in = begin;
        skip_value(d);
        return false;
    }
    return t->kind == KIND_LIST ? decode_list(d, t, count, at, out) : decode_map(d, t, count, at, out);
}

static bool take_raw(struct decoder *d, struct mp_reader begin, uint8_t *out)
{
    struct bytes raw = { begin.at, 0 };

    d->in = begin;
    skip_value(d);
    raw.len = (size_t)(d->in.at - begin.at);
    memcpy(out, &raw, sizeof raw);
    return true;
}

static bool decode_value(struct decoder *d, const struct type *t, const struct pointer *at, uint8_t *out)
{
    struct mp_reader begin = d->in;
    struct mp_value v = { .type = MP_NIL };

    read_next(d, &v);
    if (!(on_wire[t->kind] & ON_WIRE(v.type))) {
        d->in = begin;
        skip_value(d);
        return decoder_refuse(d, at, FIELD_WRONG_TYPE);
    }
    switch (t->kind) {
    case KIND_OBJECT:
        return decode_object(d, t->object, v.count, at, out);
    case KIND_LIST:
    case KIND_MAP:
        return decode_container(d, t, begin, v.count, at, out);
    case KIND_RAW:
        return take_raw(d, begin, out);
    default:
        return decoder_scalar(d, t, &v, at, out);
    }
}

enum result body_decode(const struct schema *s, struct bytes body, struct arena *a, void *out,
                        struct field_errors *errors)
{
    struct decoder d = { mp_reader_of(body), a, errors, RESULT_OK };
    struct mp_value head = { .type = MP_NIL };
    enum result r = mp_check(body, BODY_DEPTH_MAX);

    errors->count = 0;
    if (r) {
        field_errors_add(errors, TEXT(""), FIELD_BAD_FORMAT);
        return RESULT_MALFORMED;
    }
    read_next(&d, &head);
    if (head.type != MP_MAP) {
        field_errors_add(errors, TEXT(""), FIELD_WRONG_TYPE);
        return RESULT_MALFORMED;
    }
    memset(out, 0, s->size);
    decode_object(&d, s, head.count, NULL, out);
    if (d.status)
        return d.status;
    return errors->count > 0 ? RESULT_MALFORMED : RESULT_OK;
}
