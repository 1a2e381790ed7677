#include "keyset.h"
#include "known.h"

static struct roots *roots, *other_roots;
static struct keyset *set;
static uint8_t wrapped[WRAP_LEN];

static struct roots *parse(const char *text)
{
    struct secret *file;
    struct roots *r;
    size_t line;

    cr_assert_eq(secret_from(text, strlen(text), &file), RESULT_OK);
    cr_assert_eq(roots_parse(file, &r, &line), RESULT_OK);
    secret_free(file);
    return r;
}

static void setup(void)
{
    cr_assert_geq(sodium_init(), 0);
    roots = parse("4:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
    other_roots = parse("4:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
    cr_assert_eq(keyset_new(&set), RESULT_OK);
}

static void teardown(void)
{
    keyset_release(set);
    roots_free(roots);
    roots_free(other_roots);
}

TestSuite(keyset, .init = setup, .fini = teardown, .timeout = 10);

static struct ring_row row_of(enum ring ring, uint32_t version, enum ring_state state)
{
    uint8_t nonce[GCM_NONCE_LEN] = { 0 };
    struct secret *key = known_secret((uint8_t)(version * 10));

    cr_assert_eq(ring_key_make(roots, ring, (struct text){ NULL, 0 }, version, key, nonce, wrapped), RESULT_OK);
    secret_free(key);
    return (struct ring_row){ .ring = ring, .version = version, .state = state, .root_version = 4, .wrapped = { wrapped, WRAP_LEN } };
}

static void add(enum ring ring, uint32_t version, enum ring_state state)
{
    struct ring_row row = row_of(ring, version, state);

    cr_assert_eq(keyset_add(set, roots, &row), RESULT_OK);
}

Test(keyset, has_each_version_by_its_number_and_the_newest_active_one)
{
    const struct text none = { NULL, 0 };

    add(RING_CONTENT, 1, RING_DECRYPT_ONLY);
    add(RING_CONTENT, 2, RING_ACTIVE);
    add(RING_AUDIO, 1, RING_ACTIVE);
    cr_expect_eq(keyset_active(set, RING_CONTENT, none)->version, 2);
    cr_expect_eq(keyset_active(set, RING_AUDIO, none)->version, 1);
    cr_expect_null(keyset_active(set, RING_FERNET, none));
    cr_expect_eq(keyset_find(set, RING_CONTENT, 1)->state, RING_DECRYPT_ONLY);
    cr_expect_null(keyset_find(set, RING_CONTENT, 3));
    cr_expect_neq(secret_bytes(keyset_find(set, RING_CONTENT, 1)->wrap).data[0],
                  secret_bytes(keyset_find(set, RING_CONTENT, 1)->content).data[0]);
}

Test(keyset, a_destroyed_version_is_there_without_keys)
{
    struct ring_row row = { .ring = RING_CONTENT, .version = 9, .state = RING_DESTROYED };

    cr_assert_eq(keyset_add(set, roots, &row), RESULT_OK);
    cr_expect_null(keyset_find(set, RING_CONTENT, 9)->wrap);
    cr_expect_null(keyset_find(set, RING_CONTENT, 9)->content);
}

Test(keyset, a_row_that_does_not_open_is_told_and_of_no_use)
{
    struct ring_row row = row_of(RING_CONTENT, 1, RING_ACTIVE);

    cr_expect_eq(keyset_add(set, other_roots, &row), RESULT_NOT_AUTHENTIC, "another root key");
    row.root_version = 5;
    cr_expect_eq(keyset_add(set, roots, &row), RESULT_NOT_FOUND, "a root version that is not at hand");
    row = row_of(RING_CONTENT, 1, RING_ACTIVE);
    wrapped[20] ^= 1;
    cr_expect_eq(keyset_add(set, roots, &row), RESULT_NOT_AUTHENTIC, "a byte");
    row = row_of(RING_CONTENT, 1, RING_ACTIVE);
    row.ring = RING_AUDIO;
    cr_expect_eq(keyset_add(set, roots, &row), RESULT_NOT_AUTHENTIC, "moved to another ring");
    row = row_of(RING_CONTENT, 1, RING_ACTIVE);
    row.version = 2;
    cr_expect_eq(keyset_add(set, roots, &row), RESULT_NOT_AUTHENTIC, "moved to another version");
    cr_expect_null(keyset_wrapping(set, RING_CONTENT));
}

Test(keyset, wraps_no_more_than_it_may)
{
    add(RING_AUDIO, 1, RING_ACTIVE);
    keyset_counted(set, RING_AUDIO, 1, 0, WRAPS_MAX - 1);
    cr_expect(keyset_wrapping(set, RING_AUDIO));
    keyset_counted(set, RING_AUDIO, 1, 0, WRAPS_MAX);
    cr_expect_null(keyset_wrapping(set, RING_AUDIO));
}

Test(keyset, lives_as_long_as_somebody_holds_it)
{
    add(RING_AUDIO, 1, RING_ACTIVE);
    struct keyset *held = keyset_hold(set);
    keyset_release(set);
    cr_expect_eq(keyset_find(held, RING_AUDIO, 1)->version, 1);
}
