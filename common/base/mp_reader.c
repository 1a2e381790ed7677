#include "mp_reader.h"

#include "utf8.h"

#define DEPTH_MAX 32

static size_t left(const struct mp_reader *in)
{
    return (size_t)(in->end - in->at);
}

/* A big-endian unsigned integer of 1, 2, 4 or 8 bytes. */
static enum result take_uint(struct mp_reader *in, size_t width, uint64_t *out)
{
    uint64_t v = 0;

    if (left(in) < width)
        return RESULT_TRUNCATED;
    for (size_t i = 0; i < width; i++)
        v = v << 8 | in->at[i];
    in->at += width;
    *out = v;
    return RESULT_OK;
}

static enum result take_unsigned(struct mp_reader *in, size_t width, struct mp_value *out)
{
    out->type = MP_UINT;
    return take_uint(in, width, &out->uint);
}

static void set_signed(struct mp_value *out, int64_t v)
{
    if (v >= 0) {
        out->type = MP_UINT;
        out->uint = (uint64_t)v;
    } else {
        out->type = MP_INT;
        out->sint = v;
    }
}

static enum result take_signed(struct mp_reader *in, size_t width, struct mp_value *out)
{
    uint64_t raw;
    enum result r = take_uint(in, width, &raw);

    if (r)
        return r;
    /* Sign extension: the top bit of the width to the top of the word, and back arithmetically. */
    unsigned shift = (unsigned)(64 - 8 * width);
    set_signed(out, (int64_t)(raw << shift) >> shift);
    return RESULT_OK;
}

static enum result take_float(struct mp_reader *in, size_t width, struct mp_value *out)
{
    uint64_t raw;
    enum result r = take_uint(in, width, &raw);

    if (r)
        return r;
    out->type = MP_FLOAT;
    if (width == sizeof(float)) {
        uint32_t bits = (uint32_t)raw;
        float f;
        memcpy(&f, &bits, sizeof(f));
        out->real = f;
    } else {
        memcpy(&out->real, &raw, sizeof(out->real));
    }
    return RESULT_OK;
}

static enum result take_run(struct mp_reader *in, uint64_t len, struct bytes *out)
{
    if (len > left(in))
        return RESULT_TRUNCATED;
    *out = (struct bytes){ in->at, (size_t)len };
    in->at += len;
    return RESULT_OK;
}

static enum result take_str(struct mp_reader *in, uint64_t len, struct mp_value *out)
{
    struct bytes run;
    enum result r = take_run(in, len, &run);

    if (r)
        return r;
    out->type = MP_STR;
    out->str = (struct text){ (const char *)run.data, run.len };
    return RESULT_OK;
}

static enum result take_ext(struct mp_reader *in, uint64_t len, struct mp_value *out)
{
    uint64_t kind;
    enum result r = take_uint(in, 1, &kind);

    out->type = MP_EXT;
    return r ? r : take_run(in, len, &out->bin);
}

/* Every element has at least one byte: a count that the rest cannot cover is refused before anyone believes it. */
static enum result set_container(struct mp_reader *in, enum mp_type type, uint64_t count, struct mp_value *out)
{
    uint64_t elements = type == MP_MAP ? 2 * count : count;

    if (elements > left(in))
        return RESULT_TRUNCATED;
    out->type = type;
    out->count = (uint32_t)count;
    return RESULT_OK;
}

/* Formats whose length follows the first byte: bin, ext, str, array and map. */
static enum result take_sized(struct mp_reader *in, uint8_t lead, struct mp_value *out)
{
    static const uint8_t width_of[256] = {
        [0xc4] = 1, [0xc5] = 2, [0xc6] = 4, [0xc7] = 1, [0xc8] = 2, [0xc9] = 4,
        [0xd9] = 1, [0xda] = 2, [0xdb] = 4, [0xdc] = 2, [0xdd] = 4, [0xde] = 2, [0xdf] = 4,
    };
    uint64_t size;

    enum result r = take_uint(in, width_of[lead], &size);
    if (r)
        return r;
    switch (lead) {
    case 0xc4: case 0xc5: case 0xc6:
        out->type = MP_BIN;
        return take_run(in, size, &out->bin);
    case 0xc7: case 0xc8: case 0xc9:
        return take_ext(in, size, out);
    case 0xd9: case 0xda: case 0xdb:
        return take_str(in, size, out);
    case 0xdc: case 0xdd:
        return set_container(in, MP_ARRAY, size, out);
    default:
        return set_container(in, MP_MAP, size, out);
    }
}

static enum result take_fixed(uint8_t lead, struct mp_value *out)
{
    switch (lead) {
    case 0xc0:
        out->type = MP_NIL;
        return RESULT_OK;
    case 0xc2: case 0xc3:
        out->type = MP_BOOL;
        out->boolean = lead == 0xc3;
        return RESULT_OK;
    default:
        return RESULT_MALFORMED;    /* 0xc1, never used */
    }
}

enum result mp_next(struct mp_reader *in, struct mp_value *out)
{
    if (left(in) == 0)
        return RESULT_TRUNCATED;
    uint8_t lead = *in->at++;

    if (lead <= 0x7f || lead >= 0xe0) {
        set_signed(out, (int8_t)lead);
        return RESULT_OK;
    }
    if (lead <= 0x8f)
        return set_container(in, MP_MAP, lead & 0x0f, out);
    if (lead <= 0x9f)
        return set_container(in, MP_ARRAY, lead & 0x0f, out);
    if (lead <= 0xbf)
        return take_str(in, lead & 0x1f, out);

    switch (lead) {
    case 0xca: case 0xcb:
        return take_float(in, lead == 0xca ? 4 : 8, out);
    case 0xcc: case 0xcd: case 0xce: case 0xcf:
        return take_unsigned(in, (size_t)1 << (lead - 0xcc), out);
    case 0xd0: case 0xd1: case 0xd2: case 0xd3:
        return take_signed(in, (size_t)1 << (lead - 0xd0), out);
    case 0xd4: case 0xd5: case 0xd6: case 0xd7: case 0xd8:
        return take_ext(in, UINT64_C(1) << (lead - 0xd4), out);
    case 0xc0: case 0xc1: case 0xc2: case 0xc3:
        return take_fixed(lead, out);
    default:
        return take_sized(in, lead, out);
    }
}

static uint64_t elements_of(const struct mp_value *v)
{
    switch (v->type) {
    case MP_ARRAY:
        return v->count;
    case MP_MAP:
        return UINT64_C(2) * v->count;
    default:
        return 0;
    }
}

enum result mp_check(struct bytes doc, unsigned max_depth)
{
    struct mp_reader in = mp_reader_of(doc);
    uint64_t owed[DEPTH_MAX + 1] = { 1 };   /* elements still to come, of each container that is open */
    unsigned depth = 0;

    if (max_depth > DEPTH_MAX)
        max_depth = DEPTH_MAX;
    for (;;) {
        struct mp_value v;

        while (owed[depth] == 0) {
            if (depth-- == 0)
                return left(&in) == 0 ? RESULT_OK : RESULT_MALFORMED;
        }
        owed[depth]--;
        enum result r = mp_next(&in, &v);
        if (r)
            return r;
        if (v.type == MP_STR && !utf8_valid(v.str))
            return RESULT_BAD_UTF8;
        if (v.type != MP_ARRAY && v.type != MP_MAP)
            continue;
        if (depth == max_depth)
            return RESULT_TOO_DEEP;
        owed[++depth] = elements_of(&v);
    }
}

enum result mp_skip(struct mp_reader *in)
{
    /* How deep does not matter here, only how many; never more than there are bytes, so it cannot overflow. */
    for (uint64_t owed = 1; owed > 0;) {
        struct mp_value v;

        if (owed > left(in))
            return RESULT_TRUNCATED;
        enum result r = mp_next(in, &v);
        if (r)
            return r;
        owed += elements_of(&v) - 1;
    }
    return RESULT_OK;
}
