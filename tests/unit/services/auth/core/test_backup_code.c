#include "backup_code.h"

#include <criterion/criterion.h>

TestSuite(backup_code, .timeout = 10);

static const struct {
    uint8_t bits[BACKUP_CODE_LEN];
    const char *text;
} CODES[] = {
    { { 0 }, "0000-0000-0000-0000" },
    { { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff }, "ZZZZ-ZZZZ-ZZZZ-ZZZZ" },
    { { 0, 0, 0, 0, 1, 0, 0, 0, 0, 1 }, "0000-0001-0000-0001" },
    { { 0x00, 0x44, 0x32, 0x14, 0xc7, 0x42, 0x54, 0xb6, 0x35, 0xcf }, "0123-4567-89AB-CDEF" },
    { { 0x84, 0x65, 0x3a, 0x56, 0xd7, 0xc6, 0x75, 0xbe, 0x77, 0xdf }, "GHJK-MNPQ-RSTV-WXYZ" },
};

Test(backup_code, is_eighty_bits_in_crockfords_base32)
{
    for (size_t i = 0; i < sizeof(CODES) / sizeof(CODES[0]); i++) {
        char text[BACKUP_CODE_TEXT_LEN + 1];
        uint8_t bits[BACKUP_CODE_LEN];

        backup_code_format(CODES[i].bits, text);
        cr_expect_str_eq(text, CODES[i].text);
        cr_expect_eq(backup_code_parse(text_of(CODES[i].text), bits), RESULT_OK);
        cr_expect_eq(memcmp(bits, CODES[i].bits, sizeof(bits)), 0, "%s", CODES[i].text);
    }
}

/* All the same code as the fourth; or none. */
static const struct {
    struct text text;
    bool sound;
} WRITINGS[] = {
    { TEXT("0123-4567-89ab-cdef"), true }, { TEXT("0123456789ABCDEF"), true }, { TEXT("o1234567-89aBcDeF"), true },
    { TEXT("o123-4567-89ab-cdef"), true }, { TEXT("OI23-4567-89AB-CDEF"), true }, { TEXT("Ol23-4567-89AB-CDEF"), true },
    { TEXT("OL23-4567-89AB-CDEF"), true }, { TEXT("-0-1-2-3-4-5-6-7-8-9-A-B-C-D-E-F-"), true },
    { TEXT(""), false }, { TEXT("----"), false }, { TEXT("0123-4567-89AB-CDE"), false }, { TEXT("0123-4567-89AB-CDEF0"), false },
    { TEXT("U123-4567-89AB-CDEF"), false }, { TEXT("0123 4567 89AB CDEF"), false }, { TEXT("0123-4567-89AB-CDE\0"), false },
    { TEXT("0123-4567-89AB-CDE="), false }, { TEXT("123456"), false },
};

Test(backup_code, is_read_as_a_person_writes_it)
{
    for (size_t i = 0; i < sizeof(WRITINGS) / sizeof(WRITINGS[0]); i++) {
        uint8_t bits[BACKUP_CODE_LEN];
        enum result r = backup_code_parse(WRITINGS[i].text, bits);

        cr_expect_eq(r, WRITINGS[i].sound ? RESULT_OK : RESULT_MALFORMED, "%.*s", TEXT_ARG(WRITINGS[i].text));
        if (!r)
            cr_expect_eq(memcmp(bits, CODES[3].bits, sizeof(bits)), 0, "%.*s", TEXT_ARG(WRITINGS[i].text));
    }
}
