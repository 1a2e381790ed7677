#include "known.h"
#include "wrapped_key.h"

static const struct context CONTEXT = { { { TEXT("service"), TEXT("auth") } }, 1 };
static struct secret *under, *key;
static uint8_t wrapped[WRAPPED_KEY_LEN];
static struct uuid id;

static void setup(void)
{
    uint8_t nonce[GCM_NONCE_LEN];

    cr_assert_geq(sodium_init(), 0);
    under = known_secret(0);
    key = known_secret(100);
    known_fill(nonce, sizeof(nonce), 200);
    id = known_id();
    cr_assert_eq(wrapped_key_seal(under, 7, TEXT("auth"), &id, &CONTEXT, nonce, key, wrapped), RESULT_OK);
}

static void teardown(void)
{
    secret_free(under);
    secret_free(key);
}

TestSuite(wrapped_key, .init = setup, .fini = teardown, .timeout = 10);

Test(wrapped_key, says_its_version_and_id_in_clear)
{
    struct wrapped_key w;
    struct secret *got;

    known_is(wrapped, 24, "686c643100000007a0a1a2a3a4a5a6a7a8a9aaabacadaeaf");
    cr_assert_eq(wrapped_key_read((struct bytes){ wrapped, sizeof(wrapped) }, &w), RESULT_OK);
    cr_expect_eq(w.version, 7);
    cr_expect_arr_eq(w.id.bytes, id.bytes, sizeof(id.bytes));
    cr_assert_eq(wrapped_key_open(under, &w, TEXT("auth"), &CONTEXT, &got), RESULT_OK);
    cr_expect(secret_equal(got, secret_bytes(key)));
    secret_free(got);
}

Test(wrapped_key, opens_for_its_realm_and_context_alone)
{
    const struct context others[] = { { .count = 0 }, { { { TEXT("service"), TEXT("audit") } }, 1 } };
    struct wrapped_key w;
    struct secret *got;

    cr_assert_eq(wrapped_key_read((struct bytes){ wrapped, sizeof(wrapped) }, &w), RESULT_OK);
    cr_expect_eq(wrapped_key_open(under, &w, TEXT("audit"), &CONTEXT, &got), RESULT_NOT_AUTHENTIC);
    for (size_t i = 0; i < 2; i++)
        cr_expect_eq(wrapped_key_open(under, &w, TEXT("auth"), &others[i], &got), RESULT_NOT_AUTHENTIC);
}

Test(wrapped_key, every_byte_and_the_length_count)
{
    struct wrapped_key w;
    struct secret *got;

    for (size_t i = 0; i < sizeof(wrapped); i++) {
        wrapped[i] ^= 1;
        if (!wrapped_key_read((struct bytes){ wrapped, sizeof(wrapped) }, &w))
            cr_expect_eq(wrapped_key_open(under, &w, TEXT("auth"), &CONTEXT, &got), RESULT_NOT_AUTHENTIC, "byte %zu", i);
        else
            cr_expect_lt(i, 4, "only the mark is looked at, not byte %zu", i);
        wrapped[i] ^= 1;
    }
    for (size_t n = 0; n < sizeof(wrapped); n++)
        cr_expect_eq(wrapped_key_read((struct bytes){ wrapped, n }, &w), RESULT_MALFORMED);
}
