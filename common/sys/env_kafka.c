#include "env_kafka.h"

#include "env.h"
#include "file.h"

#include <stdlib.h>
#include <unistd.h>

#define PREFIX_LEN (sizeof(ENV_KAFKA_PREFIX) - 1)
#define PROPERTY_LEN_MAX 127
#define WHY_MAX 512

static const struct text FILE_SUFFIX = { "_FILE", 5 };

/* Properties that hold a secret: sasl.password, ssl.key.password, ssl.key.pem, sasl.oauthbearer.client.secret … */
static const struct text SECRET_ENDINGS[] = { { "PASSWORD", 8 }, { "SECRET", 6 }, { "KEY_PEM", 7 } };

static bool ends_with(struct text t, struct text end)
{
    return t.len >= end.len && memcmp(t.data + t.len - end.len, end.data, end.len) == 0;
}

static struct text name_of(const char *entry)
{
    return (struct text){ entry, strcspn(entry, "=") };
}

bool env_kafka_is_property(const char *entry)
{
    return strncmp(entry, ENV_KAFKA_PREFIX, PREFIX_LEN) == 0 && name_of(entry).len > PREFIX_LEN;
}

bool env_kafka_is_bare_secret(const char *entry)
{
    for (size_t i = 0; i < sizeof(SECRET_ENDINGS) / sizeof(SECRET_ENDINGS[0]); i++) {
        if (ends_with(name_of(entry), SECRET_ENDINGS[i]))
            return true;
    }
    return false;
}

/* FETCH_WAIT_MAX_MS -> fetch.wait.max.ms */
static enum result spell(struct text name, char out[PROPERTY_LEN_MAX + 1])
{
    if (name.len == 0 || name.len > PROPERTY_LEN_MAX)
        return RESULT_BAD_CONFIG;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.data[i];
        out[i] = c == '_' ? '.' : c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
    }
    out[name.len] = '\0';
    return RESULT_OK;
}

/* The value is in a secret file: it reaches librdkafka and nobody else. */
static enum result pass_file(const char *path, const char *property,
                             enum result (*pass)(void *cookie, const char *name, const char *value), void *cookie)
{
    struct buffer why, value;
    struct secret *secret;

    buffer_init(&why, WHY_MAX);
    enum result r = file_read_secret(path, &secret, &why);
    buffer_free(&why);
    if (r)
        return r;
    struct bytes bytes = secret_bytes(secret);
    buffer_init(&value, bytes.len + 1);
    r = buffer_append(&value, bytes.data, bytes.len);
    if (!r)
        r = buffer_append(&value, "", 1);
    if (!r)
        r = pass(cookie, property, (const char *)value.data);
    buffer_free(&value);
    secret_free(secret);
    return r;
}

enum result env_kafka(enum result (*property)(void *cookie, const char *name, const char *value), void *cookie)
{
    for (char **entry = environ; entry && *entry; entry++) {
        char spelled[PROPERTY_LEN_MAX + 1];

        if (!env_kafka_is_property(*entry))
            continue;
        struct text name = name_of(*entry);
        const char *value = name.data + name.len + (name.data[name.len] == '=');
        name.data += PREFIX_LEN;
        name.len -= PREFIX_LEN;
        bool file = ends_with(name, FILE_SUFFIX);
        if (file)
            name.len -= FILE_SUFFIX.len;

        enum result r = spell(name, spelled);
        if (!r)
            r = file ? pass_file(value, spelled, property, cookie) : property(cookie, spelled, value);
        if (r)
            return r;
    }
    return RESULT_OK;
}
