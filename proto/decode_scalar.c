/* Single values: type by type, what is judged beyond the type on the wire. */
#include <stdio.h>

#include "decoder.h"

bool decoder_refuse(struct decoder *d, const struct pointer *at, enum field_code code)
{
    struct text pointer;

    if (decoder_stopped(d))
        return false;
    d->status = pointer_text(at, d->arena, &pointer);
    if (!d->status)
        field_errors_add(d->errors, pointer, code);
    return false;
}

bool decoder_check_length(struct decoder *d, const struct bounds *b, size_t n, const struct pointer *at)
{
    if (n < b->min)
        return decoder_refuse(d, at, FIELD_TOO_SHORT);
    if (n > b->max)
        return decoder_refuse(d, at, FIELD_TOO_LONG);
    return true;
}

bool decoder_check_str(struct decoder *d, const struct type *t, struct text s, const struct pointer *at)
{
    if (!decoder_check_length(d, &t->bounds, s.len, at))
        return false;
    if (t->format && !t->format->valid(s))
        return decoder_refuse(d, at, FIELD_BAD_FORMAT);
    return true;
}

static bool decode_enum(struct decoder *d, const struct enumeration *e, struct text s,
                        const struct pointer *at, uint8_t *out)
{
    for (unsigned i = 0; i < e->count; i++) {
        if (text_equal(e->values[i], s)) {
            memcpy(out, &i, sizeof i);
            return true;
        }
    }
    return decoder_refuse(d, at, FIELD_BAD_FORMAT);
}

/* The kinds that are a str on the wire. */
static bool decode_text(struct decoder *d, const struct type *t, struct text s, const struct pointer *at,
                        uint8_t *out)
{
    switch (t->kind) {
    case KIND_UUID:
        return uuid_parse(s, (struct uuid *)out) ? decoder_refuse(d, at, FIELD_BAD_FORMAT) : true;
    case KIND_IP:
        return ip_parse(s, (struct ip *)out) ? decoder_refuse(d, at, FIELD_BAD_FORMAT) : true;
    case KIND_ENUM:
        return decode_enum(d, t->values, s, at, out);
    default:
        memcpy(out, &s, sizeof s);
        return decoder_check_str(d, t, s, at);
    }
}

static bool decode_uint(struct decoder *d, const struct bounds *b, const struct mp_value *v,
                        const struct pointer *at, uint8_t *out)
{
    if (v->type == MP_INT || v->uint < b->min || v->uint > b->max)
        return decoder_refuse(d, at, FIELD_OUT_OF_RANGE);
    memcpy(out, &v->uint, sizeof v->uint);
    return true;
}

static bool decode_decimal(struct decoder *d, const struct mp_value *v, uint8_t *out)
{
    char digits[24];
    struct text s = v->str;

    if (v->type != MP_STR) {
        int n = v->type == MP_UINT ? snprintf(digits, sizeof digits, "%llu", (unsigned long long)v->uint)
                                   : snprintf(digits, sizeof digits, "%lld", (long long)v->sint);

        s = (struct text){ arena_copy(d->arena, (struct text){ digits, (size_t)n }), (size_t)n };
        if (!s.data) {
            d->status = RESULT_NO_MEMORY;
            return false;
        }
    }
    memcpy(out, &s, sizeof s);
    return true;
}

static bool decode_free(struct decoder *d, const struct type *t, const struct mp_value *v,
                          const struct pointer *at, uint8_t *out)
{
    if (v->type == MP_STR && !decoder_check_length(d, &t->bounds, v->str.len, at))
        return false;
    memcpy(out, v, sizeof *v);
    return true;
}

bool decoder_scalar(struct decoder *d, const struct type *t, const struct mp_value *v,
                    const struct pointer *at, uint8_t *out)
{
    switch (t->kind) {
    case KIND_BOOL:
        *(bool *)out = v->boolean;
        return true;
    case KIND_UINT:
        return decode_uint(d, &t->bounds, v, at, out);
    case KIND_BIN:
        memcpy(out, &v->bin, sizeof v->bin);
        return decoder_check_length(d, &t->bounds, v->bin.len, at);
    case KIND_DECIMAL:
        return decode_decimal(d, v, out);
    case KIND_SCALAR:
        return decode_free(d, t, v, at, out);
    default:
        return decode_text(d, t, v->str, at, out);
    }
}
