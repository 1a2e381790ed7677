#include <criterion/criterion.h>
#include <string.h>

#include "hlidka.h"

Test(body, what_is_written_is_read_again, .timeout = 5)
{
    struct hlidka_body *b = hlidka_body_new();
    struct hlidka_value v, key;

    hlidka_put_text(b, "user_id", "u-1");
    hlidka_put_uint(b, "cost", UINT64_MAX);
    hlidka_put_int(b, "below", -5);
    hlidka_put_bool(b, "peek", true);
    hlidka_put_bin(b, "data", "\0\1", 2);
    hlidka_begin_map(b, "device");
    hlidka_put_text(b, "type", "web");
    hlidka_end(b);
    hlidka_begin_list(b, "roles");
    hlidka_put_text(b, NULL, "a");
    hlidka_put_text(b, NULL, "b");
    hlidka_end(b);
    struct hlidka_bytes m = hlidka_body_bytes(b);
    cr_assert(m.data);
    v = hlidka_get(m, "user_id");
    cr_assert(v.type == HLIDKA_TEXT && v.len == 3 && memcmp(v.text, "u-1", 3) == 0);
    cr_assert_eq(hlidka_get(m, "cost").uint, UINT64_MAX);
    cr_assert_eq(hlidka_get(m, "below").sint, -5);
    cr_assert(hlidka_get(m, "peek").boolean);
    cr_assert_eq(hlidka_get(m, "data").bytes.len, 2);
    cr_assert_eq(hlidka_get(hlidka_get(m, "device").bytes, "type").type, HLIDKA_TEXT);
    cr_assert_eq(hlidka_get(m, "nothing").type, HLIDKA_NONE);
    cr_assert_eq(hlidka_get(hlidka_get(m, "cost").bytes, "x").type, HLIDKA_NONE);
    struct hlidka_cursor at = hlidka_walk(hlidka_get(m, "roles").bytes);
    cr_assert(hlidka_next(&at, &key, &v) && v.text[0] == 'a');
    cr_assert(hlidka_next(&at, NULL, &v) && v.text[0] == 'b');
    cr_assert_not(hlidka_next(&at, NULL, &v));
    cr_assert_eq(hlidka_value_of(m).count, 7);
    hlidka_body_free(b);
}

static void end_too_often(struct hlidka_body *b)
{
    hlidka_end(b);
}

static void end_too_seldom(struct hlidka_body *b)
{
    hlidka_begin_map(b, "a");
}

static void name_missing(struct hlidka_body *b)
{
    hlidka_put_uint(b, NULL, 1);
}

static void not_utf8(struct hlidka_body *b)
{
    hlidka_put_text(b, "a", "\xff");
}

static void no_text(struct hlidka_body *b)
{
    hlidka_put_text(b, "a", NULL);
}

static void name_in_a_list(struct hlidka_body *b)
{
    hlidka_begin_list(b, "a");
    hlidka_put_uint(b, "b", 1);
    hlidka_end(b);
}

static void too_deep(struct hlidka_body *b)
{
    for (int i = 0; i < 8; i++)
        hlidka_begin_map(b, "a");
    for (int i = 0; i < 8; i++)
        hlidka_end(b);
}

static void too_large(struct hlidka_body *b)
{
    static const char data[600000];

    hlidka_put_bin(b, "a", data, sizeof(data));
    hlidka_put_bin(b, "b", data, sizeof(data));
}

Test(body, a_mistake_sticks_and_is_told_at_the_end, .timeout = 5)
{
    static void (*const WRONG[])(struct hlidka_body *b) = {
        end_too_often, end_too_seldom, name_missing, not_utf8, no_text, name_in_a_list, too_deep, too_large,
    };

    for (size_t i = 0; i < sizeof(WRONG) / sizeof(WRONG[0]); i++) {
        struct hlidka_body *b = hlidka_body_new();
        WRONG[i](b);
        struct hlidka_bytes m = hlidka_body_bytes(b);
        cr_assert(m.data == NULL && m.len == 1, "case %zu", i);
        hlidka_body_free(b);
    }
    cr_assert_null(hlidka_body_bytes(NULL).data);
}
