#include "alerts.h"

#include "audit.h"
#include "codec.h"

#include <criterion/criterion.h>

TestSuite(alerts, .timeout = 20);

static const uint8_t KEY[32] = { 7 };

static struct correlation rule = {
    .name = TEXT("r"), .title = TEXT("A rule"), .runbook = TEXT("docs/r.md"), .level = LEVEL_HIGH,
    .group_by = { { FIELD_USER_ID, TEXT("user_id") }, { FIELD_IP, TEXT("ip") }, { FIELD_ATTR, TEXT("attrs.count") } },
    .group_count = 3,
};
static const struct event_attr ATTRS[] = { { TEXT("count"), { .type = MP_UINT, .uint = 42424242 } } };
static const struct log_record RECORD = {
    .seq = 9, .received = 1700000005000, .src = TEXT("auth"),
    .event = { .type = TEXT("auth.login"), .time = 1700000000000, .outcome = OUTCOME_FAILURE, .user_id = TEXT("u-1"),
               .ip = TEXT("198.51.100.77"), .user_agent = TEXT("Opera"), .device_id = TEXT("phone"), .attrs = ATTRS, .attr_count = 1 },
};
static const struct episode EPISODE = { .first = 1, .last = 2, .count = 10 };
static const struct finding FOUND = {
    .raised = true, .rule = &rule, .record = &RECORD, .episode = &EPISODE, .first_seen = 1699999999000, .last_seen = 1700000000000,
    .seqs = { 1, 5, 9 }, .seq_count = 3,
};

static struct buffer body;
static struct arena arena;

static struct audit_alert decoded(void)
{
    struct field_errors errors;
    struct audit_alert alert;

    arena_init(&arena, NULL, 0, 65536);
    cr_assert_eq(body_decode(&schema_audit_alert, buffer_bytes(&body), &arena, &alert, &errors), RESULT_OK);
    return alert;
}

Test(alerts, the_body_says_what_was_found)
{
    buffer_init(&body, ALERT_BODY_MAX);
    cr_assert_eq(alert_write(&FOUND, 12, KEY, &body), RESULT_OK);
    struct audit_alert a = decoded();
    cr_assert(a.n == 12 && a.count == 10 && a.time == 1700000000000 && a.first_seen == 1699999999000 && a.last_seen == 1700000000000);
    cr_assert(text_equal(a.rule, TEXT("r")) && text_equal(a.title, TEXT("A rule")) && a.level == AUDIT_HIGH);
    cr_assert(a.seqs.count == 3 && a.seqs.items[0] == 1 && a.seqs.items[2] == 9);
    cr_assert(text_equal(a.user_id, TEXT("u-1")) && a.group.count == 3 && text_equal(a.group.pairs[0].value, TEXT("u-1")));
    arena_reset(&arena);
    buffer_free(&body);
}

Test(alerts, nothing_but_the_user_stands_there_in_clear)
{
    static const char *const NOT[] = { "198.51.100.77", "Opera", "phone", "42424242" };

    buffer_init(&body, ALERT_BODY_MAX);
    cr_assert_eq(alert_write(&FOUND, 12, KEY, &body), RESULT_OK);
    for (size_t i = 0; i < sizeof(NOT) / sizeof(NOT[0]); i++)
        cr_assert_null(memmem(body.data, body.len, NOT[i], strlen(NOT[i])), "%s", NOT[i]);
    buffer_free(&body);
}

static bool same(const char *name, const char *value, uint64_t time, const uint8_t key[32])
{
    char a[PSEUDONYM_LEN + 1], b[PSEUDONYM_LEN + 1];

    cr_assert_eq(alert_pseudonym(KEY, 0, TEXT("ip"), TEXT("198.51.100.77"), a), RESULT_OK);
    cr_assert_eq(alert_pseudonym(key, time, text_of(name), text_of(value), b), RESULT_OK);
    cr_assert_eq(strlen(b), PSEUDONYM_LEN);
    return strcmp(a, b) == 0;
}

Test(alerts, a_pseudonym_is_of_its_key_month_name_and_value)
{
    static const uint64_t MONTH = 30ull * 24 * 3600 * 1000;
    static const uint8_t OTHER[32] = { 8 };

    cr_assert(same("ip", "198.51.100.77", MONTH - 1, KEY));
    cr_assert_not(same("ip", "198.51.100.77", MONTH, KEY));
    cr_assert_not(same("ip", "198.51.100.78", 0, KEY));
    cr_assert_not(same("ip", "198.51.100.77", 0, OTHER));
    cr_assert_not(same("device_id", "198.51.100.77", 0, KEY));
    cr_assert_not(same("i", "p198.51.100.77", 0, KEY));
}

Test(alerts, the_kafka_key_is_the_user_or_the_rule)
{
    cr_assert(text_equal(alert_key(&FOUND), TEXT("u-1")));
    rule.group_by[0] = rule.group_by[1];
    cr_assert(text_equal(alert_key(&FOUND), TEXT("r")));
}

Test(alerts, whose_it_is_is_said_by_its_group_alone)
{
    static const struct rule_field USER = { FIELD_USER_ID, TEXT("user_id") }, IP = { FIELD_IP, TEXT("ip") },
                                   TYPE = { FIELD_TYPE, TEXT("type") };
    static const struct {
        struct rule_field group[2];
        bool somebody;
        enum subject_kind kind;
        const char *text;
    } CASES[] = {
        { { USER, TYPE }, true, SUBJECT_USER, "u-1" },
        { { IP, USER }, true, SUBJECT_USER, "u-1" },
        { { TYPE, IP }, true, SUBJECT_IP, "198.51.100.77" },
        { { TYPE, TYPE }, false, SUBJECT_SOURCE, "" },           /* though the record that met it is somebody's */
    };
    struct correlation by = rule;
    struct finding f = FOUND;
    struct subject s;

    f.rule = &by;
    by.group_count = 2;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        memcpy(by.group_by, CASES[i].group, sizeof(CASES[i].group));
        cr_assert_eq(alert_subject(&f, &s), CASES[i].somebody, "%zu", i);
        if (CASES[i].somebody)
            cr_expect(s.kind == CASES[i].kind && text_equal(s.text, text_of(CASES[i].text)), "%zu", i);
    }
}

Test(alerts, the_watchdog_carries_the_last_number_and_nobodys_events)
{
    struct uuid first;

    buffer_init(&body, ALERT_BODY_MAX);
    cr_assert_eq(alert_write_watchdog(3, 28333333, KEY, &body), RESULT_OK);
    struct audit_alert a = decoded();
    cr_assert(a.n == 3 && text_equal(a.rule, TEXT("watchdog")) && a.level == AUDIT_INFORMATIONAL && a.seqs.count == 0);
    cr_assert(a.time == 28333333ull * 60000 && a.group.count == 0 && a.user_id.data == NULL && a.alert_id.bytes[6] >> 4 == 8);
    first = a.alert_id;
    arena_reset(&arena);
    buffer_reset(&body);
    cr_assert_eq(alert_write_watchdog(3, 28333334, KEY, &body), RESULT_OK);
    a = decoded();
    cr_assert(memcmp(&first, &a.alert_id, sizeof(first)) != 0);
    arena_reset(&arena);
    buffer_free(&body);
}

Test(alerts, the_value_is_the_frame_of_the_contract)
{
    static const uint8_t ID[8] = { 1, 2, 3, 4, 5, 6, 7, 8 }, SIG[64] = { 9 };
    struct buffer value;

    buffer_init(&value, 4096);
    cr_assert_eq(alert_frame(text_bytes(TEXT("body")), ID, SIG, &value), RESULT_OK);
    /* [1, bin 4, bin 8, bin 64] */
    cr_assert(value.len == 1 + 1 + 2 + 4 + 2 + 8 + 2 + 64 && value.data[0] == 0x94 && value.data[1] == 1);
    cr_assert(memcmp(value.data + 2, "\xc4\x04" "body\xc4\x08", 8) == 0 && memcmp(value.data + 10, ID, 8) == 0);
    buffer_free(&value);
}
