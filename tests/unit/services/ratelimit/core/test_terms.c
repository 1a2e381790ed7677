#include "terms.h"

#include <criterion/criterion.h>

static struct term widest(size_t i)
{
    static const char NAME[] = "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn";

    return (struct term){
        .policy = text_of(NAME), .scope = (enum scope)(i % SCOPE_COUNT), .algorithm = (enum algorithm)(i % 3),
        .shadow = i % 2, .limit = FIXED_LIMIT_MAX, .burst = FIXED_LIMIT_MAX, .window_us = POLICY_WINDOW_MAX_US,
        .cost = UINT64_MAX, .account = { (uint8_t)i },
    };
}

Test(terms, eight_of_the_widest_come_back_as_they_were, .timeout = 5)
{
    struct term in[MATCH_MAX], out[MATCH_MAX];
    struct buffer b;
    struct bytes rest;
    size_t count;

    buffer_init(&b, TERMS_MAX);
    for (size_t i = 0; i < MATCH_MAX; i++)
        in[i] = widest(i);
    cr_assert_eq(terms_encode(in, MATCH_MAX, &b), RESULT_OK);
    cr_assert_eq(buffer_append(&b, "rest", 4), RESULT_OK);
    cr_assert_eq(terms_decode(buffer_bytes(&b), out, &count, &rest), RESULT_OK);
    cr_expect_eq(count, MATCH_MAX);
    cr_expect(bytes_equal(rest, (struct bytes){ (const uint8_t *)"rest", 4 }));
    for (size_t i = 0; i < count; i++)
        cr_expect(text_equal(in[i].policy, out[i].policy) && in[i].scope == out[i].scope
                  && in[i].algorithm == out[i].algorithm && in[i].shadow == out[i].shadow && in[i].limit == out[i].limit
                  && in[i].burst == out[i].burst && in[i].window_us == out[i].window_us && in[i].cost == out[i].cost
                  && memcmp(in[i].account, out[i].account, POLICY_ACCOUNT_LEN) == 0);
    for (size_t cut = 0; cut + 5 < b.len; cut++)
        cr_expect_eq(terms_decode((struct bytes){ b.data, cut }, out, &count, &rest), RESULT_MALFORMED, "cut to %zu", cut);
    b.data[0] = MATCH_MAX + 1;
    cr_expect_eq(terms_decode(buffer_bytes(&b), out, &count, &rest), RESULT_MALFORMED);
    buffer_free(&b);
}
