#include "arena.h"

#include <criterion/criterion.h>

static bool within(const void *p, const uint8_t *block, size_t len)
{
    return (const uint8_t *)p >= block && (const uint8_t *)p < block + len;
}

Test(arena, serves_from_the_first_block_before_it_allocates, .timeout = 5)
{
    uint8_t first[256];
    struct arena a;

    arena_init(&a, first, sizeof(first), 100000);
    cr_assert(within(arena_alloc(&a, 1, 100), first, sizeof(first)));
    cr_assert(!within(arena_alloc(&a, 1, 5000), first, sizeof(first)));
    arena_reset(&a);
    cr_assert(within(arena_alloc(&a, 1, 100), first, sizeof(first)));
    arena_reset(&a);
}

Test(arena, gives_zeroed_memory_aligned_for_any_type, .timeout = 5)
{
    uint8_t first[200];
    struct arena a;

    memset(first, 0xff, sizeof(first));
    arena_init(&a, first + 1, sizeof(first) - 1, 100000);
    for (size_t size = 1; size < 300; size++) {
        uint8_t *p = arena_alloc(&a, 1, size);
        cr_assert_not_null(p);
        cr_assert_eq((uintptr_t)p % _Alignof(max_align_t), 0);
        for (size_t i = 0; i < size; i++)
            cr_assert_eq(p[i], 0);
        memset(p, 0xff, size);
    }
    arena_reset(&a);
}

Test(arena, refuses_what_exceeds_its_limit, .timeout = 5)
{
    struct arena a;

    arena_init(&a, NULL, 0, 100);
    cr_assert_not_null(arena_alloc(&a, 10, 6));
    cr_assert_null(arena_alloc(&a, 1, 41));
    cr_assert_not_null(arena_alloc(&a, 1, 40));
    cr_assert_null(arena_alloc(&a, 1, 1));
    arena_reset(&a);
    cr_assert_not_null(arena_alloc(&a, 1, 100));
    arena_reset(&a);
}

Test(arena, refuses_sizes_that_overflow, .timeout = 5)
{
    struct arena a;

    arena_init(&a, NULL, 0, SIZE_MAX);
    cr_assert_null(arena_alloc(&a, SIZE_MAX / 2, 3));
    cr_assert_null(arena_alloc(&a, 1, SIZE_MAX));
    arena_reset(&a);
}

Test(arena, tells_nothing_from_failure, .timeout = 5)
{
    struct arena a;

    arena_init(&a, NULL, 0, 1000);
    cr_assert_not_null(arena_alloc(&a, 0, 8));
    cr_assert_not_null(arena_copy(&a, (struct text){ NULL, 0 }));
    arena_reset(&a);
}

Test(arena, copies_text_with_a_nul, .timeout = 5)
{
    struct arena a;

    arena_init(&a, NULL, 0, 1000);
    cr_assert_str_eq(arena_copy(&a, (struct text){ "device-1", 6 }), "device");
    cr_assert_null(arena_copy(&a, (struct text){ "x", SIZE_MAX }));
    arena_reset(&a);
}

Test(arena, is_empty_over_a_block_too_small_to_align, .timeout = 5)
{
    uint8_t first[4];
    struct arena a;

    arena_init(&a, first, 1, 1000);
    cr_assert(!within(arena_alloc(&a, 1, 1), first, sizeof(first)));
    arena_reset(&a);
}
