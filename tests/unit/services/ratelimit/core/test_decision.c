#include "decision.h"

#include <criterion/criterion.h>
#include <sodium.h>
#include <stdio.h>

static struct keys *keys;
static const struct uuid MESSAGE = { { 1, 2, 3 } }, OTHER = { { 1, 2, 4 } };

static void setup(void)
{
    struct secret *file;

    cr_assert_geq(sodium_init(), 0);
    cr_assert_eq(secret_from("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", 44, &file), RESULT_OK);
    cr_assert_eq(keys_new(file, &keys), RESULT_OK);
    secret_free(file);
}

static void teardown(void)
{
    keys_free(keys);
}

TestSuite(decision, .init = setup, .fini = teardown, .timeout = 10);

static struct decision full(void)
{
    struct decision d = { .issued_ms = UINT64_C(1700000000123), .count = MATCH_MAX };

    decision_source(keys, TEXT("backend"), d.source);
    for (size_t i = 0; i < MATCH_MAX; i++)
        d.charges[i] = (struct charge){
            .account = { (uint8_t)(i + 1) }, .algorithm = (enum algorithm)(i % 3), .window_us = POLICY_WINDOW_MAX_US,
            .cost = FIXED_LIMIT_MAX, .at_us = (UINT64_C(1) << 52) + i, .born_us = UINT64_C(1) << 51,
        };
    return d;
}

Test(decision, carries_all_that_was_charged_within_512_characters)
{
    struct decision in = full(), out;
    char text[DECISION_TEXT_MAX + 1];

    decision_seal(keys, &MESSAGE, &in, text);
    cr_expect(strlen(text) <= DECISION_TEXT_MAX);
    cr_assert_eq(decision_open(keys, text_of(text), &out), RESULT_OK);
    cr_expect_eq(out.count, in.count);
    cr_expect_eq(out.issued_ms, in.issued_ms);
    cr_expect_arr_eq(out.source, in.source, sizeof(in.source));
    for (size_t i = 0; i < in.count; i++) {
        cr_expect_arr_eq(out.charges[i].account, in.charges[i].account, POLICY_ACCOUNT_LEN);
        cr_expect(out.charges[i].algorithm == in.charges[i].algorithm && out.charges[i].window_us == in.charges[i].window_us
                  && out.charges[i].cost == in.charges[i].cost && out.charges[i].at_us == in.charges[i].at_us
                  && out.charges[i].born_us == in.charges[i].born_us);
    }
}

Test(decision, is_the_same_text_for_the_same_message_and_another_for_any_other)
{
    struct decision d = { 0 };
    char first[DECISION_TEXT_MAX + 1], again[DECISION_TEXT_MAX + 1], other[DECISION_TEXT_MAX + 1];

    decision_seal(keys, &MESSAGE, &d, first);
    decision_seal(keys, &MESSAGE, &d, again);
    decision_seal(keys, &OTHER, &d, other);
    cr_expect_str_eq(first, again);
    cr_expect_str_neq(first, other);
    d.source[0] ^= 1;
    decision_seal(keys, &MESSAGE, &d, other);
    cr_expect_str_neq(first, other);
}

Test(decision, any_other_text_is_refused)
{
    static const char *const NONE[] = { "", "x", "=", "AAAA", "not base64 at all", "\xc5\xbe" };
    struct decision d = full(), out;
    char text[DECISION_TEXT_MAX + 1], bent[DECISION_TEXT_MAX + 8];

    for (size_t i = 0; i < sizeof(NONE) / sizeof(NONE[0]); i++)
        cr_expect_eq(decision_open(keys, text_of(NONE[i]), &out), RESULT_NOT_AUTHENTIC, "%s", NONE[i]);
    d.count = 2;
    decision_seal(keys, &MESSAGE, &d, text);
    size_t len = strlen(text);
    for (size_t i = 0; i < len; i++) {
        memcpy(bent, text, len + 1);
        bent[i] = bent[i] == 'A' ? 'B' : 'A';
        cr_expect_eq(decision_open(keys, text_of(bent), &out), RESULT_NOT_AUTHENTIC, "character %zu", i);
        cr_expect_eq(decision_open(keys, (struct text){ text, i }, &out), RESULT_NOT_AUTHENTIC, "cut to %zu", i);
    }
    snprintf(bent, sizeof(bent), "%sA", text);
    cr_expect_eq(decision_open(keys, text_of(bent), &out), RESULT_NOT_AUTHENTIC);
    snprintf(bent, sizeof(bent), "%s=", text);
    cr_expect_eq(decision_open(keys, text_of(bent), &out), RESULT_NOT_AUTHENTIC);
    snprintf(bent, sizeof(bent), "%s\n", text);
    cr_expect_eq(decision_open(keys, text_of(bent), &out), RESULT_NOT_AUTHENTIC);
}

Test(decision, the_secret_file_is_base64_of_32_bytes_and_nothing_else)
{
    static const char *const BAD[] = { "x", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg==", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=A" };
    struct secret *file;
    struct keys *k;

    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
        cr_assert_eq(secret_from(BAD[i], strlen(BAD[i]), &file), RESULT_OK);
        cr_expect_eq(keys_new(file, &k), RESULT_BAD_CONFIG, "%s", BAD[i]);
        secret_free(file);
    }
}
