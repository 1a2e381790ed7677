#include "redis_encode.h"

#include <criterion/criterion.h>

Test(redis_encode, a_command_is_an_array_of_bulk_strings, .timeout = 5)
{
    static const char want[] = "*3\r\n$3\r\nSET\r\n$0\r\n\r\n$12\r\na\0b\r\ncdefghi\r\n";
    struct buffer out;

    buffer_init(&out, 1000);
    cr_assert_eq(redis_encode(&out, 3, (const char *[]){ "SET", NULL, "a\0b\r\ncdefghi" }, (size_t[]){ 3, 0, 12 }), RESULT_OK);
    cr_assert_eq(out.len, sizeof(want) - 1);
    cr_expect_arr_eq(out.data, want, sizeof(want) - 1);
    buffer_free(&out);
}

Test(redis_encode, what_does_not_fit_leaves_the_buffer_as_it_was, .timeout = 5)
{
    static const size_t huge[] = { SIZE_MAX, SIZE_MAX / 2, SIZE_MAX - 60 };
    struct buffer out;

    buffer_init(&out, 100);
    cr_assert_eq(redis_encode(&out, 1, (const char *[]){ "PING" }, (size_t[]){ 4 }), RESULT_OK);
    size_t len = out.len;
    cr_expect_eq(redis_encode(&out, 0, NULL, NULL), RESULT_OUT_OF_RANGE);
    cr_expect_eq(redis_encode(&out, 1, (const char *[]){ "x" }, (size_t[]){ 90 }), RESULT_TOO_LARGE);
    for (size_t i = 0; i < 3; i++)
        cr_expect_eq(redis_encode(&out, 2, (const char *[]){ "x", "y" }, (size_t[]){ 1, huge[i] }), RESULT_TOO_LARGE);
    cr_expect_eq(out.len, len);
    buffer_free(&out);
}
