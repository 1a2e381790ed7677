#include "ip.h"

#include <criterion/criterion.h>

static const struct {
    const char *text;
    uint8_t family;
    const char *canonical;
} GOOD[] = {
    { "192.0.2.1", 4, "192.0.2.1" },
    { "0.0.0.0", 4, "0.0.0.0" },
    { "255.255.255.255", 4, "255.255.255.255" },
    { "::ffff:192.0.2.1", 4, "192.0.2.1" },
    { "::FFFF:c000:201", 4, "192.0.2.1" },
    { "0:0:0:0:0:ffff:192.0.2.1", 4, "192.0.2.1" },
    { "::", 6, "::" },
    { "::1", 6, "::1" },
    { "1::", 6, "1::" },
    { "2001:DB8::A", 6, "2001:db8::a" },
    { "2001:0db8:0000:0000:0000:0000:0002:0001", 6, "2001:db8::2:1" },      /* RFC 5952, 4.1 and 4.2.1 */
    { "2001:db8:0:1:1:1:1:1", 6, "2001:db8:0:1:1:1:1:1" },                  /* 4.2.2: a lone zero stays */
    { "2001:0:0:1:0:0:0:1", 6, "2001:0:0:1::1" },                           /* 4.2.3: the longest */
    { "2001:db8:0:0:1:0:0:1", 6, "2001:db8::1:0:0:1" },                     /* 4.2.3: the first of equals */
    { "0:0:1:0:0:0:0:0", 6, "0:0:1::" },
    { "::2:3:4:5:6:7:8", 6, "0:2:3:4:5:6:7:8" },
    { "1:2:3:4:5:6:7::", 6, "1:2:3:4:5:6:7:0" },
    { "::192.0.2.1", 6, "::c000:201" },                                     /* deprecated form: no dots */
    { "::2:1", 6, "::2:1" },
    { "64:ff9b::192.0.2.1", 6, "64:ff9b::c000:201" },
    { "::ffff:0:1.2.3.4", 6, "::ffff:0:102:304" },
    { "fe80::1", 6, "fe80::1" },
    { "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 6, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
    { "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255", 6, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
};

static const char *const BAD[] = {
    "", " ", "everywhere", "192.0.2", "192.0.2.1.1", "192.0.2.256", "192.0.2.01", "010.0.0.1", "0x7f.0.0.1", "1", "3232235777",
    " 192.0.2.1", "192.0.2.1 ", "192.0.2.1\n", "192.0.2.1/32", "192.0.2.1:80", "192.0.2.", "-1.0.0.1", "1..2.3",
    ":", ":::", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "12345::", "g::1", "[::1]", "fe80::1%eth0", "fe80::1%1", "::1/128",
    "::1 ", ":1", "1:", "1:2:3:4:5:6:7:", "::ffff:192.0.2.256", "::ffff:192.0.2.01", "::1.2.3", "1.2.3.4::",
    "0000:0000:0000:0000:0000:ffff:0255.255.255.255", "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255x",
};

Test(ip, is_written_in_one_canonical_form, .timeout = 5)
{
    for (size_t i = 0; i < sizeof(GOOD) / sizeof(GOOD[0]); i++) {
        char text[IP_TEXT_MAX + 1];
        struct ip ip, again;
        cr_assert_eq(ip_parse(text_of(GOOD[i].text), &ip), RESULT_OK, "%s", GOOD[i].text);
        cr_assert_eq(ip.family, GOOD[i].family, "%s", GOOD[i].text);
        cr_assert_eq(ip_format(&ip, text), strlen(GOOD[i].canonical), "%s", GOOD[i].text);
        cr_assert_str_eq(text, GOOD[i].canonical, "%s: %s", GOOD[i].text, text);
        cr_assert_eq(ip_parse(text_of(text), &again), RESULT_OK);
        cr_assert_arr_eq(&ip, &again, sizeof(ip), "%s", text);
    }
}

Test(ip, of_any_other_form_is_refused, .timeout = 5)
{
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
        struct ip ip = { .family = 9 };
        cr_assert_eq(ip_parse(text_of(BAD[i]), &ip), RESULT_MALFORMED, "\"%s\"", BAD[i]);
        cr_assert_eq(ip.family, 9, "touched by \"%s\"", BAD[i]);
    }
}

Test(ip, with_a_nul_inside_is_refused, .timeout = 5)
{
    struct ip ip;

    cr_assert_eq(ip_parse((struct text){ "192.0.2.1\0x", 11 }, &ip), RESULT_MALFORMED);
    cr_assert_eq(ip_parse((struct text){ "192.0.2.1\0", 10 }, &ip), RESULT_MALFORMED);
    cr_assert_eq(ip_parse((struct text){ NULL, 0 }, &ip), RESULT_MALFORMED);
}

Test(ip, of_no_family_has_no_text, .timeout = 5)
{
    char text[IP_TEXT_MAX + 1] = "x";
    struct ip none = { 0 };

    cr_assert_eq(ip_format(&none, text), 0);
    cr_assert_str_empty(text);
}
