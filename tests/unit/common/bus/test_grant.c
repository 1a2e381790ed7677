#include "grant.h"

#include "event_types.h"

#include <criterion/criterion.h>

Test(grant, is_of_one_of_five_forms, .timeout = 5)
{
    static const struct {
        const char *text;
        bool valid;
    } cases[] = {
        { "*", true }, { "auth.*", true }, { "auth.session.list", true }, { "auth.sess*", true }, { "event:app.*", true },
        { "event:auth.login", true }, { "event:*", true },
        { "", false }, { "event:", false }, { "**", false }, { "auth.*.list", false }, { "*.list", false }, { "Auth.*", false },
        { "auth list", false }, { "events:app.*", false }, { "event:event:x", false }, { "auth.\xc5\x99", false },
        { "event:log.gap", false }, { "event:audit.queried", false },
        { "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct grant g;
        cr_assert_eq(grant_read(text_of(cases[i].text), &g), cases[i].valid, "%s", cases[i].text);
    }
}

Test(grant, covers_ops, .timeout = 5)
{
    static const struct {
        const char *grant, *op;
        bool is_signed, covered;
    } cases[] = {
        { "*", "auth.user.update", true, true }, { "*", "", false, true },
        { "auth.*", "auth.session.list", false, true }, { "auth.*", "auth.", false, true }, { "auth.*", "auth", false, false },
        { "auth.*", "authx.session", false, false }, { "auth.*", "auth.user.update", true, false },
        { "auth.user.update", "auth.user.update", true, true }, { "auth.user.update", "auth.user.update2", true, false },
        { "auth.user.update", "auth.user.updat", true, false },
        { "event:auth.*", "auth.session.list", false, false }, { "event:*", "auth.session.list", false, false },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct grant g;
        cr_assert(grant_read(text_of(cases[i].grant), &g));
        cr_assert_eq(grant_covers(&g, text_of(cases[i].op), cases[i].is_signed), cases[i].covered, "%s of %s", cases[i].op,
                     cases[i].grant);
    }
    struct grant g;
    cr_assert(grant_read(TEXT("auth.session.list"), &g));
    cr_assert(!grant_covers(&g, TEXT("auth.session.list\0"), false), "a NUL is a character like others");
}

Test(grant, covers_types_of_events, .timeout = 5)
{
    static const struct {
        const char *grant, *type;
        bool covered;
    } cases[] = {
        { "event:app.*", "app.lesson", true }, { "event:app.*", "app", false }, { "event:app.*", "application.x", false },
        { "event:auth.login", "auth.login", true }, { "event:auth.login", "auth.login.again", false },
        { "event:*", "auth.login", true }, { "*", "auth.login", true }, { "*", "unheard.of", true },
        { "auth.*", "auth.login", false }, { "auth.login", "auth.login", false },
        { "*", "log.gap", false }, { "*", "log.conflict", false }, { "*", "log.tick", false }, { "*", "audit.queried", false },
        { "*", "audit.subject.erased", false }, { "event:*", "log.gap", false }, { "event:log.*", "log.gap", false },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct grant g;
        cr_assert(grant_read(text_of(cases[i].grant), &g));
        cr_assert_eq(grant_covers_event(&g, text_of(cases[i].type)), cases[i].covered, "%s of %s", cases[i].type, cases[i].grant);
    }
}

Test(event_types, are_those_of_the_contract_and_any_under_app, .timeout = 5)
{
    static const struct {
        const char *type;
        bool known;
    } cases[] = {
        { "auth.login", true }, { "auth.sessions.revoked_all", true }, { "bus.rejected", true }, { "config.changed", true },
        { "log.tick", true }, { "app.x", true }, { "app.lesson.created_2", true },
        { "app", false }, { "app.", false }, { "app.Lesson", false }, { "app.a-b", false }, { "app.\xc4\x8d", false },
        { "", false },
        { "auth.", false }, { "auth.login.again", false }, { "unheard.of", false }, { "APP.X", false },
        { "app.xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", true },       /* 64 */
        { "app.xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", false },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        cr_assert_eq(event_type_known(text_of(cases[i].type)), cases[i].known, "%s", cases[i].type);
}
