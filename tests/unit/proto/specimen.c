#include "specimen.h"

#include <criterion/criterion.h>

#include "audit.h"
#include "codes.h"
#include "ops.h"

struct maker {
    uint32_t state;
    struct arena *arena;
};

static void make_object(struct maker *m, const struct schema *s, uint8_t *out);

static size_t add(const struct schema *out[256], size_t n, const struct schema *s)
{
    for (size_t i = 0; i < n; i++) {
        if (out[i] == s)
            return n;
    }
    cr_assert(n < 256 && s->size <= SPECIMEN_MAX, "%s has %zu bytes", s->name, s->size);
    out[n] = s;
    return n + 1;
}

size_t specimen_schemas(const struct schema *out[256])
{
    static const char *const services[] = { "auth", "crypto", "ratelimit", "audit" };
    size_t n = 0, count;

    for (size_t s = 0; s < 4; s++) {
        const struct op *const *ops = ops_of(text_of(services[s]), &count);

        for (size_t i = 0; i < count; i++) {
            n = add(out, n, ops[i]->request);
            if (ops[i]->result)
                n = add(out, n, ops[i]->result);
        }
    }
    n = add(out, n, &schema_audit_alert);
    n = add(out, n, &schema_audit_receipt_body);
    n = add(out, n, &schema_dead_letter);
    return add(out, n, &schema_reply);
}

static uint32_t any(struct maker *m)
{
    m->state ^= m->state << 13;
    m->state ^= m->state >> 17;
    m->state ^= m->state << 5;
    return m->state;
}

/* Small, the bounds among them. */
static size_t some(struct maker *m, const struct bounds *b, size_t spread)
{
    uint64_t most = b->max - b->min < spread ? b->max : b->min + spread;

    return (size_t)(b->min + any(m) % (most - b->min + 1));
}

static void *room(struct maker *m, size_t n, size_t size)
{
    void *memory = arena_alloc(m->arena, n ? n : 1, size);

    cr_assert_not_null(memory);
    return memory;
}

/* Digits without zero are valid in every alphabet that asks for no fixed form. */
static struct text make_text(struct maker *m, const struct type *t)
{
    size_t len = some(m, &t->bounds, 12);
    char *text = room(m, len, 1);

    for (size_t i = 0; i < len; i++)
        text[i] = (char)('1' + any(m) % 9);
    if (t->format == &format_fernet_key)
        text[43] = '=';
    return (struct text){ text, len };
}

static uint64_t make_uint(struct maker *m, const struct bounds *b)
{
    uint64_t v = (uint64_t)any(m) << (any(m) % 33);

    if (any(m) % 4 == 0)
        return any(m) % 2 ? b->max : b->min;
    return v < b->min ? b->min : v > b->max ? b->max : v;
}

static struct mp_value make_free(struct maker *m, const struct type *t)
{
    switch (any(m) % 4) {
    case 0:
        return (struct mp_value){ .type = MP_STR, .str = make_text(m, t) };
    case 1:
        return (struct mp_value){ .type = MP_UINT, .uint = any(m) };
    case 2:
        return (struct mp_value){ .type = MP_INT, .sint = -(int64_t)any(m) - 1 };
    default:
        return (struct mp_value){ .type = MP_BOOL, .boolean = any(m) % 2 };
    }
}

static void make_value(struct maker *m, const struct type *t, uint8_t *out)
{
    static const uint8_t one_pair[] = { 0x81, 0xA1, 'k', 0x07 };

    switch (t->kind) {
    case KIND_BOOL:
        *(bool *)out = any(m) % 2;
        break;
    case KIND_UINT:
        *(uint64_t *)(void *)out = make_uint(m, &t->bounds);
        break;
    case KIND_STR:
    case KIND_BIN:
        *(struct text *)(void *)out = make_text(m, t);
        break;
    case KIND_DECIMAL:
        *(struct text *)(void *)out = TEXT("17");
        break;
    case KIND_UUID:
        for (size_t i = 0; i < 16; i++)
            out[i] = (uint8_t)any(m);
        break;
    case KIND_IP:
        *(struct ip *)(void *)out = (struct ip){ any(m) % 2 ? 4 : 6, { 0x20, 1, 0x0d, 0xb8 } };
        break;
    case KIND_ENUM:
        *(unsigned *)(void *)out = any(m) % (unsigned)t->values->count;
        break;
    case KIND_SCALAR:
        *(struct mp_value *)(void *)out = make_free(m, t);
        break;
    case KIND_OBJECT:
        make_object(m, t->object, out);
        break;
    case KIND_RAW:
        *(struct bytes *)(void *)out = (struct bytes){ one_pair, sizeof one_pair };
        break;
    case KIND_LIST:
    case KIND_MAP: {
        size_t key_size = t->kind == KIND_MAP ? sizeof(struct text) : 0, size = key_size + type_size(t->item);
        struct list *list = (struct list *)(void *)out;

        list->count = some(m, &t->bounds, 3);
        list->items = room(m, list->count, size);
        for (size_t i = 0; i < list->count; i++) {
            uint8_t *item = (uint8_t *)list->items + i * size;

            /* keys of 1, 2, 3 … bytes: no two alike */
            if (key_size)
                *(struct text *)(void *)item = (struct text){ "aaaaaaaaaaaaaaaa", i + 1 };
            make_value(m, t->item, item + key_size);
        }
        break;
    }
    }
}

static void make_field(struct maker *m, const struct field *f, bool present, uint8_t *out)
{
    memset(out + f->offset, 0, type_size(&f->type));
    if (present)
        make_value(m, &f->type, out + f->offset);
    if (f->has_flag)
        *(bool *)(out + f->flag_offset) = present;
}

static void keep_rule(struct maker *m, const struct schema *s, const struct rule *rule, uint8_t *out)
{
    const struct field *first = schema_field(s, rule->first), *second = schema_field(s, rule->second);
    bool which = any(m) % 2;

    cr_assert(first && second, "%s has a rule about fields that it has not", s->name);
    if (rule->kind == RULE_BEFORE || rule->kind == RULE_NOT_AFTER) {
        *(uint64_t *)(void *)(out + first->offset) = first->type.bounds.min;
        *(uint64_t *)(void *)(out + second->offset) = first->type.bounds.min + (rule->kind == RULE_BEFORE);
    } else {
        make_field(m, first, which, out);
        make_field(m, second, !which || (rule->kind == RULE_ANY_OF && any(m) % 2), out);
    }
}

static void make_object(struct maker *m, const struct schema *s, uint8_t *out)
{
    memset(out, 0, s->size);
    for (size_t i = 0; i < s->field_count; i++)
        make_field(m, &s->fields[i], s->fields[i].presence != PRESENCE_OPTIONAL || any(m) % 2, out);
    for (size_t i = 0; i < s->rule_count; i++)
        keep_rule(m, s, &s->rules[i], out);
}

void specimen_make(const struct schema *s, uint32_t seed, struct arena *a, void *out)
{
    struct maker m = { (seed + 1) * 2654435761u, a };

    make_object(&m, s, out);
}
