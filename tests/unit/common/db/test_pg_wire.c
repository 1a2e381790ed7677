#include "pg_wire.h"

#include <criterion/criterion.h>

static void expect(struct pg_param p, const void *want, size_t len)
{
    struct arena a;
    struct bytes out;

    arena_init(&a, NULL, 0, 10000);
    cr_assert_eq(pg_wire_put(&a, &p, &out), RESULT_OK);
    cr_assert_eq(out.len, len);
    if (len)
        cr_expect_arr_eq(out.data, want, len);
    else
        cr_expect(want ? out.data != NULL : out.data == NULL);
    arena_reset(&a);
}

Test(pg_wire, parameters_are_in_the_servers_binary_form, .timeout = 5)
{
    struct uuid u = { { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 } };
    const int64_t list[] = { 1, -1 };

    expect(PG_INT(-2), "\xff\xff\xff\xff\xff\xff\xff\xfe", 8);
    expect(PG_REAL(1.5), "\x3f\xf8\0\0\0\0\0\0", 8);
    expect(PG_BOOL(true), "\1", 1);
    expect(PG_BOOL(false), "\0", 1);
    expect(PG_TEXT(TEXT("abc")), "abc", 3);
    expect(PG_TEXT(TEXT("")), "", 0);
    expect(PG_TEXT(((struct text){ NULL, 0 })), NULL, 0);
    expect(PG_NULL(), NULL, 0);
    expect(PG_UUID(&u), u.bytes, 16);
    expect(PG_TIME_MS(946684800001), "\0\0\0\0\0\0\3\xe8", 8);
    expect(PG_INTS(list, 2),
           "\0\0\0\1\0\0\0\0\0\0\0\x14\0\0\0\2\0\0\0\1\0\0\0\10\0\0\0\0\0\0\0\1\0\0\0\10\xff\xff\xff\xff\xff\xff\xff\xff", 44);
}

Test(pg_wire, times_go_there_and_back_and_saturate, .timeout = 5)
{
    static const int64_t times[] = { 0, 1, -1, 1700000000123, 946684800000, 946684799999, 253402300799999 };

    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
        cr_expect_eq(pg_time_to_ms(pg_time_from_ms(times[i])), times[i]);
    cr_expect_eq(pg_time_to_ms(-1), 946684799999, "rounded down");
    cr_expect_eq(pg_time_from_ms(INT64_MAX), INT64_MAX);
    cr_expect_eq(pg_time_from_ms(INT64_MIN), INT64_MIN);
}

Test(pg_wire, a_nul_in_a_text_is_refused, .timeout = 5)
{
    struct pg_param p = PG_TEXT(TEXT("a\0b"));
    struct arena a;
    struct bytes out;

    arena_init(&a, NULL, 0, 1000);
    cr_expect_eq(pg_wire_put(&a, &p, &out), RESULT_MALFORMED);
    arena_reset(&a);
}
