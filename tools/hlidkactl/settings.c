#include "settings.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "file.h"

#define ENV_FILE_MAX 65536u
#define MEMORY_MAX   262144u
#define PATH_LEN     4096
#define KAFKA_PREFIX "HLIDKA_KAFKA_"

extern char **environ;

void settings_init(struct settings *s)
{
    *s = (struct settings){ .run = NULL };
    arena_init(&s->arena, NULL, 0, MEMORY_MAX);
}

void settings_free(struct settings *s)
{
    arena_reset(&s->arena);
}

/* The first to say wins: flags come before the environment, and that before the file. */
static void add_property(struct settings *s, const char *name, const char *value)
{
    for (unsigned i = 0; i < s->property_count; i++) {
        if (strcmp(s->properties[i].name, name) == 0)
            return;
    }
    if (s->property_count == SETTINGS_PROPERTIES_MAX) {
        s->too_many = true;
        return;
    }
    s->properties[s->property_count++] = (struct property){ name, value };
}

static void add_assignment(struct settings *s, const char *assignment)
{
    const char *equals = strchr(assignment, '=');
    char *name;

    if (!equals) {
        add_property(s, assignment, "");        /* librdkafka will say what is wrong with it */
        return;
    }
    name = arena_copy(&s->arena, (struct text){ assignment, (size_t)(equals - assignment) });
    if (name)
        add_property(s, name, equals + 1);
    else
        s->too_many = true;
}

bool settings_option(struct settings *s, int flag, const char *value)
{
    switch (flag) {
    case FLAG_RUN:
        s->run = value;
        return true;
    case FLAG_BROKERS:
        s->brokers = value;
        return true;
    case FLAG_PREFIX:
        s->prefix = value;
        return true;
    case FLAG_PRINCIPALS:
        s->principals = value;
        return true;
    case FLAG_KEYS:
        s->keys = value;
        return true;
    case FLAG_AS:
        s->principal = value;
        return true;
    case FLAG_SET:
        add_assignment(s, value);
        return true;
    default:
        return false;
    }
}

/* HLIDKA_KAFKA_FETCH_WAIT_MAX_MS -> fetch.wait.max.ms */
static void take_kafka(struct settings *s, const char *rest, const char *value)
{
    char *name = arena_copy(&s->arena, text_of(rest));

    if (!name) {
        s->too_many = true;
        return;
    }
    for (char *c = name; *c; c++)
        *c = *c == '_' ? '.' : (char)tolower((unsigned char)*c);
    add_property(s, name, value);
}

static void take(struct settings *s, const char *name, const char *value)
{
    const struct {
        const char *name;
        const char **member;
    } known[] = {
        { "HLIDKA_BUS", &s->bus },
        { "HLIDKA_BROKERS", &s->brokers },
        { "HLIDKA_TOPIC_PREFIX", &s->prefix },
        { "HLIDKA_PRINCIPALS", &s->principals },
        { "HLIDKA_KEYS", &s->keys },
        { "HLIDKA_PRINCIPAL", &s->principal },
        { "HLIDKA_TELEGRAM_TOKEN_FILE", &s->telegram_token },
    };

    if (strncmp(name, KAFKA_PREFIX, strlen(KAFKA_PREFIX)) == 0) {
        take_kafka(s, name + strlen(KAFKA_PREFIX), value);
        return;
    }
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcmp(known[i].name, name) == 0 && !*known[i].member && *value)
            *known[i].member = value;
    }
}

/* "NAME=value", cut in place; value loses one pair of quotes. */
static void take_line(struct settings *s, char *line)
{
    size_t len;

    line += strspn(line, " \t");
    if (strncmp(line, "export ", 7) == 0)
        line += 7;
    char *equals = strchr(line, '=');
    if (line[0] == '#' || !equals)
        return;
    *equals = '\0';
    char *value = equals + 1;
    len = strcspn(value, "\r");
    value[len] = '\0';
    if (len >= 2 && (value[0] == '"' || value[0] == '\'') && value[len - 1] == value[0]) {
        value[len - 1] = '\0';
        value++;
    }
    take(s, line, value);
}

static enum result take_environment(struct settings *s)
{
    for (char **e = environ; *e; e++) {
        if (strncmp(*e, "HLIDKA_", 7) != 0)
            continue;
        char *copy = arena_copy(&s->arena, text_of(*e));
        if (!copy)
            return RESULT_NO_MEMORY;
        char *equals = strchr(copy, '=');
        if (equals) {
            *equals = '\0';
            take(s, copy, equals + 1);
        }
    }
    return RESULT_OK;
}

static enum result take_file(struct settings *s)
{
    char path[PATH_LEN];
    struct buffer content;
    enum result r;

    int len = snprintf(path, sizeof(path), "%s/env", s->run);
    if (len < 0 || (size_t)len >= sizeof(path))
        return RESULT_TOO_LARGE;
    buffer_init(&content, ENV_FILE_MAX);
    r = file_read(path, &content);
    if (r == RESULT_NOT_FOUND) {                /* no stack here: flags and environment must do */
        r = RESULT_OK;
        goto done;
    }
    if (r)
        goto done;
    char *lines = arena_copy(&s->arena, (struct text){ (const char *)content.data, content.len });
    if (!lines) {
        r = RESULT_NO_MEMORY;
        goto done;
    }
    for (char *rest = lines, *line; (line = strsep(&rest, "\n")) != NULL;)
        take_line(s, line);
done:
    buffer_free(&content);
    return r;
}

enum result settings_load(struct settings *s, struct buffer *why)
{
    enum result r = take_environment(s);

    if (!s->run)
        s->run = getenv("HLIDKA_RUN");
    if (!s->run || !*s->run)
        s->run = ".run";
    if (!r)
        r = take_file(s);
    if (r)
        return buffer_printf(why, "%s/env: %s\n", s->run, result_text(r)) ? RESULT_NO_MEMORY : RESULT_BAD_CONFIG;
    if (!s->prefix)
        s->prefix = "hlidka.";
    if (!s->principal)
        s->principal = "ops";
    /* The embedded bus holds an empty fetch for the whole wait, whatever arrives meanwhile. */
    if (s->bus && strcmp(s->bus, "devbus") == 0)
        add_property(s, "fetch.wait.max.ms", "1");
    if (s->too_many)
        return buffer_printf(why, "too many settings\n") ? RESULT_NO_MEMORY : RESULT_BAD_CONFIG;
    return RESULT_OK;
}

enum result settings_key_path(const struct settings *s, const char *ending, char *path, size_t size)
{
    if (!s->keys)
        return RESULT_BAD_CONFIG;
    int len = snprintf(path, size, "%s/%s.%s", s->keys, s->principal, ending);
    return len < 0 || (size_t)len >= size ? RESULT_BAD_CONFIG : RESULT_OK;
}
