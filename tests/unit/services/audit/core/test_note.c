#include "note.h"

#include <criterion/criterion.h>

TestSuite(note, .timeout = 20);

static const uint8_t KEY[32] = { 1 }, OTHER[32] = { 2 }, NONCE[NOTE_NONCE_LEN] = { 3 };
static const struct uuid ALERT = { { 4 } }, ANOTHER = { { 5 } };

Test(note, it_opens_for_its_own_alert_only_and_whole)
{
    struct buffer sealed, opened;

    buffer_init(&sealed, 1024);
    buffer_init(&opened, 1024);
    cr_assert_eq(note_seal(KEY, &ALERT, NONCE, TEXT("it was Jiřina"), &sealed), RESULT_OK);
    cr_assert_null(memmem(sealed.data, sealed.len, "it was", 6));
    cr_assert_eq(note_open(KEY, &ALERT, buffer_bytes(&sealed), &opened), RESULT_OK);
    cr_assert(bytes_equal(buffer_bytes(&opened), text_bytes(TEXT("it was Jiřina"))));
    cr_assert_eq(note_open(KEY, &ANOTHER, buffer_bytes(&sealed), &opened), RESULT_NOT_AUTHENTIC);
    cr_assert_eq(note_open(OTHER, &ALERT, buffer_bytes(&sealed), &opened), RESULT_NOT_AUTHENTIC);
    for (size_t len = 0; len < sealed.len; len++)
        cr_assert_eq(note_open(KEY, &ALERT, (struct bytes){ sealed.data, len }, &opened), RESULT_NOT_AUTHENTIC, "%zu bytes", len);
    for (size_t i = 0; i < sealed.len; i++) {
        sealed.data[i] ^= 1;
        cr_assert_eq(note_open(KEY, &ALERT, buffer_bytes(&sealed), &opened), RESULT_NOT_AUTHENTIC, "byte %zu", i);
        sealed.data[i] ^= 1;
    }
    buffer_free(&sealed);
    buffer_free(&opened);
}
