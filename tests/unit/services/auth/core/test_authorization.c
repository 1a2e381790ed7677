#include "authorization.h"

#include <criterion/criterion.h>

TestSuite(authorization, .timeout = 10);

#define NOW UINT64_C(1700000000000)
#define AGO(seconds) (NOW - UINT64_C(seconds) * 1000)

static const struct authorization RULES = {
    .actions = { { { "payment_method.", true, { 2, 600 } }, { "payment_method.show", false, { 1, 0 } },
                   { "payment_method.show.", true, { 2, 0 } }, { "session.", true, { 1, 0 } }, { "profile.edit", false, { 1, 300 } } }, 5 },
    .roles = { { { "enterprise_admin", false, { 2, 0 } }, { "treasurer", false, { 2, 60 } } }, 2 },
};

#define NO_FACTOR .aal = 1, .auth_ms = AGO(60)
#define AT_1 .aal = 1, .auth_ms = AGO(60), .enrolled = true
#define AT_2(seconds) .aal = 2, .auth_ms = AGO(9000), .aal2_ms = AGO(seconds), .enrolled = true
static const struct text ADMIN[] = { TEXT("teacher"), TEXT("enterprise_admin") }, BOTH[] = { TEXT("enterprise_admin"), TEXT("treasurer") },
                         NEARLY[] = { TEXT("enterprise_admi"), TEXT("enterprise_admins"), TEXT("ENTERPRISE_ADMIN"), TEXT("") };

static const struct {
    const char *action;
    struct bearer_facts facts;
    enum authorization_reason reason;
    struct demand missed;
} CASES[] = {
    { "payment_method.add", { NO_FACTOR }, REFUSED_MFA_ENROLLMENT_REQUIRED, { 2, 600 } },
    { "payment_method.add", { AT_1 }, REFUSED_MFA_REQUIRED, { 2, 600 } },
    { "payment_method.add", { AT_1, .locked = true }, REFUSED_MFA_LOCKED, { 2, 600 } },
    { "payment_method.add", { AT_2(0) }, ALLOWED, { 0, 0 } },
    { "payment_method.add", { AT_2(600) }, ALLOWED, { 0, 0 } },
    { "payment_method.add", { AT_2(601) }, REFUSED_REAUTH_REQUIRED, { 2, 600 } },
    { "payment_method.add", { AT_2(601), .locked = true }, REFUSED_MFA_LOCKED, { 2, 600 } },
    { "payment_method.add", { AT_2(60), .locked = true }, ALLOWED, { 0, 0 } },
    { "payment_method.add", { .aal = 2, .enrolled = true, .aal2_ms = NOW + 5000 }, ALLOWED, { 0, 0 } },   /* another's clock is ahead */
    /* The most specific counts. */
    { "payment_method.show", { NO_FACTOR }, ALLOWED, { 0, 0 } },
    { "payment_method.show.all", { AT_1 }, REFUSED_MFA_REQUIRED, { 2, 0 } },
    { "payment_method.show.all", { AT_2(9000) }, ALLOWED, { 0, 0 } },
    /* At aal 1 the age is the login's. */
    { "profile.edit", { .aal = 1, .auth_ms = AGO(300) }, ALLOWED, { 0, 0 } },
    { "profile.edit", { .aal = 1, .auth_ms = AGO(301) }, REFUSED_REAUTH_REQUIRED, { 1, 300 } },
    /* A role asks whatever the action is, and opens none. */
    { "session.list", { NO_FACTOR }, ALLOWED, { 0, 0 } },
    { "session.list", { NO_FACTOR, .roles = ADMIN, .role_count = 2 }, REFUSED_MFA_ENROLLMENT_REQUIRED, { 2, 0 } },
    { "session.list", { AT_1, .roles = ADMIN, .role_count = 2 }, REFUSED_MFA_REQUIRED, { 2, 0 } },
    { "session.list", { AT_2(9000), .roles = ADMIN, .role_count = 2 }, ALLOWED, { 0, 0 } },
    { "session.list", { AT_2(61), .roles = BOTH, .role_count = 2 }, REFUSED_REAUTH_REQUIRED, { 2, 60 } },
    { "session.list", { NO_FACTOR, .roles = NEARLY, .role_count = 4 }, ALLOWED, { 0, 0 } },
    { "payment_method.add", { AT_2(601), .roles = ADMIN, .role_count = 2 }, REFUSED_REAUTH_REQUIRED, { 2, 600 } },
    { "launch.missiles", { AT_2(0), .roles = ADMIN, .role_count = 2 }, REFUSED_FORBIDDEN, { 0, 0 } },
    /* What no rule names. */
    { "payment_method", { AT_2(0) }, REFUSED_FORBIDDEN, { 0, 0 } }, { "payment_method.", { AT_2(0) }, REFUSED_FORBIDDEN, { 0, 0 } },
    { "payment_methods.add", { AT_2(0) }, REFUSED_FORBIDDEN, { 0, 0 } }, { "PAYMENT_METHOD.add", { AT_2(0) }, REFUSED_FORBIDDEN, { 0, 0 } },
    { "profile.edit.more", { AT_2(0) }, REFUSED_FORBIDDEN, { 0, 0 } }, { "", { AT_2(0) }, REFUSED_FORBIDDEN, { 0, 0 } },
    { "*", { AT_2(0) }, REFUSED_FORBIDDEN, { 0, 0 } },
};

Test(authorization, is_what_the_most_specific_rule_and_every_role_ask_for)
{
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct demand missed;
        enum authorization_reason reason = authorize(&RULES, text_of(CASES[i].action), &CASES[i].facts, NOW, &missed);

        cr_expect_eq(reason, CASES[i].reason, "%zu: %s: %d", i, CASES[i].action, (int)reason);
        cr_expect(missed.aal == CASES[i].missed.aal && missed.max_age_s == CASES[i].missed.max_age_s, "%zu: %s: %u %lu", i,
                  CASES[i].action, missed.aal, (unsigned long)missed.max_age_s);
    }
}

Test(authorization, an_asterisk_alone_names_all_that_nothing_else_does)
{
    static const struct authorization OPEN = { .actions = { { { "", true, { 1, 0 } }, { "a.", true, { 2, 0 } } }, 2 } };
    struct bearer_facts facts = { AT_1 };
    struct demand missed;

    cr_expect_eq(authorize(&OPEN, TEXT("b.c"), &facts, NOW, &missed), ALLOWED);
    cr_expect_eq(authorize(&OPEN, TEXT("a.c"), &facts, NOW, &missed), REFUSED_MFA_REQUIRED);
    cr_expect_eq(authorize(&OPEN, TEXT(""), &facts, NOW, &missed), REFUSED_FORBIDDEN);
}
