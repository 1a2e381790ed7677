#include "buffer.h"

#include <criterion/criterion.h>

Test(buffer, holds_exactly_up_to_its_limit, .timeout = 5)
{
    struct buffer b;

    buffer_init(&b, 10);
    cr_assert_eq(buffer_append(&b, "0123456789", 10), RESULT_OK);
    cr_assert_eq(b.len, 10);
    cr_assert_eq(buffer_append(&b, "x", 1), RESULT_TOO_LARGE);
    cr_assert_eq(buffer_append(&b, NULL, 0), RESULT_OK);
    cr_assert_arr_eq(b.data, "0123456789", 10);
    buffer_free(&b);
}

Test(buffer, is_unchanged_by_what_does_not_fit, .timeout = 5)
{
    struct buffer b;

    buffer_init(&b, 4);
    cr_assert_eq(buffer_append_text(&b, TEXT("abc")), RESULT_OK);
    cr_assert_eq(buffer_append_text(&b, TEXT("de")), RESULT_TOO_LARGE);
    cr_assert_eq(buffer_printf(&b, "%d", 12), RESULT_TOO_LARGE);
    cr_assert_eq(buffer_reserve(&b, SIZE_MAX), RESULT_TOO_LARGE);
    cr_assert(bytes_equal(buffer_bytes(&b), text_bytes(TEXT("abc"))));
    buffer_free(&b);
}

Test(buffer, keeps_its_bytes_while_it_grows, .timeout = 5)
{
    struct buffer b;

    buffer_init(&b, 100000);
    for (unsigned i = 0; i < 10000; i++)
        cr_assert_eq(buffer_printf(&b, "%04u,", i), RESULT_OK);
    cr_assert_eq(b.len, 50000);
    cr_assert_arr_eq(b.data, "0000,0001,", 10);
    cr_assert_arr_eq(b.data + 49990, "9998,9999,", 10);
    buffer_free(&b);
}

Test(buffer, prints_to_the_last_byte_of_its_limit, .timeout = 5)
{
    struct buffer b;

    buffer_init(&b, 5);
    cr_assert_eq(buffer_printf(&b, "%s", "12345"), RESULT_OK);
    cr_assert_arr_eq(b.data, "12345", 5);
    cr_assert_eq(buffer_printf(&b, "%s", ""), RESULT_OK);
    buffer_free(&b);
}

Test(buffer, keeps_its_memory_when_reset, .timeout = 5)
{
    struct buffer b;

    buffer_init(&b, 1000);
    cr_assert_eq(buffer_append_text(&b, TEXT("first")), RESULT_OK);
    const uint8_t *data = b.data;
    buffer_reset(&b);
    cr_assert_eq(b.len, 0);
    cr_assert_eq(buffer_append_text(&b, TEXT("second")), RESULT_OK);
    cr_assert_eq(b.data, data);
    buffer_free(&b);
}

Test(buffer, is_empty_and_usable_after_free, .timeout = 5)
{
    struct buffer b;

    buffer_init(&b, 8);
    cr_assert_eq(buffer_append_text(&b, TEXT("12345678")), RESULT_OK);
    buffer_free(&b);
    cr_assert_null(b.data);
    cr_assert_eq(b.len, 0);
    cr_assert_eq(b.limit, 8);
    cr_assert_eq(buffer_append_text(&b, TEXT("12345678")), RESULT_OK);
    buffer_free(&b);
}

Test(buffer, without_room_takes_nothing, .timeout = 5)
{
    struct buffer b;

    buffer_init(&b, 0);
    cr_assert_eq(buffer_append(&b, "", 0), RESULT_OK);
    cr_assert_eq(buffer_append(&b, "x", 1), RESULT_TOO_LARGE);
    buffer_free(&b);
}
