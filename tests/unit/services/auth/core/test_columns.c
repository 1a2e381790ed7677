#include "columns.h"

#include <criterion/criterion.h>
#include <sodium.h>

static struct columns *c, *other;
static struct buffer sealed, opened;
static const uint8_t NONCE[COLUMN_NONCE_LEN] = { 7 };
static const struct bytes VALUE = { (const uint8_t *)"7000000123", 10 };

static void setup(void)
{
    uint8_t key[COLUMNS_KEY_LEN] = { 1 };

    cr_assert_geq(sodium_init(), 0);
    cr_assert_eq(columns_new((struct bytes){ key, sizeof(key) }, &c), RESULT_OK);
    key[31] = 1;
    cr_assert_eq(columns_new((struct bytes){ key, sizeof(key) }, &other), RESULT_OK);
    buffer_init(&sealed, 200);
    buffer_init(&opened, 200);
    cr_assert_eq(column_seal(c, "users.telegram_id", text_bytes(TEXT("u-1")), NONCE, VALUE, &sealed), RESULT_OK);
}

static void teardown(void)
{
    buffer_free(&opened);
    buffer_free(&sealed);
    columns_free(other);
    columns_free(c);
}

TestSuite(columns, .init = setup, .fini = teardown, .timeout = 10);

static enum result open_as(const struct columns *keys, const char *column, const char *row, struct bytes box)
{
    buffer_reset(&opened);
    return column_open(keys, column, text_bytes(text_of(row)), box, &opened);
}

Test(columns, a_sealed_value_shows_nothing_and_opens_where_it_was_put)
{
    cr_expect_eq(sealed.len, VALUE.len + COLUMN_OVERHEAD);
    cr_expect_null(memmem(sealed.data, sealed.len, VALUE.data, VALUE.len));
    cr_assert_eq(open_as(c, "users.telegram_id", "u-1", buffer_bytes(&sealed)), RESULT_OK);
    cr_expect(bytes_equal(buffer_bytes(&opened), VALUE));
}

Test(columns, a_value_moved_to_another_place_does_not_open)
{
    cr_expect_eq(open_as(c, "users.telegram_id", "u-2", buffer_bytes(&sealed)), RESULT_NOT_AUTHENTIC);
    cr_expect_eq(open_as(c, "users.telegram", "_idu-1", buffer_bytes(&sealed)), RESULT_NOT_AUTHENTIC);
    cr_expect_eq(open_as(c, "sessions.device", "u-1", buffer_bytes(&sealed)), RESULT_NOT_AUTHENTIC);
    cr_expect_eq(open_as(other, "users.telegram_id", "u-1", buffer_bytes(&sealed)), RESULT_NOT_AUTHENTIC);
    cr_expect_eq(opened.len, 0);
}

Test(columns, a_changed_or_cut_value_does_not_open)
{
    for (size_t i = 0; i < sealed.len; i++) {
        sealed.data[i] ^= 0x80;
        cr_expect_eq(open_as(c, "users.telegram_id", "u-1", buffer_bytes(&sealed)), RESULT_NOT_AUTHENTIC, "%zu", i);
        sealed.data[i] ^= 0x80;
        cr_expect_eq(open_as(c, "users.telegram_id", "u-1", (struct bytes){ sealed.data, i }), RESULT_NOT_AUTHENTIC);
    }
}

Test(columns, a_key_of_another_length_is_refused)
{
    uint8_t key[33] = { 0 };
    struct columns *none;

    cr_expect_eq(columns_new((struct bytes){ key, 31 }, &none), RESULT_OUT_OF_RANGE);
    cr_expect_eq(columns_new((struct bytes){ key, 33 }, &none), RESULT_OUT_OF_RANGE);
}

Test(columns, look_ups_are_of_one_purpose_one_user_and_one_key)
{
    static uint8_t of[11][LOOKUP_LEN];
    uint8_t again[LOOKUP_LEN];

    lookup_telegram(c, TEXT("42"), of[0]);
    lookup_telegram(c, TEXT("43"), of[1]);
    lookup_telegram(other, TEXT("42"), of[2]);
    lookup_login(c, text_bytes(TEXT("42")), of[3]);
    lookup_device_id(c, TEXT("u-1"), TEXT("a"), of[4]);
    lookup_device_id(c, TEXT("u-2"), TEXT("a"), of[5]);
    lookup_device_id(c, TEXT("u-1a"), TEXT(""), of[6]);
    lookup_device_info(c, TEXT("u-1"), DEVICE_WEB, TEXT("a"), of[7]);
    lookup_device_info(c, TEXT("u-1"), DEVICE_IOS, TEXT("a"), of[8]);
    lookup_device_info(c, TEXT("u-2"), DEVICE_WEB, TEXT("a"), of[9]);
    lookup_device_info(c, TEXT("u-1"), DEVICE_WEB, TEXT("b"), of[10]);
    for (size_t i = 0; i < 11; i++)
        for (size_t j = 0; j < i; j++)
            cr_expect(memcmp(of[i], of[j], LOOKUP_LEN) != 0, "%zu %zu", i, j);
    lookup_telegram(c, TEXT("42"), again);
    cr_expect_arr_eq(again, of[0], LOOKUP_LEN);
}
