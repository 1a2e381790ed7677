#include "headers.h"

#include <criterion/criterion.h>

struct golden {
    const char *what;
    struct judgement in;
    const char *policy, *limit, *retry_after;
};

static const struct golden GOLDEN[] = {
    { "no rows", { .allowed = true }, "", "", "" },
    { "only a shadow row",
      { .allowed = true, .count = 1, .rows = { { .policy = TEXT("s"), .shadow = true, .capacity = 1, .retry_ms = 9 } } },
      "", "", "" },
    { "unused",
      { .allowed = true, .count = 1,
        .rows = { { .policy = TEXT("lessons-free"), .allowed = true, .capacity = 30, .window_ms = 3600000, .remaining = 30 } } },
      "\"lessons-free\";q=30;w=3600", "\"lessons-free\";r=30;t=0", "" },
    { "two rows in their order, the window rounded down, the time up",
      { .allowed = true, .count = 3,
        .rows = { { .policy = TEXT("a"), .allowed = true, .capacity = 5, .window_ms = 1999, .remaining = 4, .reset_ms = 1001 },
                  { .policy = TEXT("s"), .shadow = true },
                  { .policy = TEXT("b"), .allowed = true, .capacity = 7, .window_ms = 999, .remaining = 0, .reset_ms = 1 } } },
      "\"a\";q=5;w=1, \"b\";q=7", "\"a\";r=4;t=2, \"b\";r=0;t=1", "" },
    { "denied: t is at most Retry-After",
      { .retry_ms = 40001, .count = 2,
        .rows = { { .policy = TEXT("a"), .capacity = 30, .window_ms = 3600000, .reset_ms = 3600000, .retry_ms = 40001 },
                  { .policy = TEXT("b"), .allowed = true, .capacity = 9, .window_ms = 60000, .remaining = 8, .reset_ms = 7000 } } },
      "\"a\";q=30;w=3600, \"b\";q=9;w=60", "\"a\";r=0;t=41, \"b\";r=8;t=7", "41" },
    { "denied for good: no Retry-After, and t is what it is",
      { .retry_ms = RETRY_NEVER_MS, .count = 1,
        .rows = { { .policy = TEXT("a"), .capacity = 30, .window_ms = 60000, .remaining = 29, .reset_ms = 60000,
                    .retry_ms = RETRY_NEVER_MS } } },
      "\"a\";q=30;w=60", "\"a\";r=29;t=60", "" },
};

Test(headers, are_what_the_draft_and_the_contract_say, .timeout = 5)
{
    for (size_t i = 0; i < sizeof(GOLDEN) / sizeof(GOLDEN[0]); i++) {
        struct headers h;

        cr_assert_eq(headers_format(&GOLDEN[i].in, &h), RESULT_OK);
        cr_expect_str_eq(h.policy, GOLDEN[i].policy, "%s", GOLDEN[i].what);
        cr_expect_str_eq(h.limit, GOLDEN[i].limit, "%s", GOLDEN[i].what);
        cr_expect_str_eq(h.retry_after, GOLDEN[i].retry_after, "%s", GOLDEN[i].what);
    }
}

Test(headers, of_eight_longest_rows_fit, .timeout = 5)
{
    static const char NAME[] = "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn";
    struct judgement j = { .retry_ms = RETRY_NEVER_MS - 1, .count = MATCH_MAX };
    struct headers h;

    for (size_t i = 0; i < MATCH_MAX; i++)
        j.rows[i] = (struct row){
            .policy = text_of(NAME), .capacity = FIXED_LIMIT_MAX, .window_ms = POLICY_WINDOW_MAX_US / 1000,
            .remaining = FIXED_LIMIT_MAX, .reset_ms = UINT64_C(1) << 42,
        };
    cr_expect_eq(headers_format(&j, &h), RESULT_OK);
}
