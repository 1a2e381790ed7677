#include "due.h"

#include <criterion/criterion.h>

#define ENTRIES 257u

/* A fixed sequence that looks like none: x -> 5x + 3 modulo a power of two visits all. */
static uint64_t scattered(unsigned i)
{
    return (uint64_t)i * 2654435761u % 1009;
}

Test(due, what_is_due_first_comes_first_whatever_moved_or_left, .timeout = 5)
{
    static struct due_entry entries[ENTRIES];
    struct due d;
    uint64_t last_ms = 0;
    unsigned left = 0;

    cr_assert_not(due_init(&d, ENTRIES));
    for (unsigned i = 0; i < ENTRIES; i++)
        cr_assert_not(due_add(&d, &entries[i], scattered(i)));
    for (unsigned i = 0; i < ENTRIES; i += 3)
        due_move(&d, &entries[i], scattered(i + 7));
    for (unsigned i = 1; i < ENTRIES; i += 5)
        due_remove(&d, &entries[i]);
    size_t expected = d.count;
    for (struct due_entry *e; (e = due_first(&d)) != NULL; left++) {
        cr_assert_geq(e->at_ms, last_ms);
        last_ms = e->at_ms;
        due_remove(&d, e);
    }
    cr_assert_eq(left, expected);
    due_free(&d);
}

Test(due, a_full_heap_takes_no_more, .timeout = 5)
{
    struct due_entry a = { 0 }, b = { 0 };
    struct due d;

    cr_assert_not(due_init(&d, 1));
    cr_assert_null(due_first(&d));
    cr_assert_not(due_add(&d, &a, 5));
    cr_assert_eq(due_add(&d, &b, 1), RESULT_FULL);
    cr_assert_eq(due_first(&d), &a);
    due_free(&d);
}
