#include "log_line.h"

#include "utf8.h"

#include <criterion/criterion.h>

static const struct {
    struct text in;
    const char *out;
} STRINGS[] = {
    { { "", 0 }, "{\"k\":\"\"}\n" },
    { { "plain", 5 }, "{\"k\":\"plain\"}\n" },
    { { "\"\\/", 3 }, "{\"k\":\"\\\"\\\\/\"}\n" },
    { { "\n\r\t\0\x1f\x7f", 6 }, "{\"k\":\"\\u000a\\u000d\\u0009\\u0000\\u001f\\u007f\"}\n" },
    { { "ž\xe2\x82\xac\xf0\x9f\x98\x80", 9 }, "{\"k\":\"ž\xe2\x82\xac\xf0\x9f\x98\x80\"}\n" },
    { { "a\xff\xc3z", 4 }, "{\"k\":\"a\\ufffd\\ufffdz\"}\n" },
    { { "\xed\xa0\x80", 3 }, "{\"k\":\"\\ufffd\\ufffd\\ufffd\"}\n" },
    { { "\xe2\x82", 2 }, "{\"k\":\"\\ufffd\\ufffd\"}\n" },
};

Test(log_line, escapes_whatever_a_string_holds, .timeout = 5)
{
    for (size_t i = 0; i < sizeof(STRINGS) / sizeof(STRINGS[0]); i++) {
        struct log_line l;
        log_line_begin(&l);
        log_line_text(&l, "k", STRINGS[i].in);
        log_line_end(&l);
        cr_assert_eq(l.len, strlen(STRINGS[i].out), "%zu: %.*s", i, (int)l.len, l.data);
        cr_assert_arr_eq(l.data, STRINGS[i].out, l.len);
    }
}

Test(log_line, writes_every_kind_of_value, .timeout = 5)
{
    static const char expected[] = "{\"a\":-9223372036854775808,\"b\":18446744073709551615,\"c\":true,\"d\":false,\"e\":null,\"f\":\"00ff\"}\n";
    struct log_line l;

    log_line_begin(&l);
    log_line_int(&l, "a", INT64_MIN);
    log_line_uint(&l, "b", UINT64_MAX);
    log_line_bool(&l, "c", true);
    log_line_bool(&l, "d", false);
    log_line_null(&l, "e");
    log_line_hex(&l, "f", (struct bytes){ (const uint8_t *)"\0\xff", 2 });
    log_line_end(&l);
    cr_assert_eq(l.len, sizeof(expected) - 1);
    cr_assert_arr_eq(l.data, expected, l.len);
}

/* Strings of all lengths around the end of the line, whose escapes are longer than they are. */
Test(log_line, is_whole_json_however_much_there_is_to_say, .timeout = 5)
{
    static char text[5000];

    memset(text, '\n', sizeof(text));
    for (size_t len = 600; len < 700; len++) {
        struct log_line l;
        log_line_begin(&l);
        log_line_text(&l, "first", (struct text){ text, len });
        log_line_text(&l, "second", (struct text){ text, 1 });
        for (unsigned i = 0; i < 1000; i++)
            log_line_uint(&l, "n", i);
        log_line_end(&l);
        cr_assert_leq(l.len, LOG_LINE_MAX);
        cr_assert_gt(l.len, LOG_LINE_MAX - 100);
        cr_assert_arr_eq(l.data + l.len - 13, ",\"cut\":true}\n", 13);
        char last = l.data[l.len - 14];
        cr_assert(last == '"' || (last >= '0' && last <= '9'), "the last field is whole");
    }
}

Test(log_line, leaves_out_a_field_that_does_not_fit, .timeout = 5)
{
    static char text[5000];
    struct log_line l;

    memset(text, 'x', sizeof(text));
    log_line_begin(&l);
    log_line_text(&l, "big", (struct text){ text, sizeof(text) });
    log_line_uint(&l, "n", 1);
    log_line_end(&l);
    cr_assert_eq(l.len, 19);
    cr_assert_arr_eq(l.data, "{\"n\":1,\"cut\":true}\n", 19);
}
