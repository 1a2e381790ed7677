/* The command line of a service. */
#include "service_internal.h"

#include "entropy.h"
#include "health.h"

#include <stdio.h>
#include <unistd.h>

static int code_of(enum result r)
{
    return r == RESULT_BAD_CONFIG || r == RESULT_DENIED ? EXIT_CONFIG : EXIT_LOST;
}

int service_complain(const struct service_spec *spec, enum result r, const struct buffer *why)
{
    if (why->len == 0)
        fprintf(stderr, "hlidka-%s: %s\n", spec->name, result_text(r));
    for (size_t at = 0; at < why->len;) {
        const uint8_t *end = memchr(why->data + at, '\n', why->len - at);
        size_t len = end ? (size_t)(end - why->data) - at : why->len - at;

        fprintf(stderr, "hlidka-%s: %.*s\n", spec->name, (int)len, (const char *)why->data + at);
        at += len + 1;
    }
    return code_of(r);
}

static int help(const struct service_spec *spec, struct buffer *out)
{
    enum result r = service_settings_describe(spec, out);

    if (r)
        return service_complain(spec, r, out);
    printf("usage: hlidka-%s [--help | --version | --check-config | --health]\n\n%s\n\n"
           "--health asks the instance that runs with these settings whether it is ready: exit 0, or 1 and the reasons.\n\n"
           "Settings come from the environment:\n%.*s"
           "Properties of librdkafka: HLIDKA_KAFKA_FETCH_WAIT_MAX_MS=1 is fetch.wait.max.ms=1.\n\n"
           "SIGTERM drains and stops, SIGHUP reloads. Exit: 0 stopped, 1 could not start or go on, 2 bad configuration.\n",
           spec->name, spec->summary, (int)out->len, (const char *)out->data);
    return EXIT_STOPPED;
}

static int run_with_settings(struct service *s, bool only_check, struct buffer *why)
{
    enum result r = entropy_start();

    if (!r && only_check)
        r = service_settings_check(s->spec, s->settings, s->own, why);
    if (r)
        return service_complain(s->spec, r, why);
    if (only_check) {
        printf("hlidka-%s: the configuration is good\n", s->spec->name);
        return EXIT_STOPPED;
    }
    return service_live(s, why);
}

/* In containers every process has the same number: the host's name tells them apart. */
static void name_instance(struct service *s)
{
    char host[UV_MAXHOSTNAMESIZE] = "localhost";
    size_t len = sizeof(host);

    if (s->settings->instance) {
        snprintf(s->instance, sizeof(s->instance), "%s", s->settings->instance);
        return;
    }
    if (uv_os_gethostname(host, &len))
        log_warn("service.no_hostname");
    snprintf(s->instance, sizeof(s->instance), "%s-%.40s-%ld", s->spec->name, host, (long)getpid());
}

enum wish { WISH_SERVE, WISH_CHECK, WISH_HEALTH };

static int run(const struct service_spec *spec, enum wish wish, struct buffer *why)
{
    struct service s = { .spec = spec };
    enum result r = process_harden();

    if (r) {
        fprintf(stderr, "hlidka-%s: the process could not be hardened (core dumps, locked memory)\n", spec->name);
        return EXIT_LOST;
    }
    r = service_settings_load(spec, &s.settings, &s.own, why);
    if (r)
        return service_complain(spec, r, why);
    name_instance(&s);
    log_start(spec->name, s.instance, service_log_level(s.settings));
    process_keep_memory();

    int code = wish == WISH_HEALTH ? health_ask(s.settings->admin) : run_with_settings(&s, wish == WISH_CHECK, why);
    service_settings_free(s.settings);
    return code;
}

int service_run(const struct service_spec *spec, int argc, char **argv)
{
    static const char *const OPTIONS[] = { [WISH_SERVE] = "", [WISH_CHECK] = "--check-config", [WISH_HEALTH] = "--health" };
    const char *option = argc == 2 ? argv[1] : "";
    enum wish wish = WISH_SERVE;
    struct buffer text;
    int code;

    while (wish < WISH_HEALTH && strcmp(option, OPTIONS[wish]) != 0)
        wish++;
    buffer_init(&text, SERVICE_WHY_MAX);
    if (argc <= 2 && strcmp(option, OPTIONS[wish]) == 0) {
        code = run(spec, wish, &text);
    } else if (strcmp(option, "--help") == 0) {
        code = help(spec, &text);
    } else if (strcmp(option, "--version") == 0) {
        printf("hlidka-%s %s\n", spec->name, HLIDKA_VERSION);
        code = EXIT_STOPPED;
    } else {
        fprintf(stderr, "usage: hlidka-%s [--help | --version | --check-config | --health]\n", spec->name);
        code = EXIT_CONFIG;
    }
    buffer_free(&text);
    return code;
}
