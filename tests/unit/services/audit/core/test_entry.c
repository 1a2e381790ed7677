#include "entry.h"

#include <criterion/criterion.h>
#include <sodium.h>

static const uint8_t KEY[ENTRY_KEY_LEN] = { 7, 1 };
static const struct entry_random RANDOM = { .nonce = { 9 }, .seal = { 3 } };

static struct entry sample(void)
{
    return (struct entry){ .seq = 5, .received = 1700000000123, .time = 1700000000000, .src = TEXT("backend"),
                           .type = TEXT("app.test"), .outcome = OUTCOME_DENIED };
}

Test(entry, a_record_is_these_bytes_for_good, .timeout = 5)
{
    struct entry e = sample();
    struct buffer out;
    static const char EXPECTED[] =
        "\x99\x01\x05\xcf\x00\x00\x01\x8b\xcf\xe5\x68\x7b\xcf\x00\x00\x01\x8b\xcf\xe5\x68\x00"
        "\xa7" "backend" "\xa8" "app.test" "\xa6" "denied" "\xc4\x10" "0123456789abcdef"
        "\xc4\x20" "0123456789abcdef0123456789abcdef";

    memcpy(e.tag, "0123456789abcdef", 16);
    memcpy(e.hash, "0123456789abcdef0123456789abcdef", 32);
    buffer_init(&out, 1024);
    cr_assert_eq(entry_write(&e, &out), RESULT_OK);
    cr_assert_eq(out.len, sizeof(EXPECTED) - 1);
    cr_assert_arr_eq(out.data, EXPECTED, out.len);
    buffer_free(&out);
}

static void seal(struct entry *e, struct buffer *sealed)
{
    *e = sample();
    buffer_init(sealed, 4096);
    cr_assert_eq(entry_seal(e, KEY, &RANDOM, (struct bytes){ (const uint8_t *)"payload", 7 }, sealed), RESULT_OK);
}

Test(entry, hash_and_tag_are_as_the_contract_says, .timeout = 5)
{
    struct entry e;
    struct buffer sealed, opened;
    uint8_t clear[39] = { 9 }, hash[32], tag[16];

    seal(&e, &sealed);
    memcpy(clear + 32, "payload", 7);
    crypto_hash_sha256(hash, clear, sizeof(clear));
    cr_assert_arr_eq(e.hash, hash, 32);
    crypto_generichash(tag, 16, (const uint8_t *)"\0\0\0\0\0\0\0\5", 8, KEY, 32);
    cr_assert_arr_eq(e.tag, tag, 16);

    buffer_init(&opened, 4096);
    cr_assert_eq(entry_open(&e, KEY, buffer_bytes(&sealed), &opened), RESULT_OK);
    cr_assert_eq(opened.len, 39);
    cr_assert_arr_eq(opened.data, clear, 39);
    cr_assert_eq(sealed.len, 7 + ENTRY_SEAL_OVERHEAD);
    buffer_free(&opened);
    buffer_free(&sealed);
}

Test(entry, one_changed_byte_anywhere_is_noticed, .timeout = 5)
{
    struct entry e;
    struct buffer sealed, opened;
    struct entry bent[8];
    uint8_t other[ENTRY_KEY_LEN] = { 7, 2 };

    seal(&e, &sealed);
    buffer_init(&opened, 4096);
    for (size_t i = 0; i < 8; i++)
        bent[i] = e;
    bent[0].seq++;
    bent[1].received++;
    bent[2].time++;
    bent[3].src = TEXT("backenc");
    bent[4].type = TEXT("app.tesu");
    bent[5].outcome = OUTCOME_SUCCESS;
    bent[6].tag[15] ^= 1;
    bent[7].hash[0] ^= 1;
    for (size_t i = 0; i < 8; i++)
        cr_assert_eq(entry_open(&bent[i], KEY, buffer_bytes(&sealed), &opened), RESULT_NOT_AUTHENTIC, "field %zu", i);
    for (size_t i = 0; i < sealed.len; i++) {
        sealed.data[i] ^= 0x80;
        cr_assert_eq(entry_open(&e, KEY, buffer_bytes(&sealed), &opened), RESULT_NOT_AUTHENTIC, "byte %zu", i);
        sealed.data[i] ^= 0x80;
    }
    for (size_t len = 0; len < sealed.len; len++)
        cr_assert_eq(entry_open(&e, KEY, (struct bytes){ sealed.data, len }, &opened), RESULT_NOT_AUTHENTIC);
    cr_assert_eq(entry_open(&e, other, buffer_bytes(&sealed), &opened), RESULT_NOT_AUTHENTIC);
    cr_assert_eq(opened.len, 0);
    buffer_free(&opened);
    buffer_free(&sealed);
}
