/* From a struct to msgpack, by the table. */
#include "codec.h"

static void encode_value(struct mp_writer *w, const struct type *t, const uint8_t *in);

static void fail(struct mp_writer *w)
{
    if (!w->status)
        w->status = RESULT_INTERNAL;
}

static bool is_present(const struct field *f, const uint8_t *in)
{
    struct text t;

    if (f->presence != PRESENCE_OPTIONAL)
        return true;
    if (f->has_flag)
        return *(const bool *)(in + f->flag_offset);
    memcpy(&t, in + f->offset, sizeof t);
    return t.data != NULL;
}

static void encode_object(struct mp_writer *w, const struct schema *s, const uint8_t *in)
{
    uint32_t pairs = 0;

    for (size_t i = 0; i < s->field_count; i++)
        pairs += is_present(&s->fields[i], in);
    mp_put_map(w, pairs);
    for (size_t i = 0; i < s->field_count; i++) {
        const struct field *f = &s->fields[i];

        if (is_present(f, in)) {
            mp_put_text(w, f->name);
            encode_value(w, &f->type, in + f->offset);
        }
    }
}

static void encode_list(struct mp_writer *w, const struct type *t, const uint8_t *in)
{
    struct list list;

    memcpy(&list, in, sizeof list);
    mp_put_array(w, (uint32_t)list.count);
    for (size_t i = 0; i < list.count && !w->status; i++)
        encode_value(w, t->item, (const uint8_t *)list.items + i * type_size(t->item));
}

static void encode_map(struct mp_writer *w, const struct type *t, const uint8_t *in)
{
    size_t pair_size = sizeof(struct text) + type_size(t->item);
    struct list list;

    memcpy(&list, in, sizeof list);
    mp_put_map(w, (uint32_t)list.count);
    for (size_t i = 0; i < list.count && !w->status; i++) {
        const uint8_t *pair = (const uint8_t *)list.items + i * pair_size;

        encode_value(w, t->key, pair);
        encode_value(w, t->item, pair + sizeof(struct text));
    }
}

static void encode_scalar(struct mp_writer *w, const uint8_t *in)
{
    struct mp_value v;

    memcpy(&v, in, sizeof v);
    switch (v.type) {
    case MP_STR:
        mp_put_text(w, v.str);
        break;
    case MP_UINT:
        mp_put_uint(w, v.uint);
        break;
    case MP_INT:
        mp_put_int(w, v.sint);
        break;
    case MP_BOOL:
        mp_put_bool(w, v.boolean);
        break;
    default:
        fail(w);
        break;
    }
}

static void encode_enum(struct mp_writer *w, const struct enumeration *e, const uint8_t *in)
{
    unsigned chosen;

    memcpy(&chosen, in, sizeof chosen);
    if (chosen < e->count)
        mp_put_text(w, e->values[chosen]);
    else
        fail(w);
}

static void encode_text(struct mp_writer *w, const struct type *t, const uint8_t *in)
{
    struct bytes run;
    char text[UUID_TEXT_LEN + IP_TEXT_MAX];
    struct uuid id;
    struct ip ip;

    switch (t->kind) {
    case KIND_UUID:
        memcpy(&id, in, sizeof id);
        uuid_format(&id, text);
        mp_put_text(w, (struct text){ text, UUID_TEXT_LEN });
        break;
    case KIND_IP:
        memcpy(&ip, in, sizeof ip);
        mp_put_text(w, (struct text){ text, ip_format(&ip, text) });
        break;
    default:
        memcpy(&run, in, sizeof run);
        mp_put_text(w, (struct text){ (const char *)run.data, run.len });
        break;
    }
}

static void encode_value(struct mp_writer *w, const struct type *t, const uint8_t *in)
{
    struct bytes run;
    uint64_t number;

    switch (t->kind) {
    case KIND_BOOL:
        mp_put_bool(w, *(const bool *)in);
        break;
    case KIND_UINT:
        memcpy(&number, in, sizeof number);
        mp_put_uint(w, number);
        break;
    case KIND_STR:
    case KIND_DECIMAL:
    case KIND_UUID:
    case KIND_IP:
        encode_text(w, t, in);
        break;
    case KIND_BIN:
        memcpy(&run, in, sizeof run);
        mp_put_bin(w, run.data, run.len);
        break;
    case KIND_ENUM:
        encode_enum(w, t->values, in);
        break;
    case KIND_SCALAR:
        encode_scalar(w, in);
        break;
    case KIND_OBJECT:
        encode_object(w, t->object, in);
        break;
    case KIND_LIST:
        encode_list(w, t, in);
        break;
    case KIND_MAP:
        encode_map(w, t, in);
        break;
    case KIND_RAW:
        memcpy(&run, in, sizeof run);
        if (run.len > 0)
            mp_put_raw(w, run);
        else
            fail(w);
        break;
    }
}

enum result body_encode(const struct schema *s, const void *in, struct mp_writer *w)
{
    encode_object(w, s, in);
    return w->status;
}
