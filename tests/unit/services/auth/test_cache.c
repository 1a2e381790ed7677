#include "cache.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define SECOND UINT64_C(1000000000)
#define READ (100 * SECOND)             /* when readings begin, unless a test says otherwise */

static const uint8_t SEED[16] = { 1 };
static struct cache *c;

static void begin(size_t sessions)
{
    cr_assert(!cache_new(sessions, SEED, &c));
    cache_missed(c, 10 * SECOND);
}

static void end(void)
{
    cache_free(c);
}

static struct uuid id_of(uint32_t n)
{
    struct uuid id = { { 0 } };

    bytes_put_u32(id.bytes, n);
    return id;
}

static struct text ROLES[] = { { "admin", 5 }, { "a-role-with-a-longer-name", 25 } };

static void keep(uint32_t n, const char *user, uint64_t began)
{
    struct known_session s = {
        .life.id = id_of(n),
        .digest = { (uint8_t)n, 1, 2 },
        .shown = {
            .active = true, .user_id = text_of(user),
            .telegram_id = TEXT("12345"), .tier = TEXT("premium"), .roles = { ROLES, 2 }, .has_roles = true,
            .aal = 2, .has_aal = true, .last_activity = 1000 + n, .has_last_activity = true,
        },
    };

    cache_keep(c, &s, began);
}

static bool held(uint32_t n)
{
    struct uuid id = id_of(n);

    return cache_find(c, &id) != NULL;
}

static void revoke_one(uint32_t n, const char *user, uint64_t now)
{
    struct uuid id = id_of(n);

    cache_revoked(c, text_of(user), &id, now);
}

Test(cache, holds_a_copy_of_all_that_is_shown, .timeout = 5)
{
    char user[] = "u-1", role[] = "rr";
    struct text roles[] = { { role, 2 } };
    struct known_session s = { .life.id = id_of(7), .digest = { 9 }, .shown = { .active = true, .user_id = text_of(user),
                                .roles = { roles, 1 }, .has_roles = true, .expires_at = 5, .has_expires_at = true } };
    struct uuid id = id_of(7);

    begin(4);
    cache_keep(c, &s, READ);
    memset(user, 'x', sizeof(user) - 1);
    memset(role, 'x', 2);
    roles[0].len = 1;
    const struct known_session *got = cache_find(c, &id);
    cr_assert(got);
    cr_expect(text_equal(got->shown.user_id, TEXT("u-1")));
    cr_expect_eq(got->shown.roles.count, 1);
    cr_expect(text_equal(got->shown.roles.items[0], TEXT("rr")));
    cr_expect_null(got->shown.telegram_id.data, "absent stays absent");
    cr_expect_eq(got->shown.expires_at, 5);
    cr_expect_eq(got->digest[0], 9);
    end();
}

Test(cache, a_newer_row_takes_the_older_ones_place, .timeout = 5)
{
    begin(4);
    keep(1, "u-1", READ);
    keep(1, "u-1", READ + 1);
    cr_expect_eq(cache_count(c), 1);
    revoke_one(1, "u-1", READ + 2);
    cr_expect_not(held(1));
    cr_expect_eq(cache_stats(c)->bytes, 0);
    end();
}

Test(cache, a_revocation_forgets_the_one_or_all_of_the_user, .timeout = 5)
{
    begin(64);
    for (uint32_t n = 0; n < 20; n++)
        keep(n, "u-1", READ);
    keep(30, "u-2", READ);
    keep(31, "u-2", READ);
    revoke_one(7, "u-1", READ + SECOND);
    cr_expect(!held(7) && held(6) && held(8) && held(30));
    cache_revoked(c, TEXT("u-1"), NULL, READ + 2 * SECOND);
    for (uint32_t n = 0; n < 20; n++)
        cr_expect_not(held(n), "%u", n);
    cr_expect(held(30) && held(31));
    cr_expect_eq(cache_stats(c)->forgotten, 20);
    cache_revoked(c, TEXT("nobody"), NULL, READ + 3 * SECOND);
    cr_expect_eq(cache_count(c), 2);
    end();
}

/* The order in which a row and a revocation of it come. */
Test(cache, a_row_that_was_read_before_its_revocation_came_is_not_kept, .timeout = 5)
{
    static const struct {
        bool by_user;
        uint64_t began;
        bool kept;
    } CASES[] = {
        { false, READ - 1, false }, { false, READ, false }, { false, READ + 1, true },
        { true, READ - 1, false },  { true, READ, false },  { true, READ + 1, true },
    };

    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct uuid id = id_of(1);
        begin(4);
        cache_revoked(c, TEXT("u-1"), CASES[i].by_user ? NULL : &id, READ);
        keep(1, "u-1", CASES[i].began);
        cr_expect_eq(held(1), CASES[i].kept, "case %zu", i);
        cr_expect_eq(cache_overtaken(c, &id, TEXT("u-1"), CASES[i].began), !CASES[i].kept, "case %zu", i);
        keep(2, "u-2", CASES[i].began);
        cr_expect(held(2), "another user's: case %zu", i);
        end();
    }
}

Test(cache, before_and_after_a_gap_nothing_is_held, .timeout = 5)
{
    struct uuid id = id_of(1);

    cr_assert(!cache_new(4, SEED, &c));
    keep(1, "u-1", READ);
    cr_expect_not(held(1), "the topic has not been read yet");
    cr_expect_not(cache_overtaken(c, &id, TEXT("u-1"), READ), "but the row is true of its moment");
    cache_missed(c, READ + 1);
    keep(1, "u-1", READ + 1);
    cr_expect_not(held(1));
    keep(1, "u-1", READ + 2);
    cr_expect(held(1));
    cache_missed(c, READ + 3);
    cr_expect_eq(cache_count(c), 0);
    keep(1, "u-1", READ + 2);
    cr_expect_not(held(1), "its reading began before the gap");
    keep(1, "u-1", READ + 4);
    cr_expect(held(1));
    end();
}

Test(cache, who_was_not_asked_for_the_longest_gives_way, .timeout = 5)
{
    begin(3);
    keep(1, "u-1", READ);
    keep(2, "u-1", READ);
    keep(3, "u-2", READ);
    cr_assert(held(1));
    keep(4, "u-3", READ);
    cr_expect(held(1) && !held(2) && held(3) && held(4));
    cr_expect_eq(cache_stats(c)->evicted, 1);
    end();
}

Test(cache, its_bytes_are_bounded_too, .timeout = 10)
{
    static char long_role[64];
    struct text many[32];

    begin(100);
    memset(long_role, 'r', sizeof(long_role));
    for (size_t i = 0; i < 32; i++)
        many[i] = (struct text){ long_role, sizeof(long_role) };
    for (uint32_t n = 0; n < 1000; n++) {
        struct known_session s = { .life.id = id_of(n), .shown = { .user_id = TEXT("u-1"), .roles = { many, 32 }, .has_roles = true } };
        cache_keep(c, &s, READ);
        cr_assert(held(n));
        cr_assert_leq(cache_stats(c)->bytes, 100 * CACHE_BYTES_EACH);
    }
    cr_expect_lt(cache_count(c), 100);
    cr_expect_gt(cache_count(c), 20);
    end();
}

/* Against a plain list of what should be held, over many steps in a fixed order. */
Test(cache, is_right_after_any_sequence, .timeout = 30)
{
    enum { SESSIONS = 40, USERS = 7 };
    bool model[SESSIONS] = { false };
    uint32_t x = 12345;

    begin(1000);
    for (uint64_t step = 1; step < 200000; step++) {
        uint64_t now = READ + step;
        x = x * 1664525u + 1013904223u;
        uint32_t n = (x >> 8) % SESSIONS;
        char user[8];
        snprintf(user, sizeof(user), "u-%u", n % USERS);
        switch ((x >> 24) % 16) {
        case 0:
            cache_revoked(c, text_of(user), NULL, now);
            for (uint32_t i = n % USERS; i < SESSIONS; i += USERS)
                model[i] = false;
            break;
        case 1:
        case 2:
            revoke_one(n, user, now);
            model[n] = false;
            break;
        case 3:
            if ((x >> 16) % 16 == 0) {
                cache_missed(c, now);
                memset(model, 0, sizeof(model));
            }
            break;
        default:
            keep(n, user, now);
            model[n] = true;
        }
        cr_assert_eq(held(n), model[n], "step %llu", (unsigned long long)step);
        if (step % 1000 == 0)
            for (uint32_t i = 0; i < SESSIONS; i++)
                cr_assert_eq(held(i), model[i]);
    }
    end();
}
