#include "mp_reader.h"

#include <criterion/criterion.h>

#define BYTES(literal) ((struct bytes){ (const uint8_t *)literal, sizeof(literal) - 1 })
#define DOC(literal) { (const uint8_t *)literal, sizeof(literal) - 1 }
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct {
    struct bytes doc;
    enum mp_type type;
    int64_t number;
} INTEGERS[] = {
    { DOC("\x00"), MP_UINT, 0 }, { DOC("\x7f"), MP_UINT, 127 }, { DOC("\xff"), MP_INT, -1 }, { DOC("\xe0"), MP_INT, -32 },
    { DOC("\xcc\x00"), MP_UINT, 0 }, { DOC("\xcc\xff"), MP_UINT, 255 }, { DOC("\xcd\x01\x00"), MP_UINT, 256 },
    { DOC("\xce\xff\xff\xff\xff"), MP_UINT, 4294967295 }, { DOC("\xcf\x7f\xff\xff\xff\xff\xff\xff\xff"), MP_UINT, INT64_MAX },
    { DOC("\xd0\x05"), MP_UINT, 5 }, { DOC("\xd0\x80"), MP_INT, -128 }, { DOC("\xd1\x00\x05"), MP_UINT, 5 },
    { DOC("\xd1\x80\x00"), MP_INT, -32768 }, { DOC("\xd2\x7f\xff\xff\xff"), MP_UINT, 2147483647 },
    { DOC("\xd2\x80\x00\x00\x00"), MP_INT, INT32_MIN }, { DOC("\xd3\x00\x00\x00\x00\x00\x00\x00\x05"), MP_UINT, 5 },
    { DOC("\xd3\x80\x00\x00\x00\x00\x00\x00\x00"), MP_INT, INT64_MIN },
};

Test(mp_reader, takes_integers_of_any_width_by_their_value, .timeout = 5)
{
    for (size_t i = 0; i < COUNT(INTEGERS); i++) {
        struct mp_reader in = mp_reader_of(INTEGERS[i].doc);
        struct mp_value v;
        cr_assert_eq(mp_check(INTEGERS[i].doc, 0), RESULT_OK, "%zu", i);
        cr_assert_eq(mp_next(&in, &v), RESULT_OK, "%zu", i);
        cr_assert_eq(v.type, INTEGERS[i].type, "%zu", i);
        cr_assert_eq(v.type == MP_UINT ? (int64_t)v.uint : v.sint, INTEGERS[i].number, "%zu", i);
        cr_assert_eq(in.at, in.end);
    }
}

static const struct {
    struct bytes doc;
    enum mp_type type;
    size_t len;
} RUNS[] = {
    { DOC("\xa0"), MP_STR, 0 }, { DOC("\xa1x"), MP_STR, 1 }, { DOC("\xd9\x01x"), MP_STR, 1 }, { DOC("\xda\x00\x01x"), MP_STR, 1 },
    { DOC("\xdb\x00\x00\x00\x01x"), MP_STR, 1 }, { DOC("\xc4\x00"), MP_BIN, 0 }, { DOC("\xc4\x02\xff\x00"), MP_BIN, 2 },
    { DOC("\xc5\x00\x01x"), MP_BIN, 1 }, { DOC("\xc6\x00\x00\x00\x01x"), MP_BIN, 1 }, { DOC("\xd4\x01x"), MP_EXT, 1 },
    { DOC("\xd5\x01xx"), MP_EXT, 2 }, { DOC("\xd6\xffxxxx"), MP_EXT, 4 }, { DOC("\xd7\x01xxxxxxxx"), MP_EXT, 8 },
    { DOC("\xd8\x01xxxxxxxxxxxxxxxx"), MP_EXT, 16 }, { DOC("\xc7\x03\x01xxx"), MP_EXT, 3 }, { DOC("\xc7\x00\x01"), MP_EXT, 0 },
    { DOC("\xc8\x00\x01\x01x"), MP_EXT, 1 }, { DOC("\xc9\x00\x00\x00\x01\x01x"), MP_EXT, 1 },
};

Test(mp_reader, lends_strings_and_bytes_from_the_document, .timeout = 5)
{
    for (size_t i = 0; i < COUNT(RUNS); i++) {
        struct mp_reader in = mp_reader_of(RUNS[i].doc);
        const uint8_t *end = RUNS[i].doc.data + RUNS[i].doc.len;
        struct mp_value v;
        cr_assert_eq(mp_check(RUNS[i].doc, 0), RESULT_OK, "%zu", i);
        cr_assert_eq(mp_next(&in, &v), RESULT_OK, "%zu", i);
        cr_assert_eq(v.type, RUNS[i].type, "%zu", i);
        cr_assert_eq(v.bin.len, RUNS[i].len, "%zu", i);
        cr_assert_eq(v.bin.data, end - RUNS[i].len, "%zu", i);
    }
}

Test(mp_reader, knows_the_other_scalars, .timeout = 5)
{
    struct bytes doc = BYTES("\xc0\xc2\xc3\xca\x3f\x80\x00\x00\xcb\xbf\xe0\x00\x00\x00\x00\x00\x00");
    struct mp_reader in = mp_reader_of(doc);
    struct mp_value v;

    cr_assert(mp_next(&in, &v) == RESULT_OK && v.type == MP_NIL);
    cr_assert(mp_next(&in, &v) == RESULT_OK && v.type == MP_BOOL && !v.boolean);
    cr_assert(mp_next(&in, &v) == RESULT_OK && v.type == MP_BOOL && v.boolean);
    cr_assert(mp_next(&in, &v) == RESULT_OK && v.type == MP_FLOAT);
    cr_assert_float_eq(v.real, 1.0, 0);
    cr_assert(mp_next(&in, &v) == RESULT_OK && v.type == MP_FLOAT);
    cr_assert_float_eq(v.real, -0.5, 0);
    cr_assert_eq(mp_next(&in, &v), RESULT_TRUNCATED);
}

Test(mp_reader, gives_the_head_of_a_container_then_what_is_in_it, .timeout = 5)
{
    struct bytes doc = BYTES("\x82\xa1" "a\x92\x01\x02\xa1" "b\xdc\x00\x01\xc0");
    static const enum mp_type types[] = { MP_MAP, MP_STR, MP_ARRAY, MP_UINT, MP_UINT, MP_STR, MP_ARRAY, MP_NIL };
    static const uint32_t counts[] = { 2, 0, 2, 0, 0, 0, 1, 0 };
    struct mp_reader in = mp_reader_of(doc);

    cr_assert_eq(mp_check(doc, 2), RESULT_OK);
    for (size_t i = 0; i < COUNT(types); i++) {
        struct mp_value v;
        cr_assert_eq(mp_next(&in, &v), RESULT_OK);
        cr_assert_eq(v.type, types[i], "%zu", i);
        if (v.type == MP_MAP || v.type == MP_ARRAY)
            cr_assert_eq(v.count, counts[i], "%zu", i);
    }
    cr_assert_eq(in.at, in.end);
}

static const struct {
    struct bytes doc;
    enum result result;
    const char *why;
} REFUSED[] = {
    { { NULL, 0 }, RESULT_TRUNCATED, "nothing" },
    { DOC("\xc1"), RESULT_MALFORMED, "the byte that is never used" },
    { DOC("\x91\xc1"), RESULT_MALFORMED, "the same, inside" },
    { DOC("\xc0\xc0"), RESULT_MALFORMED, "a second document" },
    { DOC("\x80\x00"), RESULT_MALFORMED, "a byte after the document" },
    { DOC("\xcc"), RESULT_TRUNCATED, "uint8 without its byte" },
    { DOC("\xcf\0\0\0\0\0\0\0"), RESULT_TRUNCATED, "uint64 of seven bytes" },
    { DOC("\xd3\0\0\0\0\0\0\0"), RESULT_TRUNCATED, "int64 of seven bytes" },
    { DOC("\xca\0\0\0"), RESULT_TRUNCATED, "float of three bytes" },
    { DOC("\xa2x"), RESULT_TRUNCATED, "str one short" },
    { DOC("\xd9"), RESULT_TRUNCATED, "str8 without length" },
    { DOC("\xdb\xff\xff\xff\xff"), RESULT_TRUNCATED, "str of 4 GiB" },
    { DOC("\xc6\xff\xff\xff\xff" "x"), RESULT_TRUNCATED, "bin of 4 GiB" },
    { DOC("\xc9\xff\xff\xff\xff\x01x"), RESULT_TRUNCATED, "ext of 4 GiB" },
    { DOC("\xd4"), RESULT_TRUNCATED, "ext without type" },
    { DOC("\xd4\x01"), RESULT_TRUNCATED, "ext without payload" },
    { DOC("\xdd\xff\xff\xff\xff"), RESULT_TRUNCATED, "array of 4 G elements" },
    { DOC("\xdf\xff\xff\xff\xff"), RESULT_TRUNCATED, "map of 4 G pairs" },
    { DOC("\xdf\x80\x00\x00\x00" "xx"), RESULT_TRUNCATED, "map whose doubled count would wrap" },
    { DOC("\x92\x01"), RESULT_TRUNCATED, "array one short" },
    { DOC("\x81\x01"), RESULT_TRUNCATED, "map without a value" },
    { DOC("\x82\x01\x01\x02"), RESULT_TRUNCATED, "map with half a pair" },
    { DOC("\x92\x91\x01"), RESULT_TRUNCATED, "the outer one is short" },
    { DOC("\xa1\xff"), RESULT_BAD_UTF8, "no UTF-8" },
    { DOC("\x81\xa2\xc0\x80\x01"), RESULT_BAD_UTF8, "over-long key" },
    { DOC("\x91\xa3\xed\xa0\x80"), RESULT_BAD_UTF8, "surrogate" },
    { DOC("\xa1\xc3"), RESULT_BAD_UTF8, "half a character" },
};

Test(mp_reader, refuses_broken_documents, .timeout = 5)
{
    for (size_t i = 0; i < COUNT(REFUSED); i++)
        cr_assert_eq(mp_check(REFUSED[i].doc, 8), REFUSED[i].result, "%s", REFUSED[i].why);
}

/* n arrays within each other, then one scalar. */
static struct bytes nested(uint8_t *out, size_t n)
{
    memset(out, 0x91, n);
    out[n] = 0xc0;
    return (struct bytes){ out, n + 1 };
}

Test(mp_reader, bounds_the_depth, .timeout = 5)
{
    uint8_t doc[100];

    for (unsigned depth = 0; depth <= 32; depth++) {
        cr_assert_eq(mp_check(nested(doc, depth), depth), RESULT_OK, "%u", depth);
        cr_assert_eq(mp_check(nested(doc, depth + 1), depth), RESULT_TOO_DEEP, "%u", depth);
    }
    cr_assert_eq(mp_check(nested(doc, 33), 1000), RESULT_TOO_DEEP, "32 is the most that anybody gets");
    cr_assert_eq(mp_check(BYTES("\x80"), 0), RESULT_TOO_DEEP);
    cr_assert_eq(mp_check(BYTES("\x92\x90\x91\x90"), 2), RESULT_TOO_DEEP);
    cr_assert_eq(mp_check(BYTES("\x94\x90\x90\x91\x01\x80"), 2), RESULT_OK);
}

Test(mp_reader, skips_one_value_and_no_more, .timeout = 5)
{
    struct mp_reader in = mp_reader_of(BYTES("\x82\x01\x93\x01\x02\xa1x\x02\x81\x00\xc0\x2a"));
    struct mp_value v;

    cr_assert_eq(mp_skip(&in), RESULT_OK);
    cr_assert(mp_next(&in, &v) == RESULT_OK && v.type == MP_UINT && v.uint == 42);
    cr_assert_eq(mp_skip(&in), RESULT_TRUNCATED);
}

Test(mp_reader, skips_any_depth_without_recursion, .timeout = 5)
{
    static uint8_t doc[1000001];
    struct mp_reader in = mp_reader_of(nested(doc, sizeof(doc) - 1));

    cr_assert_eq(mp_skip(&in), RESULT_OK);
    cr_assert_eq(in.at, in.end);
}

Test(mp_reader, skips_no_bomb, .timeout = 5)
{
    static uint8_t doc[1000000];

    /* Heads that each claim all that is left, nested: what is owed must not add up to more than there is. */
    for (size_t i = 0; i + 5 <= sizeof(doc); i += 5) {
        doc[i] = 0xdd;
        bytes_put_u32(doc + i + 1, (uint32_t)(sizeof(doc) - i - 5));
    }
    struct mp_reader in = mp_reader_of((struct bytes){ doc, sizeof(doc) });
    cr_assert_eq(mp_skip(&in), RESULT_TRUNCATED);
    cr_assert_eq(in.at, doc + 10, "given up at the second head");

    in = mp_reader_of(BYTES("\xdf\xff\xff\xff\xff\xdf\xff\xff\xff\xff"));
    cr_assert_eq(mp_skip(&in), RESULT_TRUNCATED);
    in = mp_reader_of(BYTES("\x92\xc1\x01"));
    cr_assert_eq(mp_skip(&in), RESULT_MALFORMED);
}
