#include "bytes.h"

#include <criterion/criterion.h>

static const struct text ASCENDING[] = {
    { "", 0 }, { "\0", 1 }, { "A", 1 }, { "a", 1 }, { "a\0", 2 }, { "aa", 2 }, { "ab", 2 }, { "b", 1 }, { "\xc3\xa1", 2 }, { "\xff", 1 },
};

Test(bytes, are_ordered_by_value_then_by_length, .timeout = 5)
{
    size_t n = sizeof(ASCENDING) / sizeof(ASCENDING[0]);

    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < n; j++) {
            int order = text_compare(ASCENDING[i], ASCENDING[j]);
            cr_assert_eq((order > 0) - (order < 0), (i > j) - (i < j), "%zu against %zu", i, j);
            cr_assert_eq(text_equal(ASCENDING[i], ASCENDING[j]), i == j);
        }
    }
}

Test(bytes, without_data_are_equal_to_empty_ones, .timeout = 5)
{
    struct text absent = { NULL, 0 };

    cr_assert(text_equal(absent, TEXT("")));
    cr_assert_eq(text_compare(absent, TEXT("")), 0);
    cr_assert_lt(text_compare(absent, TEXT("a")), 0);
    cr_assert(text_starts(absent, TEXT("")));
    cr_assert(!text_starts(absent, TEXT("a")));
}

Test(bytes, start_with_what_they_begin_with, .timeout = 5)
{
    cr_assert(text_starts(TEXT("auth.login"), TEXT("auth.")));
    cr_assert(text_starts(TEXT("auth."), TEXT("auth.")));
    cr_assert(!text_starts(TEXT("auth"), TEXT("auth.")));
    cr_assert(!text_starts(TEXT("audit.query"), TEXT("auth.")));
}

Test(bytes, hold_big_endian_integers, .timeout = 5)
{
    uint8_t out[8];

    bytes_put_u16(out, 0x0102);
    cr_assert_arr_eq(out, "\1\2", 2);
    bytes_put_u32(out, 0x01020304);
    cr_assert_arr_eq(out, "\1\2\3\4", 4);
    cr_assert_eq(bytes_get_u32(out), 0x01020304);
    bytes_put_u64(out, UINT64_C(0xff02030405060708));
    cr_assert_arr_eq(out, "\xff\2\3\4\5\6\7\10", 8);
    cr_assert_eq(bytes_get_u64(out), UINT64_C(0xff02030405060708));
}
