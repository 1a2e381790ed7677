#include "json_body.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "ops.h"

static enum result convert(const char *op, const char *json, struct buffer *out)
{
    const struct op *known = op ? ops_find(text_of(op)) : NULL;
    struct buffer why;
    json_t *tree = json_loads(json, JSON_DECODE_ANY, NULL);

    cr_assert(tree, "%s", json);
    buffer_init(&why, 1024);
    enum result r = json_to_body(known ? known->request : NULL, tree, out, &why);
    buffer_free(&why);
    json_decref(tree);
    return r;
}

Test(json_body, json_becomes_what_the_schema_says, .timeout = 5)
{
    static const struct {
        const char *op, *json, *hex;
    } CASES[] = {
        { "ratelimit.check", "{\"cost\": 3}", "81a4636f737403" },
        { "ratelimit.check", "{\"cost\": -1}", "81a4636f7374ff" },
        { "crypto.datakey.open", "{\"wrapped\": \"AAE=\"}", "81a777726170706564c4020001" },          /* a bin */
        { "crypto.decrypt", "{\"items\": [{\"ciphertext\": \"/w==\"}]}",
          "81a56974656d739181aa63697068657274657874c401ff" },                                         /* inside a list */
        { "crypto.datakey.open", "{\"wrapped\": 7}", "81a77772617070656407" },       /* wrong: the service will say */
        { "ratelimit.check", "{\"unknown\": \"AAE=\"}", "81a7756e6b6e6f776ea44141453d" },           /* no bin: text */
        { NULL, "{\"a\": [true, null, 1.5]}", "81a16193c3c0cb3ff8000000000000" },
        { NULL, "7", "07" },                                                                         /* no map at all */
    };

    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct buffer out;
        char hex[256] = "";
        buffer_init(&out, 1024);
        cr_assert_not(convert(CASES[i].op, CASES[i].json, &out), "case %zu", i);
        for (size_t b = 0; b < out.len; b++)
            snprintf(hex + 2 * b, sizeof(hex) - 2 * b, "%02x", out.data[b]);
        cr_assert_str_eq(hex, CASES[i].hex, "case %zu", i);
        buffer_free(&out);
    }
}

Test(json_body, what_cannot_be_written_is_said, .timeout = 5)
{
    char deep[200] = "";
    struct buffer out;

    buffer_init(&out, 64);
    cr_assert_eq(convert("crypto.datakey.open", "{\"wrapped\": \"no base64!\"}", &out), RESULT_MALFORMED);
    buffer_reset(&out);
    memset(deep, '[', 50);
    memset(deep + 50, ']', 50);
    cr_assert_eq(convert(NULL, deep, &out), RESULT_TOO_DEEP);
    buffer_reset(&out);
    cr_assert_eq(convert(NULL, "\"0123456789012345678901234567890123456789012345678901234567890123456789\"", &out),
                 RESULT_TOO_LARGE);
    buffer_free(&out);
}

Test(json_body, msgpack_is_shown_as_json, .timeout = 5)
{
    static const struct {
        const char *msgpack;
        size_t len;
        const char *json;                   /* NULL: is no msgpack */
    } CASES[] = {
        { "\x81\xa1" "a\xc4\x02\x00\x01", 7, "{\"a\":\"AAE=\"}" },
        { "\x93\x01\xff\xc3", 4, "[1,-1,true]" },
        { "\xcf\xff\xff\xff\xff\xff\xff\xff\xff", 9, "\"18446744073709551615\"" },
        { "\x82\x01\x02\xa1" "b\x03", 6, "{\"b\":3}" },           /* a key that is no text is left out */
        { "\xd4\x01\x00", 3, "null" },
        { "\xdd\xff\xff\xff\xff", 5, NULL },
        { "\x01\x02", 2, NULL },
        { "", 0, NULL },
    };

    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        json_t *json = body_to_json((struct bytes){ (const uint8_t *)CASES[i].msgpack, CASES[i].len });
        char *text = json ? json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
        cr_assert_eq(text != NULL, CASES[i].json != NULL, "case %zu", i);
        if (text)
            cr_assert_str_eq(text, CASES[i].json, "case %zu", i);
        free(text);
        json_decref(json);
    }
}
