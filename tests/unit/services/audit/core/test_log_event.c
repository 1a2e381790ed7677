#include "event_clean.h"
#include "log_event.h"
#include "subject.h"

#include <criterion/criterion.h>

#define DAY UINT64_C(86400000)

static struct event_attr text_attr(const char *name, const char *value)
{
    return (struct event_attr){ text_of(name), { .type = MP_STR, .str = text_of(value) } };
}

static void write(const struct log_event *e, struct buffer *out)
{
    struct mp_writer w = mp_writer_to(out);

    buffer_init(out, EVENT_PAYLOAD_MAX);
    cr_assert_eq(event_write(e, &w), RESULT_OK);
}

Test(log_event, the_payload_is_sorted_and_in_shortest_forms, .timeout = 5)
{
    static const char EXPECTED[] = "\x84\xa5" "attrs\x84\xa1" "B\x01\xa1" "a\xa1" "x\xa2" "ab\xc2\xa2" "b\xc4\x8d\xff\xa7" "outcome\xa7"
                                   "failure\xa4" "time\xcd\x03\xe8\xa4" "type\xa8" "app.test";
    /* "b" ‖ U+010D sorts by its bytes, behind every ASCII name of that beginning. */
    struct event_attr attrs[] = { { TEXT("b\xc4\x8d"), { .type = MP_INT, .sint = -1 } }, { TEXT("ab"), { .type = MP_BOOL, .boolean = false } },
                                  text_attr("a", "x"), { TEXT("B"), { .type = MP_UINT, .uint = 1 } } };
    struct log_event e = { .type = TEXT("app.test"), .time = 1000, .outcome = OUTCOME_FAILURE, .attrs = attrs, .attr_count = 4 };
    struct buffer out;
    char fixed[sizeof(EXPECTED)];

    memcpy(fixed, EXPECTED, sizeof(EXPECTED));
    char *name = memchr(fixed + 20, '\xc4', sizeof(fixed) - 20);
    cr_assert_not_null(name);
    name[-2] = '\xa3';                          /* a str of three bytes */
    write(&e, &out);
    cr_assert_eq(out.len, sizeof(EXPECTED) - 1);
    cr_assert_arr_eq(out.data, fixed, out.len);
    buffer_free(&out);
}

Test(log_event, what_was_written_is_read_again, .timeout = 5)
{
    struct event_attr attrs[] = { text_attr("z", ""), text_attr("a", "v") };
    struct log_event e = { .type = TEXT("auth.login"), .time = 7, .outcome = OUTCOME_DENIED, .user_id = TEXT("u"), .session_id = TEXT("s"),
                           .ip = TEXT("192.0.2.1"), .user_agent = TEXT(""), .device_id = TEXT("d"), .endpoint = TEXT("e"), .tier = TEXT("t"),
                           .attrs = attrs, .attr_count = 2 }, again;
    struct buffer out;
    struct arena a;

    arena_init(&a, NULL, 0, 65536);
    write(&e, &out);
    cr_assert_eq(event_read(buffer_bytes(&out), &a, &again), RESULT_OK);
    cr_assert(text_equal(again.type, e.type) && again.time == 7 && again.outcome == OUTCOME_DENIED);
    cr_assert(text_equal(again.user_id, e.user_id) && text_equal(again.session_id, e.session_id) && text_equal(again.ip, e.ip));
    cr_assert(again.user_agent.data && again.user_agent.len == 0 && text_equal(again.device_id, e.device_id));
    cr_assert(text_equal(again.endpoint, e.endpoint) && text_equal(again.tier, e.tier));
    cr_assert(again.attr_count == 2 && text_equal(again.attrs[0].name, TEXT("a")) && text_equal(again.attrs[1].name, TEXT("z")));
    for (size_t len = 0; len < out.len; len++)
        cr_assert_eq(event_read((struct bytes){ out.data, len }, &a, &again), RESULT_MALFORMED, "cut at %zu", len);
    arena_reset(&a);
    buffer_free(&out);
}

Test(log_event, two_attributes_of_one_name_are_refused, .timeout = 5)
{
    struct event_attr attrs[] = { text_attr("b", "1"), text_attr("a", "2"), text_attr("b", "3") };
    struct log_event e = { .type = TEXT("app.x"), .attrs = attrs, .attr_count = 3 };
    struct buffer out;
    struct mp_writer w = mp_writer_to(&out);

    buffer_init(&out, 4096);
    cr_assert_eq(event_write(&e, &w), RESULT_DUPLICATE);
    buffer_free(&out);
}

Test(log_event, a_time_far_from_the_messages_own_counts_as_that, .timeout = 5)
{
    const uint64_t made = 1700000000000;
    const struct { uint64_t time, counts; } cases[] = {
        { made, made }, { made + 60000, made + 60000 }, { made + 60001, made }, { UINT64_MAX, made },
        { made - 8 * DAY, made - 8 * DAY }, { made - 8 * DAY - 1, made }, { 0, made },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        cr_assert_eq(event_time(cases[i].time, made), cases[i].counts, "case %zu", i);
}

Test(log_event, names_that_become_equal_are_told_apart, .timeout = 5)
{
    struct event_attr attrs[] = { text_attr("jan@mluv.example", "1"), text_attr("[redacted:email]~2", "2"), text_attr("eva@mluv.example", "3"),
                                  text_attr("ota@mluv.example", "mail ota@mluv.example now") };
    struct log_event e = { .type = TEXT("app.x"), .user_id = TEXT("jan@mluv.example"), .tier = TEXT("eva@mluv.example"), .attrs = attrs, .attr_count = 4 };
    struct arena a;
    struct buffer scratch;

    arena_init(&a, NULL, 0, 65536);
    buffer_init(&scratch, 65536);
    cr_assert_eq(event_clean(&e, &a, &scratch), RESULT_OK);
    static const char *const NAMES[] = { "[redacted:email]", "[redacted:email]~2", "[redacted:email]~3", "[redacted:email]~4" };
    for (size_t i = 0; i < 4; i++)
        cr_assert(text_equal(e.attrs[i].name, text_of(NAMES[i])), "%.*s", TEXT_ARG(e.attrs[i].name));
    cr_assert(text_equal(e.attrs[3].value.str, TEXT("mail [redacted:email] now")));
    cr_assert(text_equal(e.tier, TEXT("[redacted:email]")) && text_equal(e.user_id, TEXT("jan@mluv.example")));
    cr_assert(text_equal(attrs[0].name, TEXT("jan@mluv.example")), "the sender's own list is not touched");
    arena_reset(&a);
    buffer_free(&scratch);
}

Test(log_event, the_subject_is_the_user_else_the_address_else_the_source, .timeout = 5)
{
    struct log_event e = { .user_id = TEXT("u"), .ip = TEXT("192.0.2.1") };
    struct subject_hash user, ip, source, same;
    static const uint8_t key[32] = { 1 };

    struct subject s = subject_of(&e, TEXT("backend"));
    cr_assert(s.kind == SUBJECT_USER && text_equal(s.text, TEXT("u")));
    e.user_id = (struct text){ 0 };
    s = subject_of(&e, TEXT("backend"));
    cr_assert(s.kind == SUBJECT_IP && text_equal(s.text, e.ip));
    e.ip = (struct text){ 0 };
    s = subject_of(&e, TEXT("backend"));
    cr_assert(s.kind == SUBJECT_SOURCE && text_equal(s.text, TEXT("backend")));

    subject_hash(key, (struct subject){ SUBJECT_USER, TEXT("x") }, &user);
    subject_hash(key, (struct subject){ SUBJECT_IP, TEXT("x") }, &ip);
    subject_hash(key, (struct subject){ SUBJECT_SOURCE, TEXT("x") }, &source);
    subject_hash(key, (struct subject){ SUBJECT_USER, TEXT("x") }, &same);
    cr_assert(memcmp(&user, &ip, sizeof(user)) && memcmp(&user, &source, sizeof(user)) && !memcmp(&user, &same, sizeof(user)));
}

Test(log_event, newcomers_are_so_many_a_minute_for_each_source, .timeout = 5)
{
    struct newcomers *n;
    static const uint8_t seed[16] = { 1 };

    cr_assert_eq(newcomers_new(2, seed, &n), RESULT_OK);
    cr_assert(newcomers_admit(n, TEXT("a"), 60000) && newcomers_admit(n, TEXT("a"), 119999));
    cr_assert_not(newcomers_admit(n, TEXT("a"), 119999));
    cr_assert(newcomers_admit(n, TEXT("b"), 119999), "another source has its own");
    cr_assert(newcomers_admit(n, TEXT("a"), 120000), "another minute");
    newcomers_free(n);
}
