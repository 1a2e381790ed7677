#include "init_data.h"

#include "buffer.h"

#include <criterion/criterion.h>
#include <stdlib.h>

TestSuite(init_data, .timeout = 10);

/* Decoded, each key and value in <>; NULL: malformed. */
static const struct {
    const char *data, *fields;
} CASES[] = {
    { "", "" },
    { "a=b", "<a><b>" },
    { "a=", "<a><>" },
    { "=", "<><>" },
    { "a=b&c=d", "<a><b><c><d>" },
    { "a=b=c", "<a><b=c>" },
    { "user=%7B%22id%22%3A42%7D", "<user><{\"id\":42}>" },
    { "a=%c5%99%C5%99", "<a><řř>" },
    { "a=b+c%2B", "<a><b c+>" },
    { "a%3Db=c%26d", "<a=b><c&d>" },
    { "a=b&a=b", "<a><b><a><b>" },         /* telegram.h refuses what stands twice */
    { "a", NULL }, { "a=b&", NULL }, { "&a=b", NULL }, { "a=b&&c=d", NULL }, { "a=b&c", NULL },
    { "a=%", NULL }, { "a=%4", NULL }, { "a=%4&b=1", NULL }, { "a=%4g", NULL }, { "a=%g4", NULL }, { "%%%=", NULL }, { "a=% 1", NULL },
};

Test(init_data, is_read_in_one_way)
{
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct text data = text_of(CASES[i].data);
        struct telegram_field f[TELEGRAM_FIELDS_MAX];
        struct buffer seen;
        size_t count;
        char *memory = malloc(data.len + !data.len);    /* exactly: the sanitizer sees a byte too many */

        buffer_init(&seen, 1024);
        enum result r = init_data_split(data, memory, f, &count);
        cr_expect_eq(r, CASES[i].fields ? RESULT_OK : RESULT_MALFORMED, "%s", CASES[i].data);
        for (size_t n = 0; !r && n < count; n++)
            cr_assert_eq(buffer_printf(&seen, "<%.*s><%.*s>", TEXT_ARG(f[n].key), TEXT_ARG(f[n].value)), RESULT_OK);
        if (!r)
            cr_expect(text_equal((struct text){ (const char *)seen.data, seen.len }, text_of(CASES[i].fields)), "%s: %.*s",
                      CASES[i].data, (int)seen.len, seen.data);
        buffer_free(&seen);
        free(memory);
    }
}

Test(init_data, holds_as_many_fields_as_there_is_room_for)
{
    struct telegram_field f[TELEGRAM_FIELDS_MAX];
    char data[4 * (TELEGRAM_FIELDS_MAX + 1)], memory[sizeof(data)];
    size_t count;

    for (size_t i = 0; i <= TELEGRAM_FIELDS_MAX; i++)
        memcpy(data + 4 * i, "a=b&", 4);
    cr_expect_eq(init_data_split((struct text){ data, 4 * TELEGRAM_FIELDS_MAX - 1 }, memory, f, &count), RESULT_OK);
    cr_expect_eq(count, TELEGRAM_FIELDS_MAX);
    cr_expect_eq(init_data_split((struct text){ data, 4 * TELEGRAM_FIELDS_MAX + 3 }, memory, f, &count), RESULT_MALFORMED);
}
