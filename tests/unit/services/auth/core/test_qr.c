#include "qr.h"

#include <criterion/criterion.h>
#include <sodium.h>
#include <stdlib.h>

TestSuite(qr, .timeout = 30);

static struct qr q;

static const struct {
    size_t len;
    unsigned size;
} SIZES[] = {
    { 0, 21 }, { 14, 21 }, { 15, 25 }, { 26, 25 }, { 27, 29 }, { 106, 41 }, { 107, 45 }, { 152, 49 }, { 180, 53 }, { 181, 57 }, { 213, 57 },
    { 1370, 137 },
};

Test(qr, is_as_small_as_its_text_allows)
{
    static uint8_t text[QR_TEXT_MAX + 1];

    for (size_t i = 0; i < sizeof(SIZES) / sizeof(SIZES[0]); i++) {
        cr_expect_eq(qr_encode((struct bytes){ text, SIZES[i].len }, &q), RESULT_OK);
        cr_expect_eq(q.size, SIZES[i].size, "%zu: %u", SIZES[i].len, q.size);
    }
    cr_expect_eq(qr_encode((struct bytes){ text, QR_TEXT_MAX + 1 }, &q), RESULT_TOO_LARGE);
}

/* As an independent reader (zxing-cpp) read them: SHA-256 of the modules, row by row; of a text of so many times `a`. */
static const struct {
    size_t len;
    const char *sha256;
} READ_BACK[] = {
    { 5, "1aa09a7e7a4d3cef2e56f1a3e9d7844a4cf1f040fe52b272f1c6d604e164e435" },
    { 60, "f8f6cc4b136290bba0e61619a1d796705eb8c93d8e33790132e98add992bc04a" },
    { 130, "4fdb0a2651fbb93489f3e1afc2a5ab2dd52f17159e7980caf7dab29ee57ad271" },
    { 300, "c592410fe7bde1461acef51f628213fdf0a99e803d43f5c591e9ecd203005312" },
    { 900, "aeb38fd7d8b0bc943506e58b8610698f4f69aceacaad5f4472032e748e77267d" },
    { 1370, "729a5ce1c91c9369338f3892bfdff730dfc9cfc369ea8d76dfa02551f4e02ed3" },
};

Test(qr, is_what_a_reader_has_read)
{
    static uint8_t text[QR_TEXT_MAX];

    memset(text, 'a', sizeof(text));
    for (size_t i = 0; i < sizeof(READ_BACK) / sizeof(READ_BACK[0]); i++) {
        crypto_hash_sha256_state state;
        uint8_t digest[32];
        char hex[65];

        cr_assert_eq(qr_encode((struct bytes){ text, READ_BACK[i].len }, &q), RESULT_OK);
        crypto_hash_sha256_init(&state);
        for (unsigned y = 0; y < q.size; y++)
            crypto_hash_sha256_update(&state, q.dark[y], q.size);
        crypto_hash_sha256_final(&state, digest);
        cr_expect_str_eq(sodium_bin2hex(hex, sizeof(hex), digest, sizeof(digest)), READ_BACK[i].sha256, "%zu", READ_BACK[i].len);
    }
}

Test(qr, is_drawn_with_a_quiet_zone_and_every_dark_module)
{
    struct buffer out;
    unsigned dark = 0, drawn = 0;

    buffer_init(&out, 100000);
    cr_assert_eq(qr_encode((struct bytes){ (const uint8_t *)"HELLO", 5 }, &q), RESULT_OK);
    cr_assert_eq(qr_svg(&q, &out), RESULT_OK);
    cr_assert_eq(buffer_append(&out, "", 1), RESULT_OK);
    cr_expect(text_starts(text_of((const char *)out.data), TEXT("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 29 29\"")));
    cr_expect(strstr((const char *)out.data, "M4 4h7v1h-7z"), "the upper side of the finder pattern");
    for (const char *at = strstr((const char *)out.data, "d=\"M4"); at && (at = strchr(at, 'h')); at++) {
        drawn += (unsigned)strtoul(at + 1, NULL, 10);
        at = strchr(at + 1, 'h');       /* the way back */
    }
    for (unsigned y = 0; y < q.size; y++)
        for (unsigned x = 0; x < q.size; x++)
            dark += q.dark[y][x];
    cr_expect_eq(drawn, dark);
    buffer_free(&out);
}
