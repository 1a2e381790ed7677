#include "log.h"

#include "clock.h"
#include "utf8.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int lines;               /* the reading end of what was stderr */
static int stderr_before;

static void begin(void)
{
    int ends[2];

    cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    lines = ends[0];
    stderr_before = dup(STDERR_FILENO);
    cr_assert_eq(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
    close(ends[1]);
    log_start("ratelimit", "ratelimit-1", LOG_INFO);
}

static void end(void)
{
    dup2(stderr_before, STDERR_FILENO);
    close(stderr_before);
    close(lines);
}

/* One line was written by one write; NULL when there is none. */
static json_t *next_line(void)
{
    static char text[PIPE_BUF + 1];
    ssize_t n = 0;
    json_error_t error;

    while (n < PIPE_BUF && read(lines, text + n, 1) == 1 && text[n++] != '\n')
        ;
    if (n == 0)
        return NULL;
    cr_assert_eq(text[n - 1], '\n');
    json_t *line = json_loadb(text, (size_t)n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    cr_assert_not_null(line, "%s: %.*s", error.text, (int)n, text);
    return line;
}

static const char *str(const json_t *line, const char *name)
{
    const char *value = json_string_value(json_object_get(line, name));

    cr_assert_not_null(value, "%s", name);
    return value;
}

Test(log, writes_one_json_object_a_line, .timeout = 5, .init = begin, .fini = end)
{
    static const uint8_t id[2] = { 0xab, 0x01 };

    log_warn("bus.clock_skew", LOG_STR("src", "back\"end"), LOG_INT("skew_ms", -1204), LOG_UINT("n", UINT64_C(7)), LOG_BOOL("far", true),
             LOG_HEX("id", id, sizeof(id)), LOG_TEXT("none", ((struct text){ NULL, 0 })), LOG_RESULT(RESULT_TIMEOUT));
    json_t *line = next_line();
    cr_assert_eq(json_object_size(line), 12);
    cr_assert_str_eq(str(line, "level"), "warn");
    cr_assert_str_eq(str(line, "service"), "ratelimit");
    cr_assert_str_eq(str(line, "instance"), "ratelimit-1");
    cr_assert_str_eq(str(line, "event"), "bus.clock_skew");
    cr_assert_str_eq(str(line, "src"), "back\"end");
    cr_assert_eq(json_integer_value(json_object_get(line, "skew_ms")), -1204);
    cr_assert_eq(json_integer_value(json_object_get(line, "n")), 7);
    cr_assert(json_is_true(json_object_get(line, "far")));
    cr_assert_str_eq(str(line, "id"), "ab01");
    cr_assert(json_is_null(json_object_get(line, "none")));
    cr_assert_str_eq(str(line, "result"), "timed out");
    json_decref(line);
    log_error("plain");
    line = next_line();
    cr_assert_eq(json_object_size(line), 5);
    json_decref(line);
    cr_assert_null(next_line());
}

Test(log, tells_the_time_in_utc_with_milliseconds, .timeout = 5, .init = begin, .fini = end)
{
    unsigned year, month, day, hour, minute, second, ms;
    char z, after;

    setenv("TZ", "America/New_York", 1);
    log_info("now");
    json_t *line = next_line();
    cr_assert_eq(strlen(str(line, "ts")), 24);
    cr_assert_eq(sscanf(str(line, "ts"), "%4u-%2u-%2uT%2u:%2u:%2u.%3u%c%c", &year, &month, &day, &hour, &minute, &second, &ms, &z, &after), 8);
    cr_assert_eq(z, 'Z');
    cr_assert_eq(hour, clock_unix_ms() / 3600000 % 24);
    json_decref(line);
}

Test(log, is_quiet_below_its_level, .timeout = 5, .init = begin, .fini = end)
{
    unsigned evaluated = 0;

    log_debug("quiet", LOG_UINT("n", ++evaluated));
    cr_assert_null(next_line());
    cr_assert_eq(evaluated, 0);
    cr_assert(!log_enabled(LOG_DEBUG));
    cr_assert(log_enabled(LOG_ERROR));
}

#define TOKEN "hls_QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJz"

Test(log, shows_no_secret, .timeout = 5, .init = begin, .fini = end)
{
    log_info("x", LOG_STR("url", "https://app.example/?t=" TOKEN "&y=1"), LOG_STR("mail", "a@mluv.example"));
    json_t *line = next_line();
    cr_assert_str_eq(str(line, "url"), "https://app.example/?t=[redacted:token]&y=1");
    cr_assert_str_eq(str(line, "mail"), "[redacted:email]");
    json_decref(line);
}

Test(log, searches_for_secrets_before_it_cuts, .timeout = 5, .init = begin, .fini = end)
{
    char text[600];

    /* The cut would fall into the token and leave too little of it to be known for one. */
    memset(text, ' ', sizeof(text));
    memcpy(text + 500, TOKEN, sizeof(TOKEN) - 1);
    log_info("x", LOG_TEXT("t", ((struct text){ text, sizeof(text) })));
    json_t *line = next_line();
    cr_assert_null(strstr(str(line, "t"), "hls_"));
    cr_assert_eq(strlen(str(line, "t")), 512);
    json_decref(line);
}

Test(log, cuts_strings_between_characters, .timeout = 5, .init = begin, .fini = end)
{
    static char text[100001];

    for (size_t start = 0; start < 2; start++) {
        memset(text, 'x', sizeof(text));
        for (size_t i = start; i + 1 < sizeof(text); i += 2)
            memcpy(text + i, "\xc5\xbe", 2);
        log_info("x", LOG_TEXT("t", ((struct text){ text, sizeof(text) })));
        json_t *line = next_line();
        cr_assert(utf8_valid(text_of(str(line, "t"))));
        cr_assert_eq(strlen(str(line, "t")), 512 - start);
        json_decref(line);
    }
}

Test(log, hashes_personal_data_the_same_within_a_process, .timeout = 5, .init = begin, .fini = end)
{
    char first[17];

    log_info("a", LOG_PII("ip", TEXT("192.0.2.1")));
    json_t *line = next_line();
    cr_assert_eq(strlen(str(line, "ip")), 16);
    memcpy(first, str(line, "ip"), sizeof(first));
    json_decref(line);

    log_info("b", LOG_PII("ip", TEXT("192.0.2.1")), LOG_PII("other", TEXT("192.0.2.2")));
    line = next_line();
    cr_assert_str_eq(str(line, "ip"), first);
    cr_assert_str_neq(str(line, "other"), first);
    json_decref(line);
}

Test(log, carries_the_trace_until_it_is_cleared, .timeout = 5, .init = begin, .fini = end)
{
    log_trace(TEXT("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"));
    log_info("x");
    json_t *line = next_line();
    cr_assert_str_eq(str(line, "trace"), "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    json_decref(line);

    static const char *const none[] = { "", "not a trace", "ABC", "0000000000000000000000000000000000000000000000000000000000000000f" };
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        log_trace(TEXT("00"));
        log_trace(text_of(none[i]));
        log_info("x");
        line = next_line();
        cr_assert_null(json_object_get(line, "trace"), "%s", none[i]);
        json_decref(line);
    }
}

Test(log, bounds_a_flood_and_tells_of_it, .timeout = 10, .init = begin, .fini = end)
{
    json_t *line;
    unsigned flood = 0;

    uint64_t start = clock_boot_ns();
    for (unsigned i = 0; i < 1000; i++)
        log_warn("flood", LOG_UINT("i", i));
    cr_assert_lt(clock_boot_ns() - start, 1000000000, "too slow to test");
    while ((line = next_line())) {
        cr_assert_str_eq(str(line, "event"), "flood");
        flood++;
        json_decref(line);
    }
    cr_assert_eq(flood, 20);
    log_tick();
    cr_assert_null(next_line(), "not before it is over");
    usleep(1050000);
    log_tick();
    line = next_line();
    cr_assert_str_eq(str(line, "event"), "log.suppressed");
    cr_assert_str_eq(str(line, "of"), "flood");
    cr_assert_eq(json_integer_value(json_object_get(line, "lines")), 980);
    json_decref(line);
}

Test(log, never_exceeds_what_a_pipe_takes_at_once, .timeout = 5, .init = begin, .fini = end)
{
    static char text[512];

    memset(text, 1, sizeof(text));
    struct text t = { text, sizeof(text) };
    log_info("x", LOG_TEXT("a", t), LOG_TEXT("b", t), LOG_TEXT("c", t), LOG_UINT("n", UINT64_C(1)));
    json_t *line = next_line();
    cr_assert(json_is_true(json_object_get(line, "cut")));
    cr_assert_eq(json_integer_value(json_object_get(line, "n")), 1);
    json_decref(line);
}

Test(log, keeps_errno, .timeout = 5, .init = begin, .fini = end)
{
    signal(SIGPIPE, SIG_IGN);
    errno = 4242;
    close(lines);
    log_info("x", LOG_STR("a", "b"));
    cr_assert_eq(errno, 4242);
}
