#include "dead_letter.h"

#include "codec.h"

#include <criterion/criterion.h>
#include <sodium.h>

static struct dead_letter decoded(struct bytes value, struct arena *arena)
{
    struct dead_letter letter;
    struct field_errors errors = { 0 };

    cr_assert_eq(body_decode(&schema_dead_letter, value, arena, &letter, &errors), RESULT_OK);
    return letter;
}

Test(dead_letter, a_framed_value_is_kept_as_it_is, .timeout = 5)
{
    static const uint8_t value[] = "anything";
    struct buffer scratch;
    struct bytes kept;

    buffer_init(&scratch, 4096);
    cr_assert_eq(dead_letter_value((struct bytes){ value, sizeof(value) }, false, &scratch, &kept), RESULT_OK);
    cr_assert(kept.data == value && kept.len == sizeof(value));
    cr_assert_eq(dead_letter_value((struct bytes){ NULL, 0 }, false, &scratch, &kept), RESULT_OK);
    cr_assert_null(kept.data, "a tombstone stays one");
    buffer_free(&scratch);
}

Test(dead_letter, of_the_rest_a_digest_and_a_blanked_head_are_kept, .timeout = 5)
{
    static const struct {
        struct bytes value;
        const char *head;
        size_t head_len;
    } cases[] = {
#define CASE(value, head) { { (const uint8_t *)(value), sizeof(value) - 1 }, head, sizeof(head) - 1 }
        CASE("my password is Tajemstvi", "                        "),
        CASE("\x93\x01\xc4\x05" "abc\n\x00\xc1", "\x93\x01\xc4\x05    \x00\xc1"),
        CASE("heslo \xc5\x99\xe2\x82\xac\xf0\x9f\x98\x80.\xff\xc5", "                \xff\xc5"),
        CASE("\xd0\x9f\xd0\xb0\xd1\x80\xd0\xbe\xd0\xbb\xd1\x8c", "            "),
        CASE("", ""),
        CASE("0123456789012345678901234567890123456789012345678901234567890123456789",
             "                                                                "),
        /* a character across the 64th byte */
        CASE("000000000000000000000000000000000000000000000000000000000000000\xc5\x99",
             "                                                                "),
#undef CASE
    };
    struct buffer scratch;
    struct arena arena;

    cr_assert_geq(sodium_init(), 0);
    buffer_init(&scratch, 4096);
    arena_init(&arena, NULL, 0, 4096);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t sha256[32];
        struct bytes kept;

        cr_assert_eq(dead_letter_value(cases[i].value, true, &scratch, &kept), RESULT_OK);
        struct dead_letter letter = decoded(kept, &arena);
        crypto_hash_sha256(sha256, cases[i].value.data, cases[i].value.len);
        cr_assert_eq(letter.length, cases[i].value.len);
        cr_assert_arr_eq(letter.sha256.data, sha256, 32);
        cr_assert(bytes_equal(letter.head, (struct bytes){ (const uint8_t *)cases[i].head, cases[i].head_len }), "case %zu", i);
        cr_assert_lt(kept.len, 200);
    }
    struct bytes kept;
    cr_assert_eq(dead_letter_value((struct bytes){ NULL, 0 }, true, &scratch, &kept), RESULT_OK);
    cr_assert_eq(decoded(kept, &arena).length, 0);
    arena_reset(&arena);
    buffer_free(&scratch);
}

Test(dead_letter, says_where_it_came_from, .timeout = 5)
{
    struct dead_letter_headers h;

    dead_letter_describe("malformed", TEXT("hlidka.auth.requests"), INT32_MIN, INT64_MIN, &h);
    cr_assert_str_eq(h.items[0].name, "reason");
    cr_assert(text_equal(h.items[0].value, TEXT("malformed")));
    cr_assert_str_eq(h.items[1].name, "topic");
    cr_assert(text_equal(h.items[1].value, TEXT("hlidka.auth.requests")));
    cr_assert_str_eq(h.items[2].name, "partition");
    cr_assert(text_equal(h.items[2].value, TEXT("-2147483648")));
    cr_assert_str_eq(h.items[3].name, "offset");
    cr_assert(text_equal(h.items[3].value, TEXT("-9223372036854775808")));
}

Test(dead_letter, fifty_letters_in_any_second_and_no_more, .timeout = 5)
{
    struct dead_allowance a = { 0 };
    uint64_t taken[200];
    size_t n = 0;

    for (uint64_t now = 5000; now < 8000; now += 7) {
        if (dead_allowance_take(&a, now, 100))
            taken[n++] = now;
    }
    cr_assert_eq(n, 150);
    for (size_t i = DEAD_LETTERS_A_SECOND; i < n; i++)
        cr_assert_geq(taken[i] - taken[i - DEAD_LETTERS_A_SECOND], 1000);
}

Test(dead_letter, a_mebibyte_in_any_second_and_no_more, .timeout = 5)
{
    struct dead_allowance a = { 0 };

    cr_assert(dead_allowance_take(&a, 0, 1000000));
    cr_assert(!dead_allowance_take(&a, 0, 48577));
    cr_assert(dead_allowance_take(&a, 500, 48576));
    cr_assert(!dead_allowance_take(&a, 999, 1));
    cr_assert(dead_allowance_take(&a, 1000, 1000000));
    cr_assert(!dead_allowance_take(&a, 1499, 1));
    cr_assert(dead_allowance_take(&a, 1500, 1));
    cr_assert(!dead_allowance_take(&a, 9000, DEAD_BYTES_A_SECOND + 1), "never, then");
    cr_assert(dead_allowance_take(&a, 9000, DEAD_BYTES_A_SECOND));
}
