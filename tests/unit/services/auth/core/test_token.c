#include "token.h"

#include <criterion/criterion.h>
#include <sodium.h>

static const struct uuid SESSION = { { 0x01, 0x93, 0xfb, 0xff, 0xfe, 5, 0x70, 7, 0x80, 9, 10, 11, 12, 13, 14, 15 } };
static uint8_t secret[TOKEN_SECRET_LEN], digest[TOKEN_DIGEST_LEN];
static char text[TOKEN_TEXT_LEN + 1];

static void setup(void)
{
    cr_assert_geq(sodium_init(), 0);
    for (size_t i = 0; i < sizeof(secret); i++)
        secret[i] = (uint8_t)(0xff - i * 7);
    token_make(&SESSION, secret, text, digest);
}

TestSuite(token, .init = setup, .timeout = 10);

Test(token, is_the_prefix_and_base64url_of_id_and_secret)
{
    uint8_t raw[48], sha[32];
    size_t len;

    cr_assert_eq(strlen(text), TOKEN_TEXT_LEN);
    cr_assert_eq(strncmp(text, "hls_", 4), 0);
    cr_assert_eq(sodium_base642bin(raw, sizeof(raw), text + 4, 64, NULL, &len, NULL,
                                   sodium_base64_VARIANT_URLSAFE_NO_PADDING), 0);
    cr_expect_arr_eq(raw, SESSION.bytes, 16);
    cr_expect_arr_eq(raw + 16, secret, sizeof(secret));
    crypto_hash_sha256(sha, secret, sizeof(secret));
    cr_expect_arr_eq(digest, sha, sizeof(sha));
}

Test(token, parses_to_what_it_was_made_of)
{
    struct token t;

    cr_assert_eq(token_parse(text_of(text), &t), RESULT_OK);
    cr_expect_arr_eq(t.session.bytes, SESSION.bytes, 16);
    cr_expect(token_matches(&t, (struct bytes){ digest, sizeof(digest) }));
}

Test(token, another_secret_or_a_cut_digest_does_not_match)
{
    struct token t;

    cr_assert_eq(token_parse(text_of(text), &t), RESULT_OK);
    for (size_t i = 0; i < sizeof(digest); i++) {
        digest[i] ^= 1;
        cr_expect(!token_matches(&t, (struct bytes){ digest, sizeof(digest) }), "%zu", i);
        digest[i] ^= 1;
    }
    cr_expect(!token_matches(&t, (struct bytes){ digest, sizeof(digest) - 1 }));
    cr_expect(!token_matches(&t, (struct bytes){ NULL, 0 }));
}

/* What stands in place of the token's character at that position; 0 cuts there. */
static const struct {
    size_t at;
    char put;
} BENT[] = {
    { 0, 'H' }, { 3, '-' }, { 4, '+' }, { 4, '/' }, { 67, '=' }, { 67, ' ' }, { 67, '\n' }, { 30, '\r' }, { 30, '%' },
    { 67, (char)0xc5 }, { 67, 0 }, { 4, 0 }, { 3, 0 }, { 0, 0 },
};

Test(token, any_other_text_is_none)
{
    struct token t;
    char bent[TOKEN_TEXT_LEN + 2];

    for (size_t i = 0; i < sizeof(BENT) / sizeof(BENT[0]); i++) {
        memcpy(bent, text, sizeof(text));
        bent[BENT[i].at] = BENT[i].put;
        cr_expect_eq(token_parse(text_of(bent), &t), RESULT_MALFORMED, "%zu", i);
    }
    memcpy(bent, text, TOKEN_TEXT_LEN);
    for (const char *more = "A= \n"; *more; more++) {
        bent[TOKEN_TEXT_LEN] = *more;
        cr_expect_eq(token_parse((struct text){ bent, TOKEN_TEXT_LEN + 1 }, &t), RESULT_MALFORMED);
    }
    cr_expect_eq(token_parse((struct text){ text, TOKEN_TEXT_LEN + 1 }, &t), RESULT_MALFORMED, "a NUL after it");
    for (int c = 128; c < 256; c++) {
        memcpy(bent, text, sizeof(text));
        bent[40] = (char)c;
        cr_expect_eq(token_parse(text_of(bent), &t), RESULT_MALFORMED, "%d", c);
    }
    memcpy(bent, text, TOKEN_TEXT_LEN);
    bent[20] = 0;
    cr_expect_eq(token_parse((struct text){ bent, TOKEN_TEXT_LEN }, &t), RESULT_MALFORMED, "a NUL within");
    cr_expect_eq(token_parse((struct text){ NULL, 0 }, &t), RESULT_MALFORMED);
}

Test(token, has_one_text)
{
    struct token t;
    char other[TOKEN_TEXT_LEN + 1];

    for (size_t i = 4; i < TOKEN_TEXT_LEN; i++) {
        memcpy(other, text, sizeof(text));
        other[i] = other[i] == 'A' ? 'B' : 'A';
        cr_assert_eq(token_parse(text_of(other), &t), RESULT_OK);
        cr_expect(memcmp(t.session.bytes, SESSION.bytes, 16) != 0
                  || !token_matches(&t, (struct bytes){ digest, sizeof(digest) }), "%zu", i);
    }
}
