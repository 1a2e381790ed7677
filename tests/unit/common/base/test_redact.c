#include "redact.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Made up for this test, put together so that no scanner of repositories mistakes them for real ones. */
#define B64_20 "Zm9vYmFyYmF6cXV4MTIz"
#define TOKEN "hls_" B64_20 B64_20 B64_20 "-_9w"
#define BOT "1234567890:AA" "Fq3kLxYzW0v8uTsRqPoNmLkJiHgFeDcBa"
#define JWT "eyJhbGciOiJFUzI1NiJ9.eyJ" B64_20 "." B64_20 B64_20
#define BEGIN(kind) "-----BEGIN " kind "PRIVATE KEY-----"
#define END(kind) "-----END " kind "PRIVATE KEY-----"

static const struct {
    const char *text;
    const char *redacted;
} SECRETS[] = {
    { TOKEN, "[redacted:token]" },
    { "https://app.example/x?t=" TOKEN "&y=1", "https://app.example/x?t=[redacted:token]&y=1" },
    { "x" TOKEN, "x[redacted:token]" },
    { BOT, "[redacted:bot_token]" },
    { "https://api.telegram.org/bot" BOT "/getMe", "https://api.telegram.org/bot[redacted:bot_token]/getMe" },
    { "/bot1234567890%3AAA" B64_20 B64_20, "/bot[redacted:bot_token]" },
    { JWT, "[redacted:jwt]" },
    { "token=" JWT ", again " JWT, "token=[redacted:jwt], again [redacted:jwt]" },
    { "eyJhbGciOiJFUzI1NiJ9.eyJ", "[redacted:jwt]" },
    { "Authorization: Bearer " B64_20, "Authorization: Bearer [redacted:bearer]" },
    { "bearer " B64_20 "~+/.==", "bearer [redacted:bearer]" },
    { "BEARER:\tabcdefg1", "BEARER:\t[redacted:bearer]" },
    { "{\"bearer\":\"" B64_20 "\"}", "{\"bearer\":\"[redacted:bearer]\"}" },
    { "sk-" B64_20 B64_20, "[redacted:api_key]" },
    { "sk_" "live_" B64_20, "[redacted:api_key]" },
    { "AKIA" "ABCDEFGHIJKLMN23", "[redacted:api_key]" },
    { "ghp_" B64_20 "0123456789ABCDEF", "[redacted:api_key]" },
    { "AIza" B64_20 "0123456789ABCDE", "[redacted:api_key]" },
    { "xoxb-" "123456789123-" B64_20, "[redacted:api_key]" },
    { "api_key=" B64_20 "&x=1", "api_key=[redacted:api_key]&x=1" },
    { "X-Api-Key: abcdefgh1", "X-Api-Key: [redacted:api_key]" },
    { "{\\\"apiKey\\\":\\\"" B64_20 "\\\"}", "{\\\"apiKey\\\":\\\"[redacted:api_key]\\\"}" },
    { "client_secret=" B64_20, "client_secret=[redacted:api_key]" },
    { BEGIN("") "\n" B64_20 "\n" END("") " after", "[redacted:private_key] after" },
    { BEGIN("RSA ") "\n" B64_20 "\n" END("RSA "), "[redacted:private_key]" },
    { BEGIN("OPENSSH ") "\n" B64_20 "\n" END("OPENSSH "), "[redacted:private_key]" },
    { "-----BEGIN PGP PRIVATE KEY BLOCK-----\nx\n-----END PGP PRIVATE KEY BLOCK-----.", "[redacted:private_key]." },
    { "key: " BEGIN("") "\n" B64_20 " and all that follows", "key: [redacted:private_key]" },
    { "before " B64_20 "\n" B64_20 "=\n" END("") " after", "before [redacted:private_key] after" },
    { "before " B64_20 "\\n" END("EC "), "before [redacted:private_key]" },
    { "4532015112830366", "[redacted:card]" },
    { "4532 0151 1283 0366 12", "[redacted:card] 12" },
    { "12 4532-0151-1283-0366", "12 [redacted:card]" },
    { "no.5301251111111112.", "no.[redacted:card]." },
    { "378282246310005", "[redacted:card]" },
    { "3782 822463 10005", "[redacted:card]" },
    { "2223003122003222", "[redacted:card]" },
    { "6011111111111117", "[redacted:card]" },
    { "jirina.x@mluv.example", "[redacted:email]" },
    { "mailto:jirina+tag@post.mluv.example?subject=x", "mailto:[redacted:email]?subject=x" },
    { "to=jirina%40mluv.example&", "to=[redacted:email]&" },
    { "Píše jiřina@česko.example.", "Píše [redacted:email]." },
    { "a@b.cz,c@d.cz", "[redacted:email],[redacted:email]" },
    { "4532015112830366" JWT, "[redacted:card][redacted:jwt]" },
    { TOKEN " " BOT " a@b.cz 4532015112830366", "[redacted:token] [redacted:bot_token] [redacted:email] [redacted:card]" },
};

static const char *const HARMLESS[] = {
    "", "Dobrý den, jak se máte?", "no bearer", "before no bearer after", "bearer authentication is on", "the bearer of this letter",
    "order 20260731-42", "libsodium 1.0.18", "lessons.create/7", "5 @ 3 kc", "user@host", "@", "a@", "@b.cz", "a@b.1", "a@.cz",
    "4532015112830367", "9000000000000001", "4111111111119", "51111111111111", "45320151128303660", "14532015112830366",
    "4532  0151 1283 0366", "4532x0151x1283x0366", "1700000000123456", "45320151-1283-4366-8000-000000000000",
    "4532015a-1128-4036-a453-201511283036", "hls_session_id", "hls_", "eyJ", "eyJhbGci", "task-with-a-rather-long-name-12345",
    "sk-short", "AKIA", "AKIABCD", "12345:abc", "12:30:45", "1234567890:short", "-----BEGIN CERTIFICATE-----\nabc",
    "-----BEGIN PRIVATE", "-----END CERTIFICATE-----", "PRIVATE KEY", "api_key", "api_key=", "api_key: none", "api key",
    "[redacted:token] [redacted:bearer] Bearer [redacted:bearer] [redacted:private_key]",
};

static void assert_redacts(struct text t, const char *expected)
{
    struct buffer out;

    buffer_init(&out, 100000);
    cr_assert_eq(buffer_append_text(&out, TEXT("kept ")), RESULT_OK);
    cr_assert_eq(redact_text(t, &out), RESULT_OK);
    cr_assert_eq(buffer_append(&out, "", 1), RESULT_OK);
    cr_assert_str_eq((const char *)out.data + 5, expected);
    buffer_free(&out);
}

Test(redact, replaces_what_looks_like_a_secret, .timeout = 5)
{
    for (size_t i = 0; i < COUNT(SECRETS); i++) {
        assert_redacts(text_of(SECRETS[i].text), SECRETS[i].redacted);
        cr_assert(redact_needed(text_of(SECRETS[i].text)), "%s", SECRETS[i].text);
        cr_assert(!redact_needed(text_of(SECRETS[i].redacted)), "redacted once is redacted: %s", SECRETS[i].redacted);
    }
}

Test(redact, finds_it_amid_other_words, .timeout = 5)
{
    for (size_t i = 0; i < COUNT(SECRETS); i++) {
        char text[600];
        int len = snprintf(text, sizeof(text), "před %s", SECRETS[i].text);
        char expected[600];
        snprintf(expected, sizeof(expected), "před %s", SECRETS[i].redacted);
        assert_redacts((struct text){ text, (size_t)len }, expected);
    }
}

Test(redact, leaves_what_only_resembles_one, .timeout = 5)
{
    for (size_t i = 0; i < COUNT(HARMLESS); i++) {
        assert_redacts(text_of(HARMLESS[i]), HARMLESS[i]);
        cr_assert(!redact_needed(text_of(HARMLESS[i])), "%s", HARMLESS[i]);
    }
    cr_assert(!redact_needed((struct text){ NULL, 0 }));
}

Test(redact, takes_text_with_nul_and_without_end, .timeout = 5)
{
    for (size_t i = 0; i < COUNT(SECRETS); i++) {
        size_t len = strlen(SECRETS[i].text);
        /* Every beginning of it, in memory that ends there: reading on is seen by the sanitizer. */
        for (size_t cut = 0; cut <= len; cut++) {
            char *copy = malloc(cut + 1);
            cr_assert_not_null(copy);
            copy[0] = '\0';
            memcpy(copy + 1, SECRETS[i].text, cut);
            struct buffer out;
            buffer_init(&out, 10000);
            cr_assert_eq(redact_text((struct text){ copy, cut + 1 }, &out), RESULT_OK);
            buffer_free(&out);
            free(copy);
        }
    }
}

Test(redact, that_does_not_fit_leaves_the_buffer_as_it_was, .timeout = 5)
{
    struct buffer out;

    buffer_init(&out, 20);
    cr_assert_eq(buffer_append_text(&out, TEXT("abc")), RESULT_OK);
    cr_assert_eq(redact_text(TEXT("x a@b.cz and more than fits"), &out), RESULT_TOO_LARGE);
    cr_assert_eq(out.len, 3);
    buffer_free(&out);
}

/* Beginnings that come to nothing, over and over: 1 MiB of each. Anything quadratic would take hours. */
static const char *const ADVERSARIAL[] = {
    "eyJ", "eyJhbGciOiJF.", "hls_", "hls_abcdefghijklmnopqrs ", "-----BEGIN ", "-----BEGIN A", "-----END ", "-", "a@", "a@a.", "%40", "a", "a.a",
    "1", "1 ", "4532 ", "4532-0151-1283-036", "123456:", "123456:AAAAAAAAAAAAAAAAAAAAAAAAAAAA ", "bearer ", "bearer        ", "bearer 12345", "api_key=",
    "api_key=1234567 ", "sk-", "xoxb-", "0123abcd-", "45320151-1283-4366-8000-00000000000", BEGIN(""), "-----BEGIN PRIVATE KEY", "\xc5\x99@", "Zm9v\n",
};

Test(redact, takes_time_in_proportion_to_the_length, .timeout = 60)
{
    enum { LENGTH = 1 << 20 };
    char *text = malloc(LENGTH);

    cr_assert_not_null(text);
    for (size_t i = 0; i < COUNT(ADVERSARIAL); i++) {
        size_t len = strlen(ADVERSARIAL[i]);
        for (size_t at = 0; at < LENGTH; at++)
            text[at] = ADVERSARIAL[i][at % len];
        struct buffer out;
        buffer_init(&out, 20 * LENGTH);
        cr_assert_eq(redact_text((struct text){ text, LENGTH }, &out), RESULT_OK);
        buffer_free(&out);
    }
    free(text);
}
