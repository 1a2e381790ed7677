#include "rules_file.h"

#include <criterion/criterion.h>
#include <sodium.h>
#include <stdio.h>

TestSuite(rules_file, .timeout = 20);

#define BASE                                                                                                 \
    "title: Failed login\nname: failed-login\nlogsource: { product: hlidka }\n"                              \
    "detection:\n  s: { type: auth.login, outcome: failure }\n  condition: s\n"
#define RULE                                                                                                 \
    "title: Many\nname: many\nlevel: high\ntags: [attack.credential-access, cve.2021-1, attack.t1110.001]\n"  \
    "correlation:\n  type: event_count\n  rules: [failed-login]\n  group-by: [user_id]\n  timespan: 10m\n"    \
    "  condition: { gte: 10 }\nx-runbook: docs/x.md\n"

static struct rule_set *set;            /* each test has a process of its own */
static struct buffer why;

static enum result parse(const char *text)
{
    const struct rules_source source = { "a.yaml", text_bytes(text_of(text)) };

    rule_set_free(set);
    set = NULL;
    buffer_free(&why);
    buffer_init(&why, 16384);
    return rules_parse(&source, 1, &set, &why);
}

static bool says(const char *part)
{
    return why.len > 0 && memmem(why.data, why.len, part, strlen(part)) != NULL;
}

Test(rules_file, a_rule_is_read_as_it_is_written)
{
    cr_assert_eq(parse("# two documents\n---\n" BASE "---\n" RULE), RESULT_OK, "%.*s", (int)why.len, (const char *)why.data);
    cr_assert(set->base_count == 1 && set->rule_count == 1);
    const struct correlation *r = &set->rules[0];
    cr_assert(text_equal(r->name, TEXT("many")) && text_equal(r->title, TEXT("Many")) && text_equal(r->runbook, TEXT("docs/x.md")));
    cr_assert(r->level == LEVEL_HIGH && r->attack_count == 2 && text_equal(r->attack[1], TEXT("t1110.001")));
    cr_assert(r->timespan_ms == 600000 && r->least == 10 && r->group_count == 1 && r->group_by[0].kind == FIELD_USER_ID);
    cr_assert(r->base_count == 1 && r->bases[0] == 0 && rule_set_reach_ms(set) == 600000 + RULE_LATE_MS);
    rule_set_free(set);
}

Test(rules_file, a_rule_may_stand_before_what_it_counts_and_in_another_file)
{
    const struct rules_source sources[2] = { { "a.yaml", text_bytes(text_of(RULE)) }, { "b.yaml", text_bytes(text_of(BASE)) } };
    uint8_t sha256[32];

    buffer_init(&why, 16384);
    cr_assert_eq(rules_parse(sources, 2, &set, &why), RESULT_OK, "%.*s", (int)why.len, (const char *)why.data);
    crypto_hash_sha256(sha256, (const uint8_t *)RULE BASE, strlen(RULE BASE));
    cr_assert_eq(memcmp(sha256, set->sha256, 32), 0);
    rule_set_free(set);
}

Test(rules_file, what_is_shipped_is_read)
{
    buffer_init(&why, 16384);
    cr_assert_eq(rules_load("config/rules", &set, &why), RESULT_OK, "%.*s", (int)why.len, (const char *)why.data);
    bool found = false;
    for (size_t i = 0; i < set->rule_count; i++) {
        const struct correlation *r = &set->rules[i];
        FILE *runbook = fopen(r->runbook.data, "r");
        cr_assert(runbook, "%s", r->runbook.data);
        fclose(runbook);
        found |= text_equal(r->name, TEXT("brute-force-user")) && r->least == 10 && r->timespan_ms == 600000;
    }
    cr_assert(found);
    rule_set_free(set);
}

/* ---- what a detection matches ----------------------------------------------------------------------------------- */

static const struct {
    const char *detection;
    bool matches;                       /* type auth.login, outcome failure, user_id Ada, attrs.reason stale_auth, count 3 */
} DETECTIONS[] = {
    { "s: { type: auth.login }\n  condition: s", true },
    { "s: { type: AUTH.Login }\n  condition: s", true },
    { "s: { type|cased: AUTH.Login }\n  condition: s", false },
    { "s: { user_id: ada }\n  condition: s", false },
    { "s: { user_id: Ada, outcome: success }\n  condition: s", false },
    { "s: { outcome: [success, failure] }\n  condition: s", true },
    { "s: { type: auth.* }\n  condition: s", true },
    { "s: { type|startswith: auth. }\n  condition: s", true },
    { "s: { type|endswith: auth. }\n  condition: s", false },
    { "s: { type|contains: h.l }\n  condition: s", true },
    { "s: { type|contains|all: [auth, login] }\n  condition: s", true },
    { "s: { type|contains|all: [auth, logout] }\n  condition: s", false },
    { "s: { attrs.reason: stale_auth, attrs.count: 3 }\n  condition: s", true },
    { "s: { ip: null }\n  condition: s", true },
    { "s: { user_id: null }\n  condition: s", false },
    { "s: { user_id: \"null\" }\n  condition: s", false },
    { "s: { user_id|exists: true, tier|exists: false }\n  condition: s", true },
    { "s:\n    - { outcome: denied }\n    - { type: auth.login, outcome: failure }\n  condition: s", true },
    { "s: { type: auth.login }\n  filter: { attrs.reason|contains: stale }\n  condition: s and not filter", false },
    { "s: { tier: \"*\" }\n  condition: s", false },
};

static bool fits_types(struct text type)
{
    for (size_t i = 0; i < set->types.count; i++)
        if (rule_glob(set->types.globs[i], type, true))
            return true;
    return set->types.any;
}

Test(rules_file, detections_match_what_they_say)
{
    static const struct event_attr ATTRS[] = { { TEXT("reason"), { .type = MP_STR, .str = TEXT("stale_auth") } },
                                               { TEXT("count"), { .type = MP_UINT, .uint = 3 } } };
    const struct log_record record = { .src = TEXT("auth"), .event = { .type = TEXT("auth.login"), .outcome = OUTCOME_FAILURE,
        .user_id = TEXT("Ada"), .attrs = ATTRS, .attr_count = 2 } };
    char text[4096];

    for (size_t i = 0; i < sizeof(DETECTIONS) / sizeof(DETECTIONS[0]); i++) {
        snprintf(text, sizeof(text), "title: T\nname: failed-login\nlogsource: { product: hlidka }\ndetection:\n  %s\n---\n" RULE,
                 DETECTIONS[i].detection);
        cr_assert_eq(parse(text), RESULT_OK, "%s: %.*s", DETECTIONS[i].detection, (int)why.len, (const char *)why.data);
        cr_assert_eq(rule_matches(&set->bases[0], &record), DETECTIONS[i].matches, "%s", DETECTIONS[i].detection);
        cr_assert(!DETECTIONS[i].matches || fits_types(record.event.type), "%s", DETECTIONS[i].detection);
    }
    rule_set_free(set);
}

/* What types a condition leaves, as globs in their order; NULL: any. */
static const struct {
    const char *detection, *globs;
} TYPES[] = {
    { "s: { type: auth.login, outcome: failure }\n  condition: s", "auth.login" },
    { "s: { outcome: failure, type: [Auth.Login, app.*] }\n  condition: s", "auth.login app.*" },
    { "s: { outcome: failure }\n  condition: s", NULL },
    { "s: { type|startswith: auth. }\n  condition: s", "auth.*" },
    { "s: { type|contains|all: [auth, login] }\n  condition: s", "*auth* *login*" },
    { "s: { type|exists: true }\n  condition: s", NULL },
    { "s: { type: null }\n  condition: s", "" },
    { "s: { type: [\"Příhoda\", \"a b\", \"auth\\\\*\", log.gap] }\n  condition: s", "log.gap" },      /* no type is like those */
    { "s:\n    - { type: log.gap }\n    - { outcome: denied }\n  condition: s", NULL },
    { "s:\n    - { type: log.gap }\n    - { type: log.conflict }\n  condition: s", "log.gap log.conflict" },
    { "a: { type: x }\n  b: { type: y }\n  condition: a or b", "x y" },
    { "a: { type: x }\n  b: { tier: y }\n  condition: a or b", NULL },
    { "a: { tier: x }\n  b: { type: y }\n  condition: a and b", "y" },
    { "a: { type: x }\n  b: { type: y }\n  condition: a and not b", "x" },
    { "a: { type: x }\n  condition: not a", NULL },
    { "a: { type: x }\n  b: { type: y }\n  condition: not (a or b) and a or b", "x y" },
};

Test(rules_file, what_types_rules_want_is_known)
{
    char text[4096];

    for (size_t i = 0; i < sizeof(TYPES) / sizeof(TYPES[0]); i++) {
        char globs[128] = "";
        snprintf(text, sizeof(text), "title: T\nname: failed-login\nlogsource: { product: hlidka }\ndetection:\n  %s\n---\n" RULE,
                 TYPES[i].detection);
        cr_assert_eq(parse(text), RESULT_OK, "%s: %.*s", TYPES[i].detection, (int)why.len, (const char *)why.data);
        for (size_t k = 0; k < set->types.count; k++)
            snprintf(globs + strlen(globs), sizeof(globs) - strlen(globs), "%s%.*s", k ? " " : "", TEXT_ARG(set->types.globs[k]));
        cr_expect_eq(set->types.any, TYPES[i].globs == NULL, "%s", TYPES[i].detection);
        cr_expect_str_eq(globs, TYPES[i].globs ? TYPES[i].globs : "", "%s", TYPES[i].detection);
    }
    rule_set_free(set);
}

/* ---- what is refused -------------------------------------------------------------------------------------------- */

/* A line of BASE or RULE replaced by another. */
static const struct {
    const char *old, *by, *message;
} BAD[] = {
    { "  type: event_count", "  type: value_count", "a.yaml:13: type: value_count is not supported" },
    { "  type: event_count", "  type: temporal_ordered", "type: temporal_ordered is not supported" },
    { "  timespan: 10m", "  timespan: 10m\n  generate: true", "generate" },
    { "  timespan: 10m", "  timespan: 10m\n  aliases: { a: { b: c } }", "aliases" },
    { "  timespan: 10m", "  timespan: 10", "timespan: expected" },
    { "  timespan: 10m", "  timespan: 2d", "timespan: expected" },
    { "  timespan: 10m", "  timespan: 0m", "timespan: expected" },
    { "  timespan: 10m", "  timespan: -1m", "timespan: expected" },
    { "  timespan: 10m", "", "timespan: missing" },
    { "  condition: { gte: 10 }", "  condition: { gte: 0 }", "gte: expected" },
    { "  condition: { gte: 10 }", "  condition: { gte: 1025 }", "gte: expected" },
    { "  condition: { gte: 10 }", "  condition: { gt: 1, gte: 2 }", "condition: expected gte or gt" },
    { "  condition: { gte: 10 }", "  condition: { lt: 3 }", "lt" },
    { "  condition: { gte: 10 }", "  condition: { gte: 10, field: ip }", "field" },
    { "  condition: { gte: 10 }", "", "condition: missing" },
    { "  rules: [failed-login]", "  rules: [other]", "there is no base rule other" },
    { "  rules: [failed-login]", "  rules: []", "rules: expected a list" },
    { "  group-by: [user_id]", "  group-by: [user_id, user_id]", "user_id stands twice" },
    { "  group-by: [user_id]", "  group-by: [user]", "events have no field user" },
    { "level: high", "level: severe", "level: expected" },
    { "level: high", "", "level: missing" },
    { "x-runbook: docs/x.md", "", "x-runbook: missing" },
    { "x-runbook: docs/x.md", "x-runbook: docs/x.md\nx-absence: {}", "x-absence" },
    { "name: many", "name: Many", "name: expected" },
    { "name: many", "name: watchdog", "name: expected" },
    { "name: many", "name: failed-login", "failed-login stands twice" },
    { "title: Many", "", "title: missing" },
    { "logsource: { product: hlidka }", "logsource: { product: linux }", "logsource: product: expected hlidka" },
    { "logsource: { product: hlidka }", "logsource: { product: hlidka, service: auth }", "service" },
    { "logsource: { product: hlidka }", "", "logsource: missing" },
    { "  s: { type: auth.login, outcome: failure }", "  s: { kind: auth.login }", "a.yaml:5: kind: events have no such field" },
    { "  s: { type: auth.login, outcome: failure }", "  s: { type|re: a.*b }", "the modifier re is not supported" },
    { "  s: { type: auth.login, outcome: failure }", "  s: { ip|cidr: 10.0.0.0/8 }", "the modifier cidr is not supported" },
    { "  s: { type: auth.login, outcome: failure }", "  s: [words, that, stand, alone]", "keywords are not supported" },
    { "  s: { type: auth.login, outcome: failure }", "  s: { type: { a: b } }", "expected a value" },
    { "  s: { type: auth.login, outcome: failure }", "  s: { type|exists: maybe }", "exists" },
    { "  s: { type: auth.login, outcome: failure }", "  s: {}", "expected a map" },
    { "  condition: s", "  condition: 1 of them", "`1 of` and `all of` are not supported" },
    { "  condition: s", "  condition: t", "names no selection" },
    { "  condition: s", "  condition: s | count() > 5", "something follows" },
    { "  condition: s", "  timeframe: 5m\n  condition: s", "expected a map" },
};

Test(rules_file, what_is_not_understood_is_refused_whole_and_named)
{
    char text[4096];

    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
        const char *good = BASE "---\n" RULE, *at = strstr(good, BAD[i].old);
        cr_assert(at, "%s", BAD[i].old);
        snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - good), good, BAD[i].by, at + strlen(BAD[i].old));
        cr_assert_eq(parse(text), RESULT_MALFORMED, "%s", BAD[i].by);
        cr_assert(says(BAD[i].message), "%s: %.*s", BAD[i].by, (int)why.len, (const char *)why.data);
        cr_assert_null(set);
    }
}

Test(rules_file, a_base_rule_that_nothing_counts_is_refused)
{
    cr_assert_eq(parse(BASE), RESULT_MALFORMED);
    cr_assert(says("no correlation counts failed-login"));
}

Test(rules_file, lines_are_counted_through_all_documents)
{
    cr_assert_eq(parse("---\n" BASE "---\n" RULE "---\n- a\n"), RESULT_MALFORMED);
    cr_assert(says("a.yaml:21: expected a Sigma rule"), "%.*s", (int)why.len, (const char *)why.data);
}

Test(rules_file, a_directory_that_is_not_there_or_is_empty_is_refused)
{
    buffer_init(&why, 16384);
    cr_assert_eq(rules_load("config/none", &set, &why), RESULT_NOT_FOUND);
    cr_assert_eq(rules_load("docs/runbooks", &set, &why), RESULT_NOT_FOUND, "no *.yaml");
}
