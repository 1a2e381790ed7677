#include "known.h"
#include "wrap.h"

static struct secret *under, *key;
static uint8_t nonce[GCM_NONCE_LEN], wrapped[WRAP_LEN];
static struct uuid id;

static void setup(void)
{
    cr_assert_geq(sodium_init(), 0);
    under = known_secret(0);
    key = known_secret(100);
    known_fill(nonce, sizeof(nonce), 200);
    id = known_id();
}

static void teardown(void)
{
    secret_free(under);
    secret_free(key);
}

TestSuite(wrap, .init = setup, .fini = teardown, .timeout = 10);

static struct wrap_about about_object(void)
{
    return (struct wrap_about){ WRAP_OBJECT, TEXT("backend"), { id.bytes, sizeof(id.bytes) }, 7, NULL };
}

Test(wrap, is_what_the_contract_says)
{
    const struct context context = { { { TEXT("service"), TEXT("auth") }, { TEXT("a"), TEXT("") } }, 2 };
    const struct {
        struct wrap_about about;
        const char *tag;
    } cases[] = {
        { about_object(), "7ecb707e561515f56374659f73f7dcc8" },
        { { WRAP_OWNER, TEXT("backend"), text_bytes(TEXT("u-1")), 7, NULL }, "ed673bb4ce8bec05bcdb5ebb8802e827" },
        { { WRAP_DATA, TEXT("auth"), { id.bytes, sizeof(id.bytes) }, 7, &context }, "58e93b46e12ed1f495eb4d63bdbedcc7" },
        { { WRAP_RING, TEXT(""), text_bytes(TEXT("content")), 7, NULL }, "506becc96f277a1315ffb9ef1d36627e" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cr_assert_eq(wrap_seal(under, &cases[i].about, nonce, key, wrapped), RESULT_OK);
        known_is(wrapped, GCM_NONCE_LEN, "c8c9cacbcccdcecfd0d1d2d3");
        known_is(wrapped + GCM_NONCE_LEN, WRAP_KEY_LEN, "751d07bceea5914b185171d16e77996794f29adf7c12d25f91d4459e5a10296a");
        known_is(wrapped + WRAP_LEN - GCM_TAG_LEN, GCM_TAG_LEN, cases[i].tag);
    }
}

Test(wrap, opens_to_the_key)
{
    struct wrap_about about = about_object();
    struct secret *got;

    cr_assert_eq(wrap_seal(under, &about, nonce, key, wrapped), RESULT_OK);
    cr_assert_eq(wrap_open(under, &about, (struct bytes){ wrapped, WRAP_LEN }, &got), RESULT_OK);
    cr_expect(secret_equal(got, secret_bytes(key)));
    secret_free(got);
}

static void refused(const struct secret *by, const struct wrap_about *about, struct bytes in, const char *what)
{
    struct secret *got = NULL;

    cr_expect_eq(wrap_open(by, about, in, &got), RESULT_NOT_AUTHENTIC, "%s", what);
    cr_expect_null(got);
}

Test(wrap, opens_as_nothing_else)
{
    const struct context none = { .count = 0 }, some = { { { TEXT("k"), TEXT("v") } }, 1 };
    struct bytes in = { wrapped, WRAP_LEN };
    struct secret *other = known_secret(1);
    struct wrap_about about = about_object(), wrong;
    struct uuid id2 = id;

    cr_assert_eq(wrap_seal(under, &about, nonce, key, wrapped), RESULT_OK);
    refused(other, &about, in, "another key");
    wrong = about, wrong.kind = WRAP_DATA, wrong.context = &none;
    refused(under, &wrong, in, "kind");
    wrong = about, wrong.realm = TEXT("backen");
    refused(under, &wrong, in, "realm");
    wrong = about, wrong.version = 8;
    refused(under, &wrong, in, "version");
    id2.bytes[15] ^= 1;
    wrong = about, wrong.id.data = id2.bytes;
    refused(under, &wrong, in, "id");
    wrong = about, wrong.context = &some;
    refused(under, &wrong, in, "context");
    /* "ab" ‖ "c" is not "a" ‖ "bc". */
    about = (struct wrap_about){ WRAP_OWNER, TEXT("ab"), text_bytes(TEXT("c")), 1, NULL };
    cr_assert_eq(wrap_seal(under, &about, nonce, key, wrapped), RESULT_OK);
    wrong = (struct wrap_about){ WRAP_OWNER, TEXT("a"), text_bytes(TEXT("bc")), 1, NULL };
    refused(under, &wrong, in, "a border moved");
    secret_free(other);
}

Test(wrap, every_byte_and_the_length_count)
{
    struct wrap_about about = about_object();

    cr_assert_eq(wrap_seal(under, &about, nonce, key, wrapped), RESULT_OK);
    for (size_t i = 0; i < WRAP_LEN; i++) {
        wrapped[i] ^= 0x80;
        refused(under, &about, (struct bytes){ wrapped, WRAP_LEN }, "a byte");
        wrapped[i] ^= 0x80;
    }
    for (size_t n = 0; n < WRAP_LEN; n++)
        refused(under, &about, (struct bytes){ wrapped, n }, "cut");
}

Test(wrap, takes_keys_of_32_bytes_alone)
{
    struct wrap_about about = about_object();
    struct secret *shorter, *got;

    cr_assert_eq(secret_new(31, &shorter), RESULT_OK);
    cr_expect_eq(wrap_seal(shorter, &about, nonce, key, wrapped), RESULT_OUT_OF_RANGE);
    cr_expect_eq(wrap_seal(under, &about, nonce, shorter, wrapped), RESULT_OUT_OF_RANGE);
    memset(wrapped, 0, sizeof(wrapped));
    cr_expect_eq(wrap_open(shorter, &about, (struct bytes){ wrapped, WRAP_LEN }, &got), RESULT_OUT_OF_RANGE);
    secret_free(shorter);
}
