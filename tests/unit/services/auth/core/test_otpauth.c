#include "otpauth.h"

#include <criterion/criterion.h>

TestSuite(otpauth, .timeout = 10);

Test(otpauth, a_secret_is_base32)
{
    char text[OTPAUTH_SECRET_LEN + 1];

    /* RFC 4648 section 10 says it of "foobar" and its beginnings; these twenty bytes by the same rule. */
    otpauth_secret((const uint8_t *)"12345678901234567890", text);
    cr_expect_str_eq(text, "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
    otpauth_secret((const uint8_t *)"\0\0\0\0\0\xff\xff\xff\xff\xff" "fooba" "\0\0\0\0\1", text);
    cr_expect_str_eq(text, "AAAAAAAA77777777MZXW6YTBAAAAAAAB");
}

static const struct {
    const char *issuer, *label, *uri;
} URIS[] = {
    { "Hlidka", "u-1", "otpauth://totp/Hlidka:u-1?secret=ABC&issuer=Hlidka&algorithm=SHA1&digits=6&period=30" },
    { "Mluv.Me", "jirina@example.cz", "otpauth://totp/Mluv.Me:jirina%40example.cz?secret=ABC&issuer=Mluv.Me&algorithm=SHA1&digits=6&period=30" },
    { "A B", "ř?&=#:/%", "otpauth://totp/A%20B:%C5%99%3F%26%3D%23%3A%2F%25?secret=ABC&issuer=A%20B&algorithm=SHA1&digits=6&period=30" },
    { "H", "", "otpauth://totp/H:?secret=ABC&issuer=H&algorithm=SHA1&digits=6&period=30" },
};

Test(otpauth, nothing_in_a_label_is_taken_for_the_uri)
{
    for (size_t i = 0; i < sizeof(URIS) / sizeof(URIS[0]); i++) {
        struct buffer out;

        buffer_init(&out, 1024);
        cr_expect_eq(otpauth_uri(text_of(URIS[i].issuer), text_of(URIS[i].label), "ABC", &out), RESULT_OK);
        cr_expect(text_equal((struct text){ (const char *)out.data, out.len }, text_of(URIS[i].uri)), "%.*s", (int)out.len, out.data);
        buffer_free(&out);
    }
}
