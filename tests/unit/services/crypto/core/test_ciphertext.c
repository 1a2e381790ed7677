#include "ciphertext.h"
#include "known.h"

#define PLAIN "dobry den"
#define LEN (sizeof(PLAIN) - 1)

static const struct context CONTEXT = { { { TEXT("user"), TEXT("u1") }, { TEXT("row"), TEXT("7") } }, 2 };
static const struct ciphertext_about ABOUT = { TEXT("backend"), &CONTEXT };
static uint8_t sealed[CIPHERTEXT_LEN(LEN)], out[64];
static struct secret *key;

static void setup(void)
{
    struct ciphertext_head head = { 7, true, known_id() };
    uint8_t salt[COBBLESTONE_SALT_LEN];

    cr_assert_geq(sodium_init(), 0);
    key = known_secret(0);
    known_fill(salt, sizeof(salt), 50);
    cr_assert_eq(ciphertext_seal(secret_bytes(key), &head, &ABOUT, salt, (struct bytes){ (const uint8_t *)PLAIN, LEN }, sealed),
                 RESULT_OK);
}

static void teardown(void)
{
    secret_free(key);
}

TestSuite(ciphertext, .init = setup, .fini = teardown, .timeout = 20);

Test(ciphertext, is_what_the_contract_says)
{
    const struct context none = { .count = 0 };
    struct ciphertext_head head = { .version = 7 };
    uint8_t salt[COBBLESTONE_SALT_LEN], empty[CIPHERTEXT_LEN(0)];

    known_is(sealed, sizeof(sealed),
             "686c633100000007a0a1a2a3a4a5a6a7a8a9aaabacadaeaf32333435363738393a3b3c3d3e3f40414243444546474849372338242b603b344ac1"
             "f5fad32ba02c8928a10af1948c12dd47624e99d21eb92eaf93ba1fe510421c6e4e67e2b9e41b9d4b132c9a3ea8face");
    known_fill(salt, sizeof(salt), 50);
    cr_assert_eq(ciphertext_seal(secret_bytes(key), &head, &(struct ciphertext_about){ TEXT("backend"), &none }, salt,
                                 (struct bytes){ NULL, 0 }, empty), RESULT_OK);
    known_is(empty, sizeof(empty),
             "686c6331000000070000000000000000000000000000000032333435363738393a3b3c3d3e3f404142434445464748492e607b312f0d311bb76e"
             "522dd40264b65062bbee657aa6db08636b6458905d692a37618c08731e7d7a9549592a15d24f");
}

Test(ciphertext, tells_whose_key_it_is_under)
{
    struct ciphertext_head head;
    size_t len;

    cr_assert_eq(ciphertext_read((struct bytes){ sealed, sizeof(sealed) }, &head, &len), RESULT_OK);
    cr_expect(head.owned && head.version == 7 && len == LEN);
    cr_assert_eq(ciphertext_open(secret_bytes(key), &ABOUT, (struct bytes){ sealed, sizeof(sealed) }, out), RESULT_OK);
    cr_expect_arr_eq(out, PLAIN, LEN);
    memset(sealed + 8, 0, 16);
    cr_assert_eq(ciphertext_read((struct bytes){ sealed, sizeof(sealed) }, &head, &len), RESULT_OK);
    cr_expect_not(head.owned);
}

Test(ciphertext, every_byte_and_the_length_count)
{
    struct ciphertext_head head;
    size_t len;

    for (size_t i = 0; i < sizeof(sealed); i++) {
        sealed[i] ^= 0x40;
        cr_expect_neq(ciphertext_open(secret_bytes(key), &ABOUT, (struct bytes){ sealed, sizeof(sealed) }, out), RESULT_OK);
        sealed[i] ^= 0x40;
    }
    for (size_t n = 0; n < sizeof(sealed); n++) {
        struct bytes cut = { sealed, n };
        if (!ciphertext_read(cut, &head, &len))
            cr_expect_eq(ciphertext_open(secret_bytes(key), &ABOUT, cut, out), RESULT_NOT_AUTHENTIC, "%zu", n);
        else
            cr_expect_neq(ciphertext_open(secret_bytes(key), &ABOUT, cut, out), RESULT_OK, "%zu", n);
    }
}

Test(ciphertext, is_of_its_realm_and_context_alone)
{
    static const struct context WRONG[] = {
        { .count = 0 },
        { { { TEXT("user"), TEXT("u1") } }, 1 },
        { { { TEXT("user"), TEXT("7") }, { TEXT("row"), TEXT("u1") } }, 2 },
        { { { TEXT("user"), TEXT("u") }, { TEXT("row"), TEXT("17") } }, 2 },
        { { { TEXT("use"), TEXT("ru1") }, { TEXT("row"), TEXT("7") } }, 2 },
        { { { TEXT("user"), TEXT("u1") }, { TEXT("row"), TEXT("7") }, { TEXT("x"), TEXT("") } }, 3 },
    };
    static const struct context TURNED = { { { TEXT("row"), TEXT("7") }, { TEXT("user"), TEXT("u1") } }, 2 };
    struct bytes in = { sealed, sizeof(sealed) };

    for (size_t i = 0; i < sizeof(WRONG) / sizeof(WRONG[0]); i++)
        cr_expect_eq(ciphertext_open(secret_bytes(key), &(struct ciphertext_about){ TEXT("backend"), &WRONG[i] }, in, out),
                     RESULT_NOT_AUTHENTIC, "%zu", i);
    cr_expect_eq(ciphertext_open(secret_bytes(key), &(struct ciphertext_about){ TEXT("ops"), &CONTEXT }, in, out),
                 RESULT_NOT_AUTHENTIC);
    cr_expect_eq(ciphertext_open(secret_bytes(key), &(struct ciphertext_about){ TEXT("backend"), &TURNED }, in, out), RESULT_OK,
                 "the order of the pairs does not matter");
}
