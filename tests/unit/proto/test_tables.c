/* What must hold of every row of every table, checked on made-up values of each schema. */
#include <criterion/criterion.h>
#include <stdalign.h>
#include <stdio.h>

#include "codec.h"
#include "literal.h"
#include "ops.h"
#include "specimen.h"

#define SEEDS 60

static struct arena arena, made;
static struct buffer first, second;
static alignas(16) uint8_t in[SPECIMEN_MAX + sizeof(struct bytes)], out[SPECIMEN_MAX];
static struct field_errors errors;
static const struct schema *schemas[256];
static size_t schema_count;

static void set_up(void)
{
    arena_init(&arena, NULL, 0, 16 << 20);
    arena_init(&made, NULL, 0, 16 << 20);
    buffer_init(&first, 16 << 20);
    buffer_init(&second, 16 << 20);
    schema_count = specimen_schemas(schemas);
}

static void tear_down(void)
{
    arena_reset(&arena);
    arena_reset(&made);
    buffer_free(&first);
    buffer_free(&second);
}

TestSuite(tables, .init = set_up, .fini = tear_down, .timeout = 60);

static struct bytes encode(const struct schema *s, const void *value, struct buffer *to)
{
    struct mp_writer w = mp_writer_to(to);

    buffer_reset(to);
    cr_assert(body_encode(s, value, &w) == RESULT_OK, "%s", s->name);
    return buffer_bytes(to);
}

static void make(const struct schema *s, uint32_t seed)
{
    arena_reset(&made);
    arena_reset(&arena);
    specimen_make(s, seed, &made, in);
}

/* That the value in `in`, written by the table `as`, is refused by s with one error: this one, at /name. */
static void expect_refused(const struct schema *s, const struct schema *as, const struct field *f,
                           enum field_code code)
{
    char pointer[80];

    snprintf(pointer, sizeof pointer, "/%.*s", TEXT_ARG(f->name));
    encode(as, in, &first);
    cr_expect(body_decode(s, buffer_bytes(&first), &arena, out, &errors) == RESULT_MALFORMED, "%s%s", s->name,
              pointer);
    cr_assert(errors.count >= 1, "%s%s", s->name, pointer);
    cr_expect(errors.count == 1 && text_equal(errors.items[0].pointer, text_of(pointer)) &&
              errors.items[0].code == code, "%s%s: %.*s %d", s->name, pointer,
              TEXT_ARG(errors.items[0].pointer), (int)errors.items[0].code);
}

Test(tables, what_is_encoded_decodes_to_the_same)
{
    cr_assert(schema_count > 80);
    for (size_t i = 0; i < schema_count; i++) {
        for (uint32_t seed = 0; seed < SEEDS; seed++) {
            make(schemas[i], seed);
            struct bytes one = encode(schemas[i], in, &first);

            cr_assert(body_decode(schemas[i], one, &arena, out, &errors) == RESULT_OK, "%s, seed %u: %.*s %d",
                      schemas[i]->name, seed, TEXT_ARG(errors.items[0].pointer), (int)errors.items[0].code);
            cr_expect(bytes_equal(one, encode(schemas[i], out, &second)), "%s, seed %u", schemas[i]->name,
                      seed);
        }
    }
}

/* The table without one of its rows. */
static struct schema without(const struct schema *s, size_t row, struct field rows[64])
{
    struct schema less = *s;

    memcpy(rows, s->fields, row * sizeof *rows);
    memcpy(rows + row, s->fields + row + 1, (s->field_count - row - 1) * sizeof *rows);
    less.fields = rows;
    less.field_count--;
    return less;
}

Test(tables, every_required_field_is_missed_and_no_other)
{
    struct field rows[64];

    for (size_t i = 0; i < schema_count; i++) {
        for (size_t row = 0; row < schemas[i]->field_count; row++) {
            const struct field *f = &schemas[i]->fields[row];
            struct schema less = without(schemas[i], row, rows);

            make(schemas[i], (uint32_t)row);
            if (f->presence == PRESENCE_REQUIRED)
                expect_refused(schemas[i], &less, f, FIELD_REQUIRED);
            else if (schemas[i]->rule_count == 0)
                cr_expect(body_decode(schemas[i], encode(&less, in, &first), &arena, out, &errors) ==
                          RESULT_OK);
        }
    }
}

/* Raw msgpack in the place of a field's value: a row of another kind, its member behind the struct. */
static void expect_refused_raw(const struct schema *s, size_t row, const char *value, enum field_code code)
{
    struct field rows[64];
    struct schema bent = *s;
    struct bytes raw = literal(value, &second);

    memcpy(rows, s->fields, s->field_count * sizeof *rows);
    rows[row].type = (struct type){ .kind = KIND_RAW };
    rows[row].presence = PRESENCE_REQUIRED;
    rows[row].offset = SPECIMEN_MAX;
    bent.fields = rows;
    make(s, (uint32_t)row);
    if (s->fields[row].has_flag)
        *(bool *)(in + s->fields[row].flag_offset) = true;
    memcpy(in + SPECIMEN_MAX, &raw, sizeof raw);
    expect_refused(s, &bent, &s->fields[row], code);
}

/* Whether putting the field there breaks a rule of its own. */
static bool excludes(const struct schema *s, const struct field *f)
{
    for (size_t i = 0; i < s->rule_count; i++) {
        if (s->rules[i].kind == RULE_ONE_OF &&
            (text_equal(s->rules[i].first, f->name) || text_equal(s->rules[i].second, f->name)))
            return true;
    }
    return false;
}

Test(tables, no_field_takes_nil_or_a_float_or_an_extension)
{
    for (size_t i = 0; i < schema_count; i++) {
        for (size_t row = 0; row < schemas[i]->field_count; row++) {
            if (excludes(schemas[i], &schemas[i]->fields[row]))
                continue;
            expect_refused_raw(schemas[i], row, "null", FIELD_WRONG_TYPE);
            expect_refused_raw(schemas[i], row, "<cb 3f f0 00 00 00 00 00 00>", FIELD_WRONG_TYPE);
            expect_refused_raw(schemas[i], row, "<d4 05 00>", FIELD_WRONG_TYPE);
        }
    }
}

Test(tables, every_enumeration_id_and_address_has_a_form)
{
    for (size_t i = 0; i < schema_count; i++) {
        for (size_t row = 0; row < schemas[i]->field_count; row++) {
            const struct field *f = &schemas[i]->fields[row];
            enum kind kind = f->type.kind;

            if (excludes(schemas[i], f))
                continue;
            if (kind == KIND_ENUM || kind == KIND_UUID || kind == KIND_IP) {
                expect_refused_raw(schemas[i], row, "'no-such'", FIELD_BAD_FORMAT);
                expect_refused_raw(schemas[i], row, "''", FIELD_BAD_FORMAT);
            } else if (kind == KIND_STR && f->type.format && f->type.bounds.min == 1) {
                expect_refused_raw(schemas[i], row, "'a%0a'", FIELD_BAD_FORMAT);
                expect_refused_raw(schemas[i], row, "'%00'", FIELD_BAD_FORMAT);
                expect_refused_raw(schemas[i], row, "''", FIELD_TOO_SHORT);
            }
        }
    }
}

static void expect_length_refused(const struct schema *s, const struct field *f, uint64_t len,
                                  enum field_code code)
{
    struct text run = { arena_alloc(&made, len + 1, 1), len };

    cr_assert_not_null(run.data);
    memset((char *)run.data, '1', len);
    memcpy(in + f->offset, &run, sizeof run);
    expect_refused(s, s, f, code);
}

Test(tables, every_length_is_bounded_where_the_table_says)
{
    for (size_t i = 0; i < schema_count; i++) {
        for (size_t row = 0; row < schemas[i]->field_count; row++) {
            const struct field *f = &schemas[i]->fields[row];

            if ((f->type.kind != KIND_STR && f->type.kind != KIND_BIN) || excludes(schemas[i], f))
                continue;
            make(schemas[i], (uint32_t)row);
            if (f->type.bounds.max != ANY)
                expect_length_refused(schemas[i], f, f->type.bounds.max + 1, FIELD_TOO_LONG);
            if (f->type.bounds.min > 0)
                expect_length_refused(schemas[i], f, f->type.bounds.min - 1, FIELD_TOO_SHORT);
        }
    }
}

Test(tables, every_number_is_bounded_where_the_table_says)
{
    for (size_t i = 0; i < schema_count; i++) {
        for (size_t row = 0; row < schemas[i]->field_count; row++) {
            const struct field *f = &schemas[i]->fields[row];
            char value[32];

            if (f->type.kind != KIND_UINT)
                continue;
            expect_refused_raw(schemas[i], row, "-1", FIELD_OUT_OF_RANGE);
            snprintf(value, sizeof value, "%llu", (unsigned long long)f->type.bounds.max + 1);
            if (f->type.bounds.max != ANY)
                expect_refused_raw(schemas[i], row, value, FIELD_OUT_OF_RANGE);
            snprintf(value, sizeof value, "%llu", (unsigned long long)f->type.bounds.min - 1);
            if (f->type.bounds.min > 0)
                expect_refused_raw(schemas[i], row, value, FIELD_OUT_OF_RANGE);
        }
    }
}

Test(tables, a_default_is_what_the_client_begins_with)
{
    for (size_t i = 0; i < schema_count; i++) {
        for (size_t row = 0; row < schemas[i]->field_count; row++) {
            const struct field *f = &schemas[i]->fields[row];
            struct field rows[64];
            struct schema less = without(schemas[i], row, rows);

            if (f->presence != PRESENCE_DEFAULT)
                continue;
            make(schemas[i], 1);
            cr_assert(body_decode(schemas[i], encode(&less, in, &first), &arena, out, &errors) == RESULT_OK);
            schema_defaults(schemas[i], in);
            cr_expect(memcmp(in + f->offset, out + f->offset, type_size(&f->type)) == 0, "%s",
                      schemas[i]->name);
        }
    }
}

Test(tables, a_value_of_no_enumeration_is_not_written)
{
    struct field_error bad = { .pointer = TEXT(""), .code = (enum field_code)99 };
    struct mp_writer w = mp_writer_to(&first);

    cr_expect(body_encode(&schema_field_error, &bad, &w) == RESULT_INTERNAL);
}
