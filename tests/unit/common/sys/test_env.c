#include "env.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct settings {
    const char *brokers;
    const char *url_file;
    const char *bus;
    uint64_t window;
    bool tls;
};

static const char *const BUSES[] = { "kafka", "embedded", NULL };

static const struct env_setting SETTINGS[] = {
    { "HLIDKA_BROKERS", ENV_TEXT, offsetof(struct settings, brokers), .required = true, .max = 20, .help = "the brokers" },
    { "HLIDKA_PG_URL_FILE", ENV_TEXT, offsetof(struct settings, url_file), .help = "file with the URL" },
    { "HLIDKA_BUS", ENV_CHOICE, offsetof(struct settings, bus), .fallback = "kafka", .choices = BUSES, .help = "the bus" },
    { "HLIDKA_WINDOW", ENV_UINT, offsetof(struct settings, window), .fallback = "256", .min = 1, .max = 10000, .help = "in flight" },
    { "HLIDKA_TLS", ENV_BOOL, offsetof(struct settings, tls), .help = "use TLS" },
};

static struct buffer why;

static void begin(void)
{
    clearenv();
    buffer_init(&why, 4000);
}

static void end(void)
{
    buffer_free(&why);
}

static enum result load(struct settings *s)
{
    buffer_reset(&why);
    enum result r = env_load(SETTINGS, sizeof(SETTINGS) / sizeof(SETTINGS[0]), s, &why);
    cr_assert_eq(buffer_append(&why, "", 1), RESULT_OK);
    return r;
}

static void assert_says(const char *what)
{
    cr_assert_not_null(strstr((const char *)why.data, what), "\"%s\" in: %s", what, why.data);
}

static void assert_refused(const char *name, const char *value, const char *what)
{
    struct settings s = { 0 };

    setenv("HLIDKA_BROKERS", "b:1", 1);
    setenv(name, value, 1);
    cr_assert_eq(load(&s), RESULT_BAD_CONFIG, "%s=%s", name, value);
    assert_says(what);
    if (strlen(value) > 3)
        cr_assert_null(strstr((const char *)why.data, value), "shows the value");
    unsetenv(name);
}

Test(env, fills_settings_and_falls_back, .timeout = 5, .init = begin, .fini = end)
{
    struct settings s = { .tls = true };

    setenv("HLIDKA_BROKERS", "127.0.0.1:9092", 1);
    setenv("OTHER", "is not ours", 1);
    cr_assert_eq(load(&s), RESULT_OK, "%s", why.data);
    cr_assert_str_eq(s.brokers, "127.0.0.1:9092");
    cr_assert_null(s.url_file);
    cr_assert_str_eq(s.bus, "kafka");
    cr_assert_eq(s.window, 256);
    cr_assert(s.tls, "without a fallback it stays as it was");

    setenv("HLIDKA_BUS", "embedded", 1);
    setenv("HLIDKA_WINDOW", "10000", 1);
    setenv("HLIDKA_TLS", "0", 1);
    setenv("HLIDKA_PG_URL_FILE", "/run/secrets/pg", 1);
    cr_assert_eq(load(&s), RESULT_OK, "%s", why.data);
    cr_assert_str_eq(s.bus, "embedded");
    cr_assert_str_eq(s.url_file, "/run/secrets/pg");
    cr_assert_eq(s.window, 10000);
    cr_assert(!s.tls);
}

Test(env, refuses_bad_values_by_name, .timeout = 5, .init = begin, .fini = end)
{
    static const char *const numbers[] = { "0", "10001", "-1", "+1", "1x", " 1", "", "0x10", "99999999999999999999", "1.5" };

    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        assert_refused("HLIDKA_WINDOW", numbers[i], "HLIDKA_WINDOW: must be a whole number, 1 to 10000");
    assert_refused("HLIDKA_TLS", "yes", "HLIDKA_TLS: must be true or false");
    assert_refused("HLIDKA_BUS", "rabbit", "HLIDKA_BUS: must be one of kafka, embedded");
    assert_refused("HLIDKA_BUS", "", "HLIDKA_BUS: must be one of");
    assert_refused("HLIDKA_PG_URL_FILE", "", "HLIDKA_PG_URL_FILE: is empty");
    assert_refused("HLIDKA_BROKERS", "a-broker-with-a-long-name:9092", "HLIDKA_BROKERS: must have 1 to 20 bytes");
}

Test(env, refuses_unknown_names_and_tells_the_nearest, .timeout = 5, .init = begin, .fini = end)
{
    assert_refused("HLIDKA_WINDOWS", "1", "HLIDKA_WINDOWS: unknown setting (do you mean HLIDKA_WINDOW?)");
    assert_refused("HLIDKA_BROKER", "b:1", "(do you mean HLIDKA_BROKERS?)");
    assert_refused("HLIDKA_ENTIRELY_DIFFERENT_THING", "1", "HLIDKA_ENTIRELY_DIFFERENT_THING: unknown setting\n");
    assert_refused("HLIDKA_", "1", "HLIDKA_: unknown setting");
    assert_refused("HLIDKA_A_NAME_THAT_IS_MUCH_LONGER_THAN_ANY_NAME_THAT_A_SETTING_COULD_EVER_HAVE", "1", "unknown setting\n");
}

Test(env, wants_secrets_as_files, .timeout = 5, .init = begin, .fini = end)
{
    assert_refused("HLIDKA_PG_URL", "postgres://u:pass@h/db", "HLIDKA_PG_URL: secrets come as files: set HLIDKA_PG_URL_FILE");
    assert_refused("HLIDKA_KAFKA_SASL_PASSWORD", "pass-word", "set HLIDKA_KAFKA_SASL_PASSWORD_FILE");
    assert_refused("HLIDKA_KAFKA_SSL_KEY_PEM", "-----BEGIN", "set HLIDKA_KAFKA_SSL_KEY_PEM_FILE");
}

Test(env, tells_every_mistake_at_once, .timeout = 5, .init = begin, .fini = end)
{
    struct settings s = { 0 };

    setenv("HLIDKA_WINDOW", "no", 1);
    setenv("HLIDKA_X", "1", 1);
    cr_assert_eq(load(&s), RESULT_BAD_CONFIG);
    assert_says("HLIDKA_BROKERS: is required (the brokers)\n");
    assert_says("HLIDKA_WINDOW: must be");
    assert_says("HLIDKA_X: unknown");
}

Test(env, refuses_even_when_the_reason_does_not_fit, .timeout = 5, .init = begin, .fini = end)
{
    struct settings s = { 0 };
    struct buffer small;

    buffer_init(&small, 3);
    cr_assert_eq(env_load(SETTINGS, sizeof(SETTINGS) / sizeof(SETTINGS[0]), &s, &small), RESULT_BAD_CONFIG);
    buffer_free(&small);
}

struct seen {
    char text[500];
    size_t calls;
    size_t stop_at;
};

static enum result note(void *cookie, const char *name, const char *value)
{
    struct seen *seen = cookie;
    size_t len = strlen(seen->text);

    snprintf(seen->text + len, sizeof(seen->text) - len, "%s=%s;", name, value);
    return ++seen->calls == seen->stop_at ? RESULT_BAD_CONFIG : RESULT_OK;
}

Test(env, spells_kafka_properties_as_librdkafka_does, .timeout = 5, .init = begin, .fini = end)
{
    struct settings s = { 0 };
    struct seen seen = { .stop_at = 0 };

    setenv("HLIDKA_BROKERS", "b:1", 1);
    setenv("HLIDKA_KAFKA_FETCH_WAIT_MAX_MS", "1", 1);
    setenv("HLIDKA_KAFKA_SECURITY_PROTOCOL", "sasl_ssl=x", 1);
    cr_assert_eq(load(&s), RESULT_OK, "%s", why.data);
    cr_assert_eq(env_kafka(note, &seen), RESULT_OK);
    cr_assert_eq(seen.calls, 2);
    cr_assert_not_null(strstr(seen.text, "fetch.wait.max.ms=1;"));
    cr_assert_not_null(strstr(seen.text, "security.protocol=sasl_ssl=x;"));
}

Test(env, stops_at_the_property_that_is_refused, .timeout = 5, .init = begin, .fini = end)
{
    struct seen seen = { .stop_at = 1 };

    setenv("HLIDKA_KAFKA_A", "1", 1);
    setenv("HLIDKA_KAFKA_B", "2", 1);
    cr_assert_eq(env_kafka(note, &seen), RESULT_BAD_CONFIG);
    cr_assert_eq(seen.calls, 1);
}

Test(env, reads_kafka_secrets_from_their_file, .timeout = 5, .init = begin, .fini = end)
{
    char path[] = "/tmp/hlidka-env-XXXXXX";
    struct seen seen = { .stop_at = 0 };
    int fd = mkstemp(path);

    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, "word\n", 5), 5);
    setenv("HLIDKA_KAFKA_SASL_PASSWORD_FILE", path, 1);
    cr_assert_eq(env_kafka(note, &seen), RESULT_OK);
    cr_assert_str_eq(seen.text, "sasl.password=word;");
    cr_assert_eq(fchmod(fd, 0644), 0);
    cr_assert_eq(env_kafka(note, &seen), RESULT_DENIED);
    cr_assert_eq(seen.calls, 1);
    close(fd);
    unlink(path);
    cr_assert_eq(env_kafka(note, &seen), RESULT_NOT_FOUND);
}

Test(env, describes_every_setting, .timeout = 5, .init = begin, .fini = end)
{
    cr_assert_eq(env_describe(SETTINGS, sizeof(SETTINGS) / sizeof(SETTINGS[0]), &why), RESULT_OK);
    cr_assert_eq(buffer_append(&why, "", 1), RESULT_OK);
    for (size_t i = 0; i < sizeof(SETTINGS) / sizeof(SETTINGS[0]); i++)
        assert_says(SETTINGS[i].name);
    assert_says("the brokers (required)\n");
    assert_says("in flight, 1 to 10000 (default 256)\n");
    assert_says("the bus, kafka | embedded (default kafka)\n");
}
