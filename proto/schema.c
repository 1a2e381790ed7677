#include "schema.h"

const struct field *schema_field(const struct schema *s, struct text name)
{
    for (size_t i = 0; i < s->field_count; i++) {
        if (text_equal(s->fields[i].name, name))
            return &s->fields[i];
    }
    return NULL;
}

_Static_assert(sizeof(struct text) == sizeof(struct bytes), "is_present reads either");
_Static_assert(offsetof(struct text_pair, value) == sizeof(struct text), "the key comes first");
_Static_assert(offsetof(struct uint_pair, value) == sizeof(struct text), "the key comes first");
_Static_assert(offsetof(struct scalar_pair, value) == sizeof(struct text), "the key comes first");

size_t type_size(const struct type *t)
{
    switch (t->kind) {
    case KIND_BOOL:
        return sizeof(bool);
    case KIND_UINT:
        return sizeof(uint64_t);
    case KIND_STR:
    case KIND_BIN:
    case KIND_DECIMAL:
    case KIND_RAW:
        return sizeof(struct text);
    case KIND_UUID:
        return sizeof(struct uuid);
    case KIND_IP:
        return sizeof(struct ip);
    case KIND_ENUM:
        return sizeof(unsigned);
    case KIND_SCALAR:
        return sizeof(struct mp_value);
    case KIND_OBJECT:
        return t->object->size;
    case KIND_LIST:
    case KIND_MAP:
        return sizeof(struct list);
    }
    return 0;
}

void field_preset(const struct field *f, void *member)
{
    unsigned chosen = (unsigned)f->preset;

    switch (f->type.kind) {
    case KIND_BOOL:
        *(bool *)member = f->preset != 0;
        break;
    case KIND_ENUM:
        memcpy(member, &chosen, sizeof chosen);
        break;
    default:
        memcpy(member, &f->preset, sizeof f->preset);
        break;
    }
}

void schema_defaults(const struct schema *s, void *out)
{
    memset(out, 0, s->size);
    for (size_t i = 0; i < s->field_count; i++) {
        if (s->fields[i].presence == PRESENCE_DEFAULT)
            field_preset(&s->fields[i], (uint8_t *)out + s->fields[i].offset);
    }
}
