#include "authorization_file.h"

#include <criterion/criterion.h>
#include <stdio.h>

TestSuite(authorization_file, .timeout = 10);

static struct authorization a;

static enum result parse(const char *text, struct buffer *why)
{
    buffer_init(why, 8192);
    return authorization_parse(text_bytes(text_of(text)), "rules.yaml", &a, why);
}

/* A list of actions; what is said of it, or NULL when it is good. */
static const struct {
    const char *actions, *message;
} CASES[] = {
    { "[]", NULL },
    { "[{action: a.b, aal: 1}]", NULL },
    { "[{action: \"a.*\", aal: 2, max_age_s: 600}, {action: a.b, aal: 1}, {action: \"*\", aal: 1}]", NULL },
    { "[{action: \"a*\", aal: 1}, {action: a, aal: 1}]", NULL },
    { "{}", "actions: expected a list" }, { "a", "actions: expected a list" },
    { "[a]", "expected" },
    { "[{aal: 1}]", "action: missing" },
    { "[{action: a}]", "aal: missing" },
    { "[{action: a, aal: 3}]", "aal: expected a whole number, 1 to 2" }, { "[{action: a, aal: 0}]", "aal: expected" },
    { "[{action: a, aal: \"2\"}]", "aal: expected" },
    { "[{action: a, aal: 2, max_age_s: 0}]", "max_age_s: expected" }, { "[{action: a, aal: 2, max_age_s: 10m}]", "max_age_s: expected" },
    { "[{action: a, aal: 2, max_age_s: 99999999999}]", "max_age_s: expected" },
    { "[{action: a, aal: 2, max_age: 600}]", "unknown key \"max_age\"" }, { "[{role: a, aal: 2}]", "unknown key \"role\"" },
    { "[{action: \"\", aal: 1}]", "action: expected 1 to 64" }, { "[{action: [a], aal: 1}]", "action: expected" },
    { "[{action: \"*.add\", aal: 1}]", "action: expected [A-Za-z0-9_.:/-]" }, { "[{action: \"a b\", aal: 1}]", "action: expected [" },
    { "[{action: \"a.**\", aal: 1}]", "action: expected [" }, { "[{action: a, aal: 1}, {action: a, aal: 2}]", "stands twice" },
    { "[{action: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, aal: 1}]", "action: expected 1 to 64" },
};

Test(authorization_file, a_mistake_is_named_with_its_line)
{
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct buffer why;
        char text[512];

        snprintf(text, sizeof(text), "version: 1\nroles: []\nactions: %s\n", CASES[i].actions);
        enum result r = parse(text, &why);
        cr_assert_eq(buffer_append(&why, "", 1), RESULT_OK);
        cr_expect_eq(r, CASES[i].message ? RESULT_MALFORMED : RESULT_OK, "%s: %s", CASES[i].actions, why.data);
        if (CASES[i].message)
            cr_expect(strstr((char *)why.data, CASES[i].message) && strstr((char *)why.data, "rules.yaml:3: "), "%s: %s", CASES[i].actions, why.data);
        buffer_free(&why);
    }
}

static const char *const NO_ROLES[] = { "enterprise_*", "*", "\" admin\"", "\"admin \"", "\"ad\\x01min\"", "\"ad\\tmin\"" };

Test(authorization_file, a_role_that_binds_nobody_is_refused)
{
    for (size_t i = 0; i < sizeof(NO_ROLES) / sizeof(NO_ROLES[0]); i++) {
        struct buffer why;
        char text[256];

        snprintf(text, sizeof(text), "version: 1\nactions: []\nroles: [{role: %s, aal: 2}]\n", NO_ROLES[i]);
        cr_expect_eq(parse(text, &why), RESULT_MALFORMED, "%s", NO_ROLES[i]);
        buffer_free(&why);
    }
    struct buffer why;
    cr_expect_eq(parse("version: 1\nactions: []\nroles: [{role: \"head of school\", aal: 2}]\n", &why), RESULT_OK);
    buffer_free(&why);
}

Test(authorization_file, other_bytes_have_another_hash)
{
    uint8_t first[32];
    struct buffer why;

    cr_assert_eq(parse("version: 1\nactions: []\nroles: []\n", &why), RESULT_OK);
    buffer_free(&why);
    memcpy(first, a.sha256, sizeof(first));
    cr_assert_eq(parse("version: 1\nactions: []\nroles: [] \n", &why), RESULT_OK);
    buffer_free(&why);
    cr_expect_neq(memcmp(first, a.sha256, sizeof(first)), 0);
}

Test(authorization_file, what_is_shipped_is_what_the_contract_says)
{
    struct buffer why;
    struct demand missed;
    const struct text admin = TEXT("enterprise_admin");
    struct bearer_facts one = { .aal = 1, .enrolled = true }, two = { .aal = 2, .enrolled = true, .aal2_ms = 1 };

    buffer_init(&why, 8192);
    cr_assert_eq(authorization_load("config/authorize.yaml", &a, &why), RESULT_OK, "%.*s", (int)why.len, why.data);
    buffer_free(&why);
    cr_expect_eq(authorize(&a, TEXT("payment_method.add"), &one, 1, &missed), REFUSED_MFA_REQUIRED);
    cr_expect_eq(missed.max_age_s, 600);
    cr_expect_eq(authorize(&a, TEXT("payment_method.add"), &two, 600001, &missed), ALLOWED);
    cr_expect_eq(authorize(&a, TEXT("payment_method.add"), &two, 600002, &missed), REFUSED_REAUTH_REQUIRED);
    cr_expect_eq(authorize(&a, TEXT("session.list"), &one, 1, &missed), ALLOWED);
    one.roles = &admin;
    one.role_count = 1;
    cr_expect_eq(authorize(&a, TEXT("session.list"), &one, 1, &missed), REFUSED_MFA_REQUIRED);
}
