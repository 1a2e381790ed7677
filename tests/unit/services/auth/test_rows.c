/* Roles on their way into PostgreSQL's text[] and back (store_people.h). */
#include "store_people.h"

#include <criterion/criterion.h>

static struct buffer out;
static struct arena arena;

static void setup(void)
{
    buffer_init(&out, 8192);
    arena_init(&arena, NULL, 0, 65536);
}

static void teardown(void)
{
    arena_reset(&arena);
    buffer_free(&out);
}

TestSuite(rows, .init = setup, .fini = teardown, .timeout = 10);

Test(rows, roles_are_quoted_so_that_none_can_end_its_own)
{
    static const struct text roles[] = { TEXT("teacher"), TEXT("a\"b"), TEXT("c\\d"), TEXT("e,f"), TEXT("{}"), TEXT("NULL") };

    cr_assert_eq(roles_literal(roles, 6, &out), RESULT_OK);
    cr_expect(text_equal((struct text){ (char *)out.data, out.len },
                         TEXT("{\"teacher\",\"a\\\"b\",\"c\\\\d\",\"e,f\",\"{}\",\"NULL\"}")), "%.*s", (int)out.len, out.data);
    buffer_reset(&out);
    cr_assert_eq(roles_literal(NULL, 0, &out), RESULT_OK);
    cr_expect(text_equal((struct text){ (char *)out.data, out.len }, TEXT("{}")));
}

/* array_send of {'a','bc'}: one dimension, no NULLs, of text (25), two from 1. */
static const uint8_t TWO[] = { 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 25, 0, 0, 0, 2, 0, 0, 0, 1,
                               0, 0, 0, 1, 'a', 0, 0, 0, 2, 'b', 'c' };

Test(rows, roles_come_back_from_their_binary_form)
{
    static const uint8_t none[] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 25 };
    struct text *roles;
    size_t count;

    cr_assert_eq(roles_read((struct bytes){ TWO, sizeof(TWO) }, &arena, &roles, &count), RESULT_OK);
    cr_assert_eq(count, 2);
    cr_expect(text_equal(roles[0], TEXT("a")) && text_equal(roles[1], TEXT("bc")));
    cr_assert_eq(roles_read((struct bytes){ none, sizeof(none) }, &arena, &roles, &count), RESULT_OK);
    cr_expect_eq(count, 0);
}

Test(rows, a_cut_or_boasting_array_is_refused)
{
    struct text *roles;
    size_t count;
    uint8_t bent[sizeof(TWO)];

    for (size_t len = 0; len < sizeof(TWO); len++)
        cr_expect_neq(roles_read((struct bytes){ TWO, len }, &arena, &roles, &count), RESULT_OK, "%zu", len);
    static const struct {
        size_t at;
        uint8_t put;
    } lies[] = { { 3, 2 }, { 15, 1 }, { 15, 3 }, { 12, 0xff }, { 23, 2 }, { 20, 0xff }, { 28, 3 } };
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        memcpy(bent, TWO, sizeof(TWO));
        bent[lies[i].at] = lies[i].put;
        cr_expect_neq(roles_read((struct bytes){ bent, sizeof(bent) }, &arena, &roles, &count), RESULT_OK, "%zu", i);
    }
}

Test(rows, device_types_have_the_names_of_the_wire)
{
    enum device_type t;

    for (unsigned i = 0; i < DEVICE_TYPES; i++) {
        cr_assert_eq(device_type_of(device_type_text((enum device_type)i), &t), RESULT_OK);
        cr_expect_eq((unsigned)t, i);
    }
    cr_expect_neq(device_type_of(TEXT("toaster"), &t), RESULT_OK);
}
