#include "parts.h"

#include <criterion/criterion.h>

#define U PART_UNIT

Test(parts, faults_are_told_together, .timeout = 10)
{
    static const struct {
        uint64_t size, offset, length;
        unsigned faults;
    } CASES[] = {
        { 4 * U, 0, U, PART_SOUND }, { 4 * U, 3 * U, U, PART_SOUND }, { 5, 0, 5, PART_SOUND }, { U + 5, U, 5, PART_SOUND },
        { 4 * U, 1, U, PART_OFFSET_BROKEN }, { 4 * U, U - 1, U, PART_OFFSET_BROKEN }, { 4 * U, 0, U - 1, PART_LENGTH_BROKEN },
        { 4 * U, U, 5, PART_LENGTH_BROKEN }, { U, 0, 2 * U, PART_LENGTH_BEYOND }, { U + 5, U, U, PART_LENGTH_BEYOND },
        { 4 * U, 4 * U, U, PART_OFFSET_BEYOND }, { 4 * U, UINT64_C(1) << 40, U, PART_OFFSET_BEYOND },
        { 4 * U, UINT64_MAX - U + 1, U, PART_OFFSET_BEYOND }, { 10, 11, 1, PART_OFFSET_BEYOND | PART_OFFSET_BROKEN },
        { 4 * U, 5, 7, PART_OFFSET_BROKEN | PART_LENGTH_BROKEN }, { UINT64_MAX, 0, U, PART_SOUND },
        { UINT64_MAX, UINT64_MAX / U * U, U, PART_LENGTH_BEYOND },
    };

    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++)
        cr_expect_eq(part_faults(CASES[i].size, (struct part){ CASES[i].offset, CASES[i].length }), CASES[i].faults, "case %zu", i);
}

Test(parts, a_byte_in_common_is_an_overlap, .timeout = 10)
{
    static const struct {
        struct part p, there;
        enum part_place place;
    } CASES[] = {
        { { 0, U }, { 0, U }, PART_SAME }, { { 0, U }, { U, U }, PART_FREE }, { { U, U }, { 0, U }, PART_FREE },
        { { 0, 2 * U }, { U, U }, PART_OVERLAPS }, { { U, U }, { 0, 3 * U }, PART_OVERLAPS }, { { 0, U }, { 0, 2 * U }, PART_OVERLAPS },
        { { 0, 2 * U }, { 0, U }, PART_OVERLAPS }, { { U, 2 * U }, { 0, U + 1 }, PART_OVERLAPS },
    };

    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++)
        cr_expect_eq(part_place(CASES[i].p, CASES[i].there), CASES[i].place, "case %zu", i);
}

Test(parts, what_is_common_never_reaches_beyond, .timeout = 10)
{
    static const struct {
        struct part p, there, common;
    } CASES[] = {
        { { 0, 10 }, { 0, 100 }, { 0, 10 } }, { { 95, 10 }, { 0, 100 }, { 95, 5 } }, { { 100, 10 }, { 0, 100 }, { 100, 0 } },
        { { UINT64_MAX, UINT64_MAX }, { 0, 100 }, { UINT64_MAX, 0 } }, { { 5, UINT64_MAX }, { 0, 100 }, { 5, 95 } },
        { { 0, 100 }, { 40, 20 }, { 40, 20 } },
    };

    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct part got = part_common(CASES[i].p, CASES[i].there);
        cr_expect(got.offset == CASES[i].common.offset && got.length == CASES[i].common.length, "case %zu", i);
    }
}
