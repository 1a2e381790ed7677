#include "service.h"

#include "clock.h"
#include "service_child.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <uv.h>

/* ---- a service that serves nothing ---------------------------------------------------------------------------- */

struct settings {
    const char *word;
    uint64_t number;
    bool flag;
};

static const struct env_setting SETTINGS[] = {
    { "HLIDKA_TEST_WORD", ENV_TEXT, offsetof(struct settings, word), .fallback = "none", .help = "a word" },
    { "HLIDKA_TEST_NUMBER", ENV_UINT, offsetof(struct settings, number), .fallback = "7", .min = 1, .max = 9,
      .help = "a number" },
    { "HLIDKA_TEST_FLAG", ENV_BOOL, offsetof(struct settings, flag), .help = "a flag" },
};

struct state {
    struct service *service;
    uv_timer_t closing;
    bool hang;                  /* never says that it has stopped */
    unsigned reloads;
};

static enum result reload(void *cookie, struct buffer *why)
{
    struct state *state = cookie;

    (void)why;
    state->reloads++;
    log_info("test.reloaded");
    return RESULT_OK;
}

static enum result start(struct service *s, const void *settings, void **out, struct buffer *why)
{
    const struct settings *in = settings;
    struct state *state;

    if (strcmp(in->word, "refuse") == 0) {
        enum result r = buffer_printf(why, "HLIDKA_TEST_WORD: is not to my liking\nand that is all\n");
        return r ? r : RESULT_BAD_CONFIG;
    }
    if (strcmp(in->word, "unreachable") == 0)
        return RESULT_UNAVAILABLE;
    state = calloc(1, sizeof(*state));
    if (!state)
        return RESULT_NO_MEMORY;
    state->service = s;
    state->hang = strcmp(in->word, "hang") == 0;
    uv_timer_init(service_loop(s), &state->closing);
    state->closing.data = state;
    log_info("test.started", LOG_STR("word", in->word), LOG_UINT("number", in->number), LOG_BOOL("flag", in->flag),
             LOG_UINT("instances", service_instances(s)), LOG_STR("instance", service_instance(s)));
    if (service_config(s, &(struct config_file){ "test", getenv("HLIDKA_PRINCIPALS"), NULL, reload, state }, why))
        return RESULT_INTERNAL;
    *out = state;
    return RESULT_OK;
}

static void on_closed(uv_handle_t *handle)
{
    struct state *state = handle->data;
    struct service *s = state->service;

    free(state);
    service_stopped(s);
}

static void stop(struct service *s, void *cookie)
{
    struct state *state = cookie;

    (void)s;
    log_info("test.stopping", LOG_UINT("reloads", state->reloads));
    if (!state->hang)
        uv_close((uv_handle_t *)&state->closing, on_closed);
}

static void ready(void *cookie, struct buffer *reasons)
{
    (void)cookie;
    cr_assert_eq(buffer_append_text(reasons, TEXT("store: asleep\n")), RESULT_OK);
}

static enum result check(const void *settings, struct buffer *why)
{
    const struct settings *in = settings;

    if (strcmp(in->word, "bad") != 0)
        return RESULT_OK;
    enum result r = buffer_printf(why, "the word is bad\n");
    return r ? r : RESULT_BAD_CONFIG;
}

static const struct service_spec SPEC = {
    .name = "ratelimit",
    .summary = "Serves nothing, for tests.",
    .settings = SETTINGS,
    .setting_count = sizeof(SETTINGS) / sizeof(SETTINGS[0]),
    .settings_size = sizeof(struct settings),
    .check = check,
    .start = start,
    .ready = ready,
    .stop = stop,
};

static char output[1 << 18];

/* ---- the command line and the settings ------------------------------------------------------------------------ */

Test(service, says_what_it_is_told_and_what_is_wrong, .timeout = 60)
{
    static const struct {
        const char *option, *name, *value;      /* a setting changed; value NULL: left out */
        int code;
        const char *says;
    } cases[] = {
        { "--help", NULL, NULL, 0, "HLIDKA_TEST_WORD" }, { "--help", NULL, NULL, 0, "HLIDKA_BROKERS" },
        { "--help", "HLIDKA_BROKERS", NULL, 0, "usage: hlidka-ratelimit" },
        { "--version", NULL, NULL, 0, "hlidka-ratelimit " HLIDKA_VERSION },
        { "--check-config", NULL, NULL, 0, "good" }, { "--what", NULL, NULL, 2, "usage" },
        { "--check-config", "HLIDKA_BROKERS", NULL, 2, "HLIDKA_BROKERS" },
        { "--check-config", "HLIDKA_ADMIN", "8.8.8.8:80", 2, "8.8.8.8:80" },
        { "--check-config", "HLIDKA_PRINCIPALS", "/nonexistent", 2, "/nonexistent" },
        { "--check-config", "HLIDKA_KEY_FILE", "/nonexistent", 2, "/nonexistent" },
        { "--check-config", "HLIDKA_SIGN_FILE", "/nonexistent", 2, "/nonexistent" },
        { "--check-config", "HLIDKA_KEY_FILE", "/etc/passwd", 2, "0600" },
        { "--check-config", "HLIDKA_TEST_WORD", "bad", 2, "the word is bad" },
        { NULL, "HLIDKA_BROKER", "x", 2, "HLIDKA_BROKER" }, { NULL, "HLIDKA_TEST_NUMBER", "10", 2, "HLIDKA_TEST_NUMBER" },
        { NULL, "HLIDKA_WINDOW", "0", 2, "HLIDKA_WINDOW" }, { NULL, "HLIDKA_LOG_LEVEL", "loud", 2, "HLIDKA_LOG_LEVEL" },
        { NULL, "HLIDKA_INSTANCE", "a b", 2, "HLIDKA_INSTANCE" },
        { NULL, "HLIDKA_TOPIC_PREFIX", "a/b", 2, "HLIDKA_TOPIC_PREFIX" },
        { NULL, "HLIDKA_KEY_FILE", "/etc/passwd", 2, "0600" }, { NULL, "HLIDKA_ADMIN", "127.0.0.1", 2, "127.0.0.1" },
        { NULL, "HLIDKA_TEST_WORD", "refuse", 2,
          "hlidka-ratelimit: HLIDKA_TEST_WORD: is not to my liking\nhlidka-ratelimit: and that is all\n" },
        { NULL, "HLIDKA_TEST_WORD", "unreachable", 1, "hlidka-ratelimit: not reachable\n" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct child c;

        child_prepare(&c);
        if (cases[i].name && cases[i].value)
            setenv(cases[i].name, cases[i].value, 1);
        else if (cases[i].name)
            unsetenv(cases[i].name);
        child_start(&c, &SPEC, cases[i].option);
        int code = child_end(&c, output, sizeof(output));
        cr_assert_eq(code, cases[i].code, "case %zu: %d: %s", i, code, output);
        cr_assert_not_null(strstr(output, cases[i].says), "case %zu: %s", i, output);
        child_clear(&c);
    }
}

/* ---- its life ------------------------------------------------------------------------------------------------- */

Test(service, lives_until_it_is_asked_to_stop, .timeout = 30)
{
    static const int signals[] = { SIGTERM, SIGINT };

    for (size_t i = 0; i < 2; i++) {
        struct child c;

        child_prepare(&c);
        setenv("HLIDKA_TEST_WORD", "hello", 1);
        setenv("HLIDKA_TEST_FLAG", "true", 1);
        setenv("HLIDKA_INSTANCE", "ratelimit-x", 1);
        child_start(&c, &SPEC, NULL);
        cr_assert_not_null(strstr(child_get(&c, "/livez"), "200 OK"));
        const char *page = child_get(&c, "/readyz");
        cr_assert(strstr(page, "503") && strstr(page, "\nbus: ") && strstr(page, "\nstore: asleep\n"), "%s", page);
        page = child_get(&c, "/metrics");
        static const char *const names[] = { "\nprocess_start_time_seconds 1", "\nprocess_resident_memory_bytes ",
                                             "\nprocess_cpu_seconds_total ",
                                             "\nprocess_open_fds ", "\nhlidka_loop_lag_seconds_bucket{", "\nhlidka_ready 0" };
        for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++)
            cr_assert_not_null(strstr(page, names[n]), "%s in %s", names[n], page);

        uint64_t asked = clock_boot_ns();
        kill(c.pid, signals[i]);
        int code = child_end(&c, output, sizeof(output));
        cr_assert_eq(code, 0, "%d: %s", code, output);
        cr_assert_lt(clock_boot_ns() - asked, UINT64_C(10) * 1000000000);
        static const char *const lines[] = { "\"word\":\"hello\",\"number\":7,\"flag\":true", "\"instance\":\"ratelimit-x\"",
                                             "test.stopping", "service.draining", "service.stopped" };
        for (size_t n = 0; n < sizeof(lines) / sizeof(lines[0]); n++)
            cr_assert_not_null(strstr(output, lines[n]), "%s in %s", lines[n], output);
        cr_assert_null(strstr(output, "handles_left"));
        child_clear(&c);
    }
}

Test(service, reloads_when_asked_and_when_a_file_changes, .timeout = 30)
{
    struct child c;
    char path[64];

    child_prepare(&c);
    child_start(&c, &SPEC, NULL);
    cr_assert_not_null(strstr(child_get(&c, "/livez"), "200 OK"));
    kill(c.pid, SIGHUP);
    usleep(300000);
    snprintf(path, sizeof(path), "%s/principals.yaml", c.dir);
    FILE *f = fopen(path, "a");
    cr_assert(f && fputs("# changed\n", f) >= 0 && fclose(f) == 0);
    usleep(1500000);
    kill(c.pid, SIGTERM);
    cr_assert_eq(child_end(&c, output, sizeof(output)), 0, "%s", output);
    cr_assert_not_null(strstr(output, "\"reloads\":3"), "%s", output);
    cr_assert_not_null(strstr(output, "\"bus.config_changed\",\"file\":\"principals\""), "%s", output);
    child_clear(&c);
}

Test(service, is_gone_in_ten_seconds_though_a_store_hangs, .timeout = 30)
{
    struct child c;

    child_prepare(&c);
    setenv("HLIDKA_TEST_WORD", "hang", 1);
    child_start(&c, &SPEC, NULL);
    cr_assert_not_null(strstr(child_get(&c, "/livez"), "200 OK"));
    uint64_t asked = clock_boot_ns();
    kill(c.pid, SIGTERM);
    usleep(2000000);
    const char *page = child_get(&c, "/readyz");
    cr_assert(strstr(page, "503") && strstr(page, "draining"), "%s", page);
    cr_assert_eq(child_end(&c, output, sizeof(output)), 1);
    cr_assert_lt(clock_boot_ns() - asked, UINT64_C(10) * 1000000000);
    cr_assert_not_null(strstr(output, "did not stop in time"));
    child_clear(&c);
}

Test(service, a_second_signal_ends_it_at_once, .timeout = 30)
{
    struct child c;

    child_prepare(&c);
    setenv("HLIDKA_TEST_WORD", "hang", 1);
    child_start(&c, &SPEC, NULL);
    cr_assert_not_null(strstr(child_get(&c, "/livez"), "200 OK"));
    kill(c.pid, SIGTERM);
    usleep(300000);
    kill(c.pid, SIGTERM);
    uint64_t asked = clock_boot_ns();
    cr_assert_eq(child_end(&c, output, sizeof(output)), 1);
    cr_assert_lt(clock_boot_ns() - asked, UINT64_C(2) * 1000000000);
    child_clear(&c);
}

Test(service, does_not_start_twice_on_one_address, .timeout = 30)
{
    struct child first, second;

    child_prepare(&first);
    child_start(&first, &SPEC, NULL);
    cr_assert_not_null(strstr(child_get(&first, "/livez"), "200 OK"));
    second = first;
    child_start(&second, &SPEC, NULL);
    int code = child_end(&second, output, sizeof(output));
    cr_assert_eq(code, 2, "%d: %s", code, output);
    cr_assert_not_null(strstr(output, "in use"), "%s", output);
    cr_assert_not_null(strstr(output, "test.stopping"), "and has closed its stores");
    kill(first.pid, SIGTERM);
    cr_assert_eq(child_end(&first, output, sizeof(output)), 0);
    child_clear(&first);
}
