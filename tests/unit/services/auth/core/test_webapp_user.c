#include "webapp_user.h"

#include <criterion/criterion.h>

TestSuite(webapp_user, .timeout = 10);

static const struct {
    const char *json, *id;              /* id NULL: none */
} CASES[] = {
    { "{\"id\":42}", "42" },
    { "{\"id\":42,\"first_name\":\"Jiřina\",\"is_premium\":true}", "42" },
    { " { \"first_name\" : \"{\\\"id\\\":1}\" ,\n\"id\" : 7000000123 } ", "7000000123" },
    { "{\"a\":\"\\\\\",\"id\":42}", "42" },
    { "{\"a\":{\"id\":1,\"b\":[\"}\",{\"c\":null}]},\"id\":42,\"d\":[1,2]}", "42" },
    { "{\"id\":9999999999999999999}", "9999999999999999999" },
    { "{\"id\":10000000000000000000}", NULL },
    { "{\"id\":0}", NULL }, { "{\"id\":-5}", NULL }, { "{\"id\":042}", NULL }, { "{\"id\":42.0}", NULL }, { "{\"id\":4e1}", NULL },
    { "{\"id\":\"42\"}", NULL }, { "{\"id\":true}", NULL }, { "{\"id\":null}", NULL }, { "{\"id\":[42]}", NULL },
    { "{\"ID\":42}", NULL }, { "{\"user\":{\"id\":42}}", NULL }, { "{\"id\":1,\"id\":42}", NULL },
    { "{\"id\":42,\"i\\u0064\":1}", NULL },
    { "{\"id\":42}x", NULL }, { "{\"id\":42}{\"id\":42}", NULL }, { "{\"id\":42", NULL }, { "{\"id\":42,}", NULL }, { "{\"id\" 42}", NULL },
    { "{\"id\":}", NULL }, { "{\"id\":42,\"a\":\"b}", NULL }, { "{\"id\":42,\"a\":\"\\", NULL }, { "{\"a\":[}],\"id\":42}", NULL },
    { "{\"a\":[[[[[[[[1]]]]]]]],\"id\":42}", "42" }, { "{\"a\":[[[[[[[[[1]]]]]]]]],\"id\":42}", NULL },
    { "[42]", NULL }, { "42", NULL }, { "", NULL }, { "{}", NULL }, { "{", NULL },
};

Test(webapp_user, is_told_by_one_number_in_one_spelling)
{
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct text id = webapp_user_id(text_of(CASES[i].json));

        if (CASES[i].id)
            cr_expect(text_equal(id, text_of(CASES[i].id)), "%s: %.*s", CASES[i].json, TEXT_ARG(id));
        else
            cr_expect_null(id.data, "%s", CASES[i].json);
    }
}
