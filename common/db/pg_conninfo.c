#include "pg_conninfo.h"
#include "refuse.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* What the URL may say itself, and what is said here. */
#define KEYWORDS_MAX 64

static const char LOWER[] = "abcdefghijklmnopqrstuvwxyz_";
static const char LOWER_OR_DIGIT[] = "abcdefghijklmnopqrstuvwxyz_0123456789";
static const char NAME[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";

static bool only(const char *s, const char *allowed, size_t most)
{
    return *s && strlen(s) <= most && s[strspn(s, allowed)] == '\0';
}

/* libpq's copies of the URL's parts, the password among them. */
static void options_free(PQconninfoOption *options)
{
    for (PQconninfoOption *o = options; o && o->keyword; o++)
        if (o->val)
            secret_wipe(o->val, strlen(o->val));
    PQconninfoFree(options);
}

static PQconninfoOption *parse(const struct pg_conninfo *c)
{
    /* Its message would quote the URL, so nobody gets to see it. */
    return PQconninfoParse((const char *)secret_bytes(c->url).data, NULL);
}

static const char *value_of(const PQconninfoOption *options, const char *keyword)
{
    for (const PQconninfoOption *o = options; o->keyword; o++)
        if (strcmp(o->keyword, keyword) == 0)
            return o->val && *o->val ? o->val : NULL;
    return NULL;
}

static enum result check(struct pg_conninfo *c, const PQconninfoOption *options, struct buffer *why)
{
    const char *host = value_of(options, "host"), *port = value_of(options, "port");
    char *end = NULL;
    unsigned long number = port ? strtoul(port, &end, 10) : 5432;

    if (!host || strchr(host, ',') || strlen(host) >= sizeof(c->host) || value_of(options, "hostaddr"))
        return refuse(RESULT_BAD_CONFIG, why, "the PostgreSQL URL must name exactly one host, and no hostaddr");
    if (value_of(options, "service"))
        return refuse(RESULT_BAD_CONFIG, why, "the PostgreSQL URL names a service file, which is not read");
    if ((end && *end) || number == 0 || number > UINT16_MAX)
        return refuse(RESULT_BAD_CONFIG, why, "the PostgreSQL URL has a port that is not 1 to 65535");
    memcpy(c->host, host, strlen(host) + 1);
    c->port = (uint16_t)number;
    return RESULT_OK;
}

enum result pg_conninfo_init(struct pg_conninfo *c, const struct secret *url, const char *application_name,
                             const char *schema, struct buffer *why)
{
    struct bytes text = secret_bytes(url);
    PQconninfoOption *options;
    enum result r;

    memset(c, 0, sizeof(*c));
    if (!only(schema, LOWER_OR_DIGIT, 63) || !strchr(LOWER, schema[0]))
        return refuse(RESULT_BAD_CONFIG, why, "the schema's name must be of the form [a-z_][a-z0-9_]*");
    if (!only(application_name, NAME, sizeof(c->application_name) - 1))
        return refuse(RESULT_BAD_CONFIG, why, "the application's name must be of [A-Za-z0-9_.-], at most 63");
    snprintf(c->application_name, sizeof(c->application_name), "%s", application_name);
    snprintf(c->options, sizeof(c->options), "-c search_path=%s", schema);

    if (memchr(text.data, '\0', text.len) ||
        (!text_starts((struct text){ (const char *)text.data, text.len }, TEXT("postgresql://")) &&
         !text_starts((struct text){ (const char *)text.data, text.len }, TEXT("postgres://"))))
        return refuse(RESULT_BAD_CONFIG, why, "the PostgreSQL URL does not begin with postgresql://");
    r = secret_new(text.len + 1, &c->url);
    if (r)
        return r;
    memcpy(secret_fill(c->url), text.data, text.len);
    options = parse(c);
    if (options)
        r = check(c, options, why);
    else
        r = refuse(RESULT_BAD_CONFIG, why, "the PostgreSQL URL is not one that libpq can read");
    options_free(options);
    if (r)
        pg_conninfo_free(c);
    return r;
}

void pg_conninfo_free(struct pg_conninfo *c)
{
    secret_free(c->url);
    c->url = NULL;
}

void pg_conninfo_set(struct pg_conninfo *c, const char *name, uint64_t value)
{
    size_t len = strlen(c->options);
    int n = snprintf(c->options + len, sizeof(c->options) - len, " -c %s=%" PRIu64, name, value);

    assert(n > 0 && (size_t)n < sizeof(c->options) - len);      /* ours to choose, and few */
    (void)n;
}

PGconn *pg_conninfo_connect(const struct pg_conninfo *c, const char *hostaddr)
{
    const char *keywords[KEYWORDS_MAX], *values[KEYWORDS_MAX];
    char both[1024];
    PQconninfoOption *options = parse(c);
    size_t n = 0;
    PGconn *conn;

    if (!options)
        return NULL;
    for (const PQconninfoOption *o = options; o->keyword && n < KEYWORDS_MAX - 6; o++) {
        if (!o->val || !*o->val || strcmp(o->keyword, "options") == 0)
            continue;
        keywords[n] = o->keyword;
        values[n++] = o->val;
    }
    /* Ours come after the URL's own and win. */
    snprintf(both, sizeof(both), "%.400s %s", value_of(options, "options") ? value_of(options, "options") : "",
             c->options);
    keywords[n] = "options";
    values[n++] = both;
    keywords[n] = "application_name";
    values[n++] = c->application_name;
    keywords[n] = "client_encoding";
    values[n++] = "UTF8";
    if (hostaddr) {
        keywords[n] = "hostaddr";
        values[n++] = hostaddr;
    }
    if (!value_of(options, "target_session_attrs")) {   /* a standby would refuse every effect */
        keywords[n] = "target_session_attrs";
        values[n++] = "read-write";
    }
    keywords[n] = NULL;
    values[n] = NULL;
    conn = PQconnectStartParams(keywords, values, 0);
    options_free(options);
    return conn;
}
