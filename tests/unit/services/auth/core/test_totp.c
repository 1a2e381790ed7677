#include "totp.h"

#include <criterion/criterion.h>
#include <stdio.h>

TestSuite(totp, .timeout = 10);

/* "1234567890" twice: the key of both RFCs. */
#define KEY "12345678901234567890"
#define KEY_BYTES ((struct bytes){ (const uint8_t *)KEY, 20 })

/* RFC 4226, appendix D. */
static const uint32_t HOTP[] = { 755224, 287082, 359152, 969429, 338314, 254676, 287922, 162583, 399871, 520489 };

Test(totp, codes_are_those_of_rfc_4226)
{
    for (uint64_t i = 0; i < sizeof(HOTP) / sizeof(HOTP[0]); i++)
        cr_expect_eq(hotp(KEY_BYTES, i, 6), HOTP[i], "%lu", (unsigned long)i);
}

/* RFC 6238, appendix B, SHA-1. */
static const struct {
    uint64_t time_s;
    uint32_t code;
} TOTP[] = {
    { 59, 94287082 }, { 1111111109, 7081804 }, { 1111111111, 14050471 }, { 1234567890, 89005924 }, { 2000000000, 69279037 },
    { 20000000000, 65353130 },
};

Test(totp, codes_are_those_of_rfc_6238)
{
    for (size_t i = 0; i < sizeof(TOTP) / sizeof(TOTP[0]); i++) {
        char code[16];
        uint64_t step = 0;

        cr_expect_eq(hotp(KEY_BYTES, TOTP[i].time_s / 30, 8), TOTP[i].code, "%zu", i);
        snprintf(code, sizeof(code), "%06u", TOTP[i].code % 1000000);
        cr_expect_eq(totp_check((const uint8_t *)KEY, text_of(code), 0, TOTP[i].time_s * 1000, &step), TOTP_RIGHT, "%zu", i);
        cr_expect_eq(step, TOTP[i].time_s / 30);
    }
}

#define STEP UINT64_C(56666666)
#define BEGIN_MS (STEP * 30000)

/* The code of step STEP + of, at a moment counted from the beginning of STEP. */
static const struct {
    int of;
    int64_t at_ms;
    uint64_t last;
    enum totp_verdict verdict;
} WINDOW[] = {
    { 0, 0, 0, TOTP_RIGHT }, { 0, 29999, 0, TOTP_RIGHT },
    { 0, -1, 0, TOTP_RIGHT }, { 0, -30000, 0, TOTP_RIGHT }, { 0, -30001, 0, TOTP_WRONG },
    { 0, 30000, 0, TOTP_RIGHT }, { 0, 59999, 0, TOTP_RIGHT }, { 0, 60000, 0, TOTP_WRONG },
    { 2, 0, 0, TOTP_WRONG }, { -2, 29999, 0, TOTP_WRONG },
    { 0, 0, STEP - 1, TOTP_RIGHT }, { 0, 0, STEP, TOTP_USED }, { 0, 0, STEP + 1, TOTP_USED },
    { 1, 0, STEP, TOTP_RIGHT }, { -1, 0, STEP, TOTP_USED }, { -1, 0, STEP - 2, TOTP_RIGHT }, { -1, 0, STEP - 1, TOTP_USED },
    { 2, 0, STEP + 5, TOTP_WRONG },
};

Test(totp, a_code_counts_one_step_either_side_and_once)
{
    for (size_t i = 0; i < sizeof(WINDOW) / sizeof(WINDOW[0]); i++) {
        uint64_t of = STEP + (uint64_t)(int64_t)WINDOW[i].of, step = 0;
        char code[16];

        snprintf(code, sizeof(code), "%06u", hotp(KEY_BYTES, of, 6));
        cr_expect_eq(totp_check((const uint8_t *)KEY, text_of(code), WINDOW[i].last, BEGIN_MS + (uint64_t)WINDOW[i].at_ms, &step),
                     WINDOW[i].verdict, "%zu", i);
        cr_expect_eq(step, WINDOW[i].verdict == TOTP_RIGHT ? of : 0, "%zu", i);
    }
}

Test(totp, the_beginning_of_time_has_no_step_before_it)
{
    uint64_t step;

    cr_expect_eq(totp_check((const uint8_t *)KEY, TEXT("287082"), 0, 0, &step), TOTP_RIGHT);
    cr_expect_eq(totp_check((const uint8_t *)KEY, TEXT("755224"), 0, 0, &step), TOTP_USED, "step 0 is never after the last one");
}

static const struct text NO_CODES[] = {
    TEXT(""), TEXT("28708"), TEXT("2870820"), TEXT("28708a"), TEXT(" 87082"), TEXT("287082\0"), TEXT("+87082"), TEXT("２8708"),
};

Test(totp, what_is_not_six_digits_is_wrong)
{
    uint64_t step;

    for (size_t i = 0; i < sizeof(NO_CODES) / sizeof(NO_CODES[0]); i++) {
        cr_expect_not(totp_is_code(NO_CODES[i]), "%zu", i);
        cr_expect_eq(totp_check((const uint8_t *)KEY, NO_CODES[i], 0, 30000, &step), TOTP_WRONG, "%zu", i);
    }
    cr_expect(totp_is_code(TEXT("000000")));
}
