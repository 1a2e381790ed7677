#include "cookie.h"

#include <criterion/criterion.h>

TestSuite(cookie, .timeout = 10);

Test(cookie, is_bound_to_the_host_and_to_no_script)
{
    char token[TOKEN_TEXT_LEN + 1], out[COOKIE_MAX];

    memset(token, 'a', TOKEN_TEXT_LEN);
    token[TOKEN_TEXT_LEN] = '\0';
    size_t len = cookie_format(token, 15552000, out);
    cr_expect_eq(len, strlen(out));
    cr_expect_eq(strncmp(out, "__Host-hlidka=", 14), 0);
    cr_expect_eq(strncmp(out + 14, token, TOKEN_TEXT_LEN), 0);
    cr_expect_str_eq(out + 14 + TOKEN_TEXT_LEN, "; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=15552000");
    cr_expect_lt(cookie_format(token, UINT64_MAX, out), COOKIE_MAX, "nothing is cut off");
}

Test(cookie, clearing_is_the_same_without_a_token_and_a_life)
{
    char out[COOKIE_MAX];

    cookie_format("", 0, out);
    cr_expect_str_eq(out, COOKIE_CLEAR);
}
