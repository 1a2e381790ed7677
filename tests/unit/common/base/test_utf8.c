#include "utf8.h"

#include <criterion/criterion.h>

static const struct {
    const char *text;
    size_t characters;
} GOOD[] = {
    { "", 0 }, { "plain ASCII, longer than eight", 30 }, { "Dobrý den, jak se máte?", 23 }, { "\x7f", 1 },
    { "\xc2\x80", 1 }, { "\xdf\xbf", 1 }, { "\xe0\xa0\x80", 1 }, { "\xed\x9f\xbf", 1 }, { "\xee\x80\x80", 1 },
    { "\xef\xbf\xbf", 1 }, { "\xf0\x90\x80\x80", 1 }, { "\xf4\x8f\xbf\xbf", 1 }, { "12345678\xc3\xa1" "12345678", 17 },
};

static const struct {
    const char *text;
    const char *why;
} BAD[] = {
    { "\x80", "a tail alone" }, { "\xbf", "a tail alone" }, { "\xc0\x80", "over-long NUL" }, { "\xc1\xbf", "over-long" },
    { "\xe0\x9f\xbf", "over-long" }, { "\xf0\x8f\xbf\xbf", "over-long" }, { "\xed\xa0\x80", "surrogate" },
    { "\xed\xbf\xbf", "surrogate" }, { "\xf4\x90\x80\x80", "above U+10FFFF" }, { "\xf5\x80\x80\x80", "no such lead" },
    { "\xff", "no such lead" }, { "\xc3", "cut" }, { "\xe2\x82", "cut" }, { "\xf0\x9f\x98", "cut" },
    { "12345678\xc3", "cut after a word" }, { "\xc3x", "no tail" }, { "\xe2x\x80", "no tail" }, { "\xf0\x9f\x98x", "no tail" },
};

Test(utf8, takes_every_well_formed_sequence, .timeout = 5)
{
    for (size_t i = 0; i < sizeof(GOOD) / sizeof(GOOD[0]); i++) {
        cr_assert(utf8_valid(text_of(GOOD[i].text)), "%zu", i);
        cr_assert_eq(utf8_length(text_of(GOOD[i].text)), GOOD[i].characters, "%zu", i);
    }
    cr_assert(utf8_valid((struct text){ "a\0b", 3 }));
    cr_assert(utf8_valid((struct text){ NULL, 0 }));
}

Test(utf8, refuses_every_ill_formed_one, .timeout = 5)
{
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++)
        cr_assert(!utf8_valid(text_of(BAD[i].text)), "%zu: %s", i, BAD[i].why);
}

Test(utf8, finds_a_bad_byte_wherever_it_stands, .timeout = 5)
{
    char text[40];

    for (size_t at = 0; at < sizeof(text); at++) {
        memset(text, 'a', sizeof(text));
        text[at] = (char)0xff;
        cr_assert(!utf8_valid((struct text){ text, sizeof(text) }), "%zu", at);
    }
}
