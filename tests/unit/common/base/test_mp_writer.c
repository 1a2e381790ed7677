#include "mp_reader.h"
#include "mp_writer.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static void assert_written(const struct buffer *out, const struct mp_writer *w, const char *expected, size_t len)
{
    cr_assert_eq(w->status, RESULT_OK);
    cr_assert_eq(out->len, len);
    cr_assert_arr_eq(out->data, expected, len);
}

#define ASSERT_WRITES(call, expected)                           \
    do {                                                        \
        struct buffer out;                                      \
        buffer_init(&out, 1000);                                \
        struct mp_writer w = mp_writer_to(&out);                \
        call;                                                   \
        assert_written(&out, &w, expected, sizeof(expected) - 1); \
        buffer_free(&out);                                      \
    } while (0)

Test(mp_writer, uses_the_shortest_form_of_integers, .timeout = 5)
{
    ASSERT_WRITES(mp_put_uint(&w, 0), "\x00");
    ASSERT_WRITES(mp_put_uint(&w, 127), "\x7f");
    ASSERT_WRITES(mp_put_uint(&w, 128), "\xcc\x80");
    ASSERT_WRITES(mp_put_uint(&w, 255), "\xcc\xff");
    ASSERT_WRITES(mp_put_uint(&w, 256), "\xcd\x01\x00");
    ASSERT_WRITES(mp_put_uint(&w, 65535), "\xcd\xff\xff");
    ASSERT_WRITES(mp_put_uint(&w, 65536), "\xce\x00\x01\x00\x00");
    ASSERT_WRITES(mp_put_uint(&w, UINT32_MAX), "\xce\xff\xff\xff\xff");
    ASSERT_WRITES(mp_put_uint(&w, UINT64_C(1) << 32), "\xcf\x00\x00\x00\x01\x00\x00\x00\x00");
    ASSERT_WRITES(mp_put_uint(&w, UINT64_MAX), "\xcf\xff\xff\xff\xff\xff\xff\xff\xff");
    ASSERT_WRITES(mp_put_int(&w, 5), "\x05");
    ASSERT_WRITES(mp_put_int(&w, -1), "\xff");
    ASSERT_WRITES(mp_put_int(&w, -32), "\xe0");
    ASSERT_WRITES(mp_put_int(&w, -33), "\xd0\xdf");
    ASSERT_WRITES(mp_put_int(&w, -128), "\xd0\x80");
    ASSERT_WRITES(mp_put_int(&w, -129), "\xd1\xff\x7f");
    ASSERT_WRITES(mp_put_int(&w, -32769), "\xd2\xff\xff\x7f\xff");
    ASSERT_WRITES(mp_put_int(&w, INT64_MIN), "\xd3\x80\x00\x00\x00\x00\x00\x00\x00");
}

Test(mp_writer, writes_the_other_scalars, .timeout = 5)
{
    ASSERT_WRITES(mp_put_nil(&w), "\xc0");
    ASSERT_WRITES(mp_put_bool(&w, false), "\xc2");
    ASSERT_WRITES(mp_put_bool(&w, true), "\xc3");
    ASSERT_WRITES(mp_put_text(&w, TEXT("")), "\xa0");
    ASSERT_WRITES(mp_put_text(&w, ((struct text){ NULL, 0 })), "\xa0");
    ASSERT_WRITES(mp_put_text(&w, TEXT("status")), "\xa6status");
    ASSERT_WRITES(mp_put_text(&w, TEXT("12345678901234567890123456789012")), "\xd9\x20" "12345678901234567890123456789012");
    ASSERT_WRITES(mp_put_bin(&w, NULL, 0), "\xc4\x00");
    ASSERT_WRITES(mp_put_bin(&w, "ab", 2), "\xc4\x02" "ab");
    ASSERT_WRITES(mp_put_raw(&w, text_bytes(TEXT("\x91\x01"))), "\x91\x01");
}

Test(mp_writer, uses_the_shortest_head_of_containers, .timeout = 5)
{
    ASSERT_WRITES(mp_put_array(&w, 0), "\x90");
    ASSERT_WRITES(mp_put_array(&w, 15), "\x9f");
    ASSERT_WRITES(mp_put_array(&w, 16), "\xdc\x00\x10");
    ASSERT_WRITES(mp_put_array(&w, 65536), "\xdd\x00\x01\x00\x00");
    ASSERT_WRITES(mp_put_map(&w, 15), "\x8f");
    ASSERT_WRITES(mp_put_map(&w, 16), "\xde\x00\x10");
    ASSERT_WRITES(mp_put_map(&w, 65536), "\xdf\x00\x01\x00\x00");
}

static const size_t LENGTHS[] = { 31, 32, 255, 256, 65535, 65536, 200000 };

Test(mp_writer, is_read_back_the_same_at_every_length, .timeout = 10)
{
    char *text = malloc(200000);
    struct buffer out;

    cr_assert_not_null(text);
    memset(text, 'x', 200000);
    buffer_init(&out, 500000);
    for (size_t i = 0; i < sizeof(LENGTHS) / sizeof(LENGTHS[0]); i++) {
        struct mp_writer w = mp_writer_to(&out);
        struct mp_value v;
        buffer_reset(&out);
        mp_put_array(&w, 2);
        mp_put_text(&w, (struct text){ text, LENGTHS[i] });
        mp_put_bin(&w, text, LENGTHS[i]);
        cr_assert_eq(w.status, RESULT_OK);
        cr_assert_eq(mp_check(buffer_bytes(&out), 1), RESULT_OK);
        struct mp_reader in = mp_reader_of(buffer_bytes(&out));
        cr_assert(mp_next(&in, &v) == RESULT_OK && v.type == MP_ARRAY && v.count == 2);
        cr_assert(mp_next(&in, &v) == RESULT_OK && v.type == MP_STR && v.str.len == LENGTHS[i]);
        cr_assert(mp_next(&in, &v) == RESULT_OK && v.type == MP_BIN && v.bin.len == LENGTHS[i]);
    }
    buffer_free(&out);
    free(text);
}

Test(mp_writer, remembers_its_first_failure, .timeout = 5)
{
    struct buffer out;

    buffer_init(&out, 4);
    struct mp_writer w = mp_writer_to(&out);
    mp_put_uint(&w, 1);
    cr_assert_eq(w.status, RESULT_OK);
    mp_put_text(&w, TEXT("too long"));
    cr_assert_eq(w.status, RESULT_TOO_LARGE);
    size_t len = out.len;
    mp_put_nil(&w);
    mp_put_raw(&w, text_bytes(TEXT("\xc0")));
    cr_assert_eq(w.status, RESULT_TOO_LARGE);
    cr_assert_eq(out.len, len);
    buffer_free(&out);
}
