#include "cursor.h"

#include <criterion/criterion.h>

static const uint8_t KEY[32] = { 1 }, OTHER_KEY[32] = { 2 }, NONCE[CURSOR_NONCE_LEN] = { 3 };
static const struct bytes FILTERS = { (const uint8_t *)"filters", 7 };

Test(cursor, it_goes_with_its_filters_and_its_key_alone, .timeout = 5)
{
    char text[CURSOR_TEXT_LEN + 1];
    uint64_t seq = 0;

    cr_assert_eq(cursor_make(KEY, FILTERS, NONCE, 77, text), RESULT_OK);
    cr_assert_eq(strlen(text), CURSOR_TEXT_LEN);
    cr_assert_eq(cursor_read(KEY, FILTERS, text_of(text), &seq), RESULT_OK);
    cr_assert_eq(seq, 77);
    cr_assert_eq(cursor_read(KEY, (struct bytes){ FILTERS.data, 6 }, text_of(text), &seq), RESULT_NOT_AUTHENTIC);
    cr_assert_eq(cursor_read(OTHER_KEY, FILTERS, text_of(text), &seq), RESULT_NOT_AUTHENTIC);
}

Test(cursor, what_was_not_made_here_is_refused, .timeout = 5)
{
    char text[CURSOR_TEXT_LEN + 1];
    uint64_t seq;

    cr_assert_eq(cursor_make(KEY, FILTERS, NONCE, 77, text), RESULT_OK);
    for (size_t i = 0; i < CURSOR_TEXT_LEN; i++) {
        char kept = text[i];
        text[i] = kept == 'A' ? 'B' : 'A';
        cr_assert_eq(cursor_read(KEY, FILTERS, text_of(text), &seq), RESULT_NOT_AUTHENTIC, "character %zu", i);
        text[i] = kept;
    }
    for (size_t len = 0; len < CURSOR_TEXT_LEN; len++)
        cr_assert_eq(cursor_read(KEY, FILTERS, (struct text){ text, len }, &seq), RESULT_NOT_AUTHENTIC);
}
