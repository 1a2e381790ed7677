#include "env.h"

#include "env_kafka.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define OUR_PREFIX "HLIDKA_"
#define NAME_LEN_MAX 64

/* A mistake is a line. Values are never shown: nobody knows what was pasted there. */
__attribute__((format(printf, 3, 4)))
static void complain(enum result *r, struct buffer *why, const char *format, ...)
{
    char line[512];
    va_list args;

    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    *r = RESULT_BAD_CONFIG;
    enum result full = buffer_printf(why, "%s\n", line);
    (void)full;                 /* a reason that does not fit; the result says that there was one */
}

/* ---- values -------------------------------------------------------------------------------------------------- */

static bool parse_uint(const char *s, uint64_t *out)
{
    uint64_t v = 0;

    if (!*s)
        return false;
    for (; *s; s++) {
        if (*s < '0' || *s > '9')
            return false;
        if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, (uint64_t)(*s - '0'), &v))
            return false;
    }
    *out = v;
    return true;
}

static bool parse_bool(const char *s, bool *out)
{
    *out = strcmp(s, "true") == 0 || strcmp(s, "1") == 0;
    return *out || strcmp(s, "false") == 0 || strcmp(s, "0") == 0;
}

static bool is_choice(const char *s, const char *const *choices)
{
    for (; *choices; choices++) {
        if (strcmp(s, *choices) == 0)
            return true;
    }
    return false;
}

static void complain_of_choice(enum result *r, struct buffer *why, const struct env_setting *s)
{
    char list[256] = "";
    size_t len = 0;

    for (size_t i = 0; s->choices[i] && len < sizeof(list); i++)
        len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s", i ? ", " : "", s->choices[i]);
    complain(r, why, "%s: must be one of %s", s->name, list);
}

static void take(const struct env_setting *s, const char *value, void *field, enum result *r, struct buffer *why)
{
    uint64_t number;
    bool flag;

    switch (s->kind) {
    case ENV_TEXT:
        if (!*value)
            complain(r, why, "%s: is empty", s->name);
        else if (s->max > 0 && (strlen(value) < s->min || strlen(value) > s->max))
            complain(r, why, "%s: must have %" PRIu64 " to %" PRIu64 " bytes", s->name, s->min ? s->min : 1, s->max);
        else
            memcpy(field, &value, sizeof(value));
        return;
    case ENV_CHOICE:
        if (is_choice(value, s->choices))
            memcpy(field, &value, sizeof(value));
        else
            complain_of_choice(r, why, s);
        return;
    case ENV_UINT:
        if (parse_uint(value, &number) && number >= s->min && number <= s->max)
            memcpy(field, &number, sizeof(number));
        else
            complain(r, why, "%s: must be a whole number, %" PRIu64 " to %" PRIu64, s->name, s->min, s->max);
        return;
    case ENV_BOOL:
        if (parse_bool(value, &flag))
            memcpy(field, &flag, sizeof(flag));
        else
            complain(r, why, "%s: must be true or false", s->name);
        return;
    }
}

/* ---- names --------------------------------------------------------------------------------------------------- */

static const struct env_setting *find(const struct env_setting *settings, size_t count, const char *name, size_t len)
{
    for (size_t i = 0; i < count; i++) {
        if (strlen(settings[i].name) == len && memcmp(settings[i].name, name, len) == 0)
            return &settings[i];
    }
    return NULL;
}

/* Levenshtein's distance; both at most NAME_LEN_MAX long. */
static size_t distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
    size_t row[NAME_LEN_MAX + 1];

    for (size_t j = 0; j <= b_len; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t change = diagonal + (a[i - 1] != b[j - 1]);
            size_t shift = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            diagonal = row[j];
            row[j] = change < shift ? change : shift;
        }
    }
    return row[b_len];
}

static const char *nearest(const struct env_setting *settings, size_t count, const char *name, size_t len)
{
    const char *best = NULL;
    size_t best_distance = len / 3 + 1;     /* further off it is no help */

    if (len > NAME_LEN_MAX)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        size_t other_len = strlen(settings[i].name);
        size_t d = other_len > NAME_LEN_MAX ? SIZE_MAX : distance(name, len, settings[i].name, other_len);
        if (d < best_distance) {
            best = settings[i].name;
            best_distance = d;
        }
    }
    return best;
}

static bool is_given_as_file(const struct env_setting *settings, size_t count, const char *name, size_t len)
{
    char file[NAME_LEN_MAX + sizeof("_FILE")];

    if (len > NAME_LEN_MAX)
        return false;
    size_t file_len = (size_t)snprintf(file, sizeof(file), "%.*s_FILE", (int)len, name);
    return find(settings, count, file, file_len) != NULL;
}

static void check_name(const struct env_setting *settings, size_t count, const char *name, size_t len,
                       enum result *r, struct buffer *why)
{
    if (find(settings, count, name, len))
        return;
    if (is_given_as_file(settings, count, name, len)) {
        complain(r, why, "%.*s: secrets come as files: set %.*s_FILE", (int)len, name, (int)len, name);
        return;
    }
    const char *hint = nearest(settings, count, name, len);
    complain(r, why, "%.*s: unknown setting%s%s%s", (int)len, name, hint ? " (do you mean " : "", hint ? hint : "",
             hint ? "?)" : "");
}

static void check_names(const struct env_setting *settings, size_t count, enum result *r, struct buffer *why)
{
    for (char **entry = environ; entry && *entry; entry++) {
        size_t len = strcspn(*entry, "=");

        if (strncmp(*entry, OUR_PREFIX, sizeof(OUR_PREFIX) - 1) != 0)
            continue;
        if (!env_kafka_is_property(*entry))
            check_name(settings, count, *entry, len, r, why);
        else if (env_kafka_is_bare_secret(*entry))
            complain(r, why, "%.*s: secrets come as files: set %.*s_FILE", (int)len, *entry, (int)len, *entry);
    }
}

enum result env_load(const struct env_setting *settings, size_t count, void *out, struct buffer *why)
{
    enum result r = RESULT_OK;

    check_names(settings, count, &r, why);
    for (size_t i = 0; i < count; i++) {
        const struct env_setting *s = &settings[i];
        const char *value = getenv(s->name);

        if (!value && s->required)
            complain(&r, why, "%s: is required (%s)", s->name, s->help);
        if (!value)
            value = s->fallback;
        if (value)
            take(s, value, (char *)out + s->offset, &r, why);
    }
    return r;
}

/* ---- help ---------------------------------------------------------------------------------------------------- */

static enum result describe(const struct env_setting *s, struct buffer *out)
{
    enum result r = buffer_printf(out, "  %-32s %s", s->name, s->help);

    if (!r && s->kind == ENV_UINT)
        r = buffer_printf(out, ", %" PRIu64 " to %" PRIu64, s->min, s->max);
    for (size_t i = 0; !r && s->kind == ENV_CHOICE && s->choices[i]; i++)
        r = buffer_printf(out, "%s%s", i ? " | " : ", ", s->choices[i]);
    if (!r && s->required)
        r = buffer_append_text(out, TEXT(" (required)"));
    if (!r && s->fallback)
        r = buffer_printf(out, " (default %s)", s->fallback);
    return r ? r : buffer_append_text(out, TEXT("\n"));
}

enum result env_describe(const struct env_setting *settings, size_t count, struct buffer *out)
{
    enum result r = RESULT_OK;

    for (size_t i = 0; i < count && !r; i++)
        r = describe(&settings[i], out);
    return r;
}
