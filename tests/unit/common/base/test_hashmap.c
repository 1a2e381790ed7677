#include "hashmap.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static const uint8_t SEED[16] = "0123456789abcde";

static struct hashmap *map_of_u32(size_t limit)
{
    struct hashmap *m;

    cr_assert_eq(hashmap_new(sizeof(uint32_t), limit, SEED, &m), RESULT_OK);
    return m;
}

Test(hashmap, keeps_what_is_put_until_it_is_removed, .timeout = 5)
{
    struct hashmap *m = map_of_u32(10);
    int one = 1, two = 2;
    uint32_t key = 7;

    cr_assert_null(hashmap_get(m, &key));
    cr_assert_null(hashmap_remove(m, &key));
    cr_assert_eq(hashmap_put(m, &key, &one), RESULT_OK);
    cr_assert_eq(hashmap_put(m, &key, &two), RESULT_EXISTS);
    cr_assert_eq(hashmap_get(m, &key), &one);
    cr_assert_eq(hashmap_remove(m, &key), &one);
    cr_assert_null(hashmap_get(m, &key));
    cr_assert_eq(hashmap_count(m), 0);
    hashmap_free(m);
    hashmap_free(NULL);
}

Test(hashmap, refuses_more_than_its_limit, .timeout = 5)
{
    struct hashmap *m = map_of_u32(100);
    int value;
    uint32_t key;

    for (key = 0; key < 100; key++)
        cr_assert_eq(hashmap_put(m, &key, &value), RESULT_OK);
    cr_assert_eq(hashmap_put(m, &key, &value), RESULT_FULL);
    key = 50;
    cr_assert_eq(hashmap_put(m, &key, &value), RESULT_EXISTS);
    cr_assert_eq(hashmap_remove(m, &key), &value);
    key = 100;
    cr_assert_eq(hashmap_put(m, &key, &value), RESULT_OK);
    cr_assert_eq(hashmap_put(m, &key, NULL), RESULT_INTERNAL);
    hashmap_free(m);
}

Test(hashmap, agrees_with_an_array_over_many_random_steps, .timeout = 20)
{
    enum { KEYS = 500, STEPS = 200000 };
    static int values[KEYS];
    bool there[KEYS] = { false };
    size_t count = 0;
    struct hashmap *m = map_of_u32(KEYS);
    uint32_t state = 12345;

    for (unsigned step = 0; step < STEPS; step++) {
        state = state * 1664525u + 1013904223u;
        uint32_t key = (state >> 8) % KEYS;
        if (state >> 31) {
            cr_assert_eq(hashmap_put(m, &key, &values[key]), there[key] ? RESULT_EXISTS : RESULT_OK);
            count += !there[key];
            there[key] = true;
        } else {
            cr_assert_eq(hashmap_remove(m, &key), there[key] ? &values[key] : NULL);
            count -= there[key];
            there[key] = false;
        }
        cr_assert_eq(hashmap_count(m), count);
        key = step % KEYS;
        cr_assert_eq(hashmap_get(m, &key), there[key] ? &values[key] : NULL);
    }
    hashmap_free(m);
}

static bool remove_odd(void *cookie, const void *key, void *value)
{
    unsigned *visits = cookie;
    uint32_t k;

    memcpy(&k, key, sizeof(k));
    visits[k]++;
    return *(uint32_t *)value % 2;
}

Test(hashmap, sweeps_each_entry_once_while_some_are_removed, .timeout = 10)
{
    enum { KEYS = 3000 };
    static uint32_t values[KEYS];
    struct hashmap *m = map_of_u32(KEYS);
    static unsigned visits[KEYS];

    for (uint32_t key = 0; key < KEYS; key++) {
        values[key] = key;
        cr_assert_eq(hashmap_put(m, &key, &values[key]), RESULT_OK);
    }
    hashmap_sweep(m, remove_odd, visits);
    cr_assert_eq(hashmap_count(m), KEYS / 2);
    for (uint32_t key = 0; key < KEYS; key++) {
        cr_assert_eq(visits[key], 1, "%u", key);
        cr_assert_eq(hashmap_get(m, &key), key % 2 ? NULL : &values[key]);
    }
    hashmap_free(m);
}

Test(hashmap, compares_keys_of_odd_lengths_in_full, .timeout = 5)
{
    struct hashmap *m;
    int one, two;

    cr_assert_eq(hashmap_new(33, 10, SEED, &m), RESULT_OK);
    uint8_t a[33] = { 0 }, b[33] = { 0 };
    b[32] = 1;
    cr_assert_eq(hashmap_put(m, a, &one), RESULT_OK);
    cr_assert_eq(hashmap_put(m, b, &two), RESULT_OK);
    cr_assert_eq(hashmap_get(m, a), &one);
    cr_assert_eq(hashmap_get(m, b), &two);
    hashmap_free(m);
}
