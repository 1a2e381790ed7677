#include "key_cache.h"

#include <criterion/criterion.h>
#include <sodium.h>

static struct key_cache *cache_of(size_t limit)
{
    struct key_cache *c = NULL;

    cr_assert_geq(sodium_init(), 0);
    cr_assert_eq(key_cache_new(limit, &c), RESULT_OK);
    return c;
}

static struct key_pair pair_of(uint8_t own, uint8_t role, uint8_t peer)
{
    struct key_pair p = { .own = own, .role = role };

    memset(p.peer, peer, sizeof(p.peer));
    return p;
}

Test(key_cache, keeps_keys_by_pair_and_role, .timeout = 5)
{
    struct key_cache *c = cache_of(8);
    struct key_pair pairs[] = { pair_of(0, 0, 1), pair_of(1, 0, 1), pair_of(0, 1, 1), pair_of(0, 0, 2) };

    for (uint8_t i = 0; i < 4; i++) {
        cr_assert_null(key_cache_get(c, &pairs[i]));
        memset(key_cache_add(c, &pairs[i]), 10 + i, KEY_CACHE_PAIR_LEN);
    }
    for (uint8_t i = 0; i < 4; i++)
        cr_assert(key_cache_get(c, &pairs[i])[0] == 10 + i && key_cache_get(c, &pairs[i])[63] == 10 + i);
    key_cache_remove(c, &pairs[2]);
    cr_assert_null(key_cache_get(c, &pairs[2]));
    cr_assert_eq(key_cache_count(c), 3);
    key_cache_free(c);
}

Test(key_cache, is_bounded_and_keeps_what_is_asked_for, .timeout = 5)
{
    struct key_cache *c = cache_of(4);
    struct key_pair busy = pair_of(0, 0, 0);

    memset(key_cache_add(c, &busy), 77, KEY_CACHE_PAIR_LEN);
    for (unsigned i = 1; i < 200; i++) {
        struct key_pair p = pair_of(0, 0, (uint8_t)i);

        memset(key_cache_add(c, &p), (int)i, KEY_CACHE_PAIR_LEN);
        cr_assert_leq(key_cache_count(c), 4);
        cr_assert_eq(key_cache_get(c, &p)[0], (uint8_t)i);
        cr_assert_not_null(key_cache_get(c, &busy), "after %u others", i);
        cr_assert_eq(key_cache_get(c, &busy)[0], 77);
    }
    key_cache_free(c);
}
