#include "rule.h"

#include <criterion/criterion.h>

TestSuite(rule, .timeout = 20);

/* ---- globs ----------------------------------------------------------------------------------------------------- */

static const struct {
    const char *pattern, *value;
    bool cased, matches;
} GLOBS[] = {
    { "auth.login", "auth.login", true, true },
    { "auth.login", "AUTH.login", true, false },
    { "auth.login", "AUTH.login", false, true },
    { "auth.login", "auth.logi", false, false },
    { "auth.login", "auth.login2", false, false },
    { "", "", false, true },
    { "", "a", false, false },
    { "*", "", false, true },
    { "*", "anything", false, true },
    { "**", "", false, true },
    { "auth.*", "auth.", false, true },
    { "auth.*", "auth", false, false },
    { "*login", "auth.login", false, true },
    { "*a*b*c", "xaxxbxaxbc", false, true },
    { "*a*b*c", "xaxxbxaxb", false, false },
    { "*aab", "aaaaab", false, true },
    { "a?c", "abc", false, true },
    { "a?c", "ac", false, false },
    { "a?c", "a\xc5\x99" "c", false, true },        /* a character, not a byte */
    { "a??c", "a\xc5\x99" "c", false, false },
    { "a\\*c", "a*c", false, true },
    { "a\\*c", "abc", false, false },
    { "a\\?c", "abc", false, false },
    { "a\\\\c", "a\\c", false, true },
    { "a\\c", "a\\c", false, true },                /* before others it is one */
    { "a\\", "a\\", false, true },
    { "a\\\\*", "a\\bcd", false, true },            /* a backslash, then any run */
    { "\xc5\x98", "\xc5\x99", false, false },       /* only ASCII has two cases here */
};

Test(rule, a_pattern_matches_what_it_says_and_nothing_else)
{
    for (size_t i = 0; i < sizeof(GLOBS) / sizeof(GLOBS[0]); i++)
        cr_assert_eq(rule_glob(text_of(GLOBS[i].pattern), text_of(GLOBS[i].value), GLOBS[i].cased), GLOBS[i].matches, "%s of %s",
                     GLOBS[i].pattern, GLOBS[i].value);
}

/* a*a*a*…b against aaaa… would take for ever if every star were gone back to. */
Test(rule, many_stars_take_no_time)
{
    static char pattern[256], value[256];

    for (size_t i = 0; i < 250; i += 2)
        memcpy(pattern + i, "a*", 2);
    memset(value, 'a', 255);
    strncat(pattern, "b", 2);
    cr_assert_not(rule_glob(text_of(pattern), text_of(value), false));
}

/* ---- fields ---------------------------------------------------------------------------------------------------- */

static const struct event_attr ATTRS[] = {
    { TEXT("count"), { .type = MP_UINT, .uint = 18446744073709551615u } },
    { TEXT("delta"), { .type = MP_INT, .sint = -7 } },
    { TEXT("claimed"), { .type = MP_BOOL, .boolean = true } },
    { TEXT("reason"), { .type = MP_STR, .str = TEXT("stale_auth") } },
};

static const struct log_record RECORD = {
    .seq = 3,
    .src = TEXT("auth"),
    .event = { .type = TEXT("auth.login"), .outcome = OUTCOME_DENIED, .user_id = TEXT("Ada"), .ip = TEXT("198.51.100.1"),
               .endpoint = TEXT(""), .attrs = ATTRS, .attr_count = 4 },
};

static const struct {
    const char *name, *value;           /* value NULL: absent */
} FIELDS[] = {
    { "type", "auth.login" }, { "outcome", "denied" }, { "src", "auth" }, { "user_id", "Ada" }, { "ip", "198.51.100.1" },
    { "endpoint", "" }, { "tier", NULL }, { "session_id", NULL }, { "user_agent", NULL }, { "device_id", NULL },
    { "attrs.count", "18446744073709551615" }, { "attrs.delta", "-7" }, { "attrs.claimed", "true" }, { "attrs.reason", "stale_auth" },
    { "attrs.none", NULL },
};

Test(rule, a_field_is_the_text_that_the_record_has)
{
    char number[RULE_NUMBER_LEN];
    struct rule_field f;

    for (size_t i = 0; i < sizeof(FIELDS) / sizeof(FIELDS[0]); i++) {
        cr_assert(rule_field_find(text_of(FIELDS[i].name), &f), "%s", FIELDS[i].name);
        struct text t = rule_field_of(&f, &RECORD, number);
        cr_assert_eq(t.data != NULL, FIELDS[i].value != NULL, "%s", FIELDS[i].name);
        cr_assert(!t.data || text_equal(t, text_of(FIELDS[i].value)), "%s: %.*s", FIELDS[i].name, TEXT_ARG(t));
    }
    cr_assert_not(rule_field_find(TEXT("attrs."), &f));
    cr_assert_not(rule_field_find(TEXT("User_id"), &f));
    cr_assert_not(rule_field_find(TEXT("payload"), &f));
}

/* ---- conditions ------------------------------------------------------------------------------------------------ */

/* Selections a, b, c that match when their bit is set: the record's tier is "abc" without those that do not. */
static bool holds(const char *condition, unsigned bits, bool *reads)
{
    static char names[3][2] = { "a", "b", "c" };
    static struct rule_test tests[3];
    static struct rule_tests any[3];
    static struct rule_selection selections[3];
    static const struct text PATTERN[3] = { TEXT("*a*"), TEXT("*b*"), TEXT("*c*") };
    struct rule_base b = { .selections = selections, .selection_count = 3 };
    struct log_record r = RECORD;
    char tier[4];
    const char *why;
    size_t len = 0;

    for (unsigned i = 0; i < 3; i++) {
        tests[i] = (struct rule_test){ .wanted = WANTED_ANY, .patterns = &PATTERN[i], .count = 1 };
        cr_assert(rule_field_find(TEXT("tier"), &tests[i].field));
        any[i] = (struct rule_tests){ &tests[i], 1 };
        selections[i] = (struct rule_selection){ text_of(names[i]), &any[i], 1 };
        if (bits & 1u << i)
            tier[len++] = names[i][0];
    }
    r.event.tier = (struct text){ tier, len };
    *reads = rule_condition(text_of(condition), &b, &why);
    cr_assert_eq(*reads, why == NULL);
    return *reads && rule_matches(&b, &r);
}

static const struct {
    const char *condition;
    unsigned truth;                     /* bit n: whether it holds for bits n */
} CONDITIONS[] = {
    { "a", 0xaa },
    { "not a", 0x55 },
    { "not not a", 0xaa },
    { "a and b", 0x88 },
    { "a or b", 0xee },
    { "a or b and c", 0xea },           /* and binds closer */
    { "(a or b) and c", 0xe0 },
    { "a and not b", 0x22 },
    { "not (a or b)", 0x11 },
    { "not a or b", 0xdd },             /* not binds closest */
    { "  a  and ( b or (c) ) ", 0xa8 },
};

Test(rule, conditions_bind_as_sigma_has_them)
{
    bool reads;

    for (size_t i = 0; i < sizeof(CONDITIONS) / sizeof(CONDITIONS[0]); i++)
        for (unsigned bits = 0; bits < 8; bits++)
            cr_assert_eq(holds(CONDITIONS[i].condition, bits, &reads), (CONDITIONS[i].truth >> bits & 1) != 0, "%s of %u",
                         CONDITIONS[i].condition, bits);
}

Test(rule, a_condition_that_is_none_is_refused)
{
    static const char *const BAD[] = {
        "", " ", "d", "a b", "a and", "and a", "(a", "a)", "()", "not", "a or or b", "1 of a*", "all of them", "a | count() > 5",
        "((((((((((((((((((a))))))))))))))))))", "not not not not not not not not not not not not not not not not not not a",
        "aa", "a andb",
    };
    bool reads;

    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
        (void)holds(BAD[i], 7, &reads);
        cr_assert_not(reads, "%s", BAD[i]);
    }
}
