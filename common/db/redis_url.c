#include "redis_url.h"
#include "refuse.h"

#define bad_url(why, reason) refuse(RESULT_BAD_CONFIG, (why), "the Redis URL " reason)

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Undoes percent-encoding; false when it is broken or longer than cap. */
static bool decode(struct text in, char *out, size_t cap, size_t *len)
{
    size_t n = 0;

    for (size_t i = 0; i < in.len; i++) {
        char c = in.data[i];

        if (c == '%') {
            if (in.len - i < 3 || hex(in.data[i + 1]) < 0 || hex(in.data[i + 2]) < 0)
                return false;
            c = (char)(hex(in.data[i + 1]) << 4 | hex(in.data[i + 2]));
            i += 2;
        }
        if (n == cap || c == '\0')
            return false;
        out[n++] = c;
    }
    *len = n;
    return true;
}

static bool number(struct text t, unsigned most, unsigned *out)
{
    unsigned v = 0;

    if (t.len == 0 || t.len > 5)
        return false;
    for (size_t i = 0; i < t.len; i++) {
        if (t.data[i] < '0' || t.data[i] > '9')
            return false;
        v = v * 10 + (unsigned)(t.data[i] - '0');
    }
    *out = v;
    return v <= most;
}

/* What stands before the last c goes to *head (data NULL when there is no c), the rest stays in *t. */
static void split_last(struct text *t, char c, struct text *head)
{
    const char *at = t->len ? memrchr(t->data, c, t->len) : NULL;

    *head = (struct text){ NULL, 0 };
    if (!at)
        return;
    *head = (struct text){ t->data, (size_t)(at - t->data) };
    *t = (struct text){ at + 1, t->len - head->len - 1 };
}

static enum result parse_credentials(struct text who, struct redis_url *out, struct buffer *why)
{
    const char *colon = memchr(who.data, ':', who.len);
    char password[512];
    size_t len;
    enum result r;

    if (!colon)
        return bad_url(why, "has a user but no password (user:password@, or :password@)");
    struct text user = { who.data, (size_t)(colon - who.data) };
    struct text pass = { colon + 1, who.len - user.len - 1 };

    if (!decode(user, out->user, sizeof(out->user) - 1, &len))
        return bad_url(why, "has a user that is too long or badly percent-encoded");
    if (!decode(pass, password, sizeof(password), &len) || len == 0)
        r = bad_url(why, "has a password that is empty, too long or badly percent-encoded");
    else
        r = secret_from(password, len, &out->password);
    secret_wipe(password, sizeof(password));
    return r;
}

static enum result parse_place(struct text place, struct redis_url *out, struct buffer *why)
{
    struct text host = place, port = { NULL, 0 };
    unsigned v;

    if (place.len && place.data[0] == '[') {
        const char *end = memchr(place.data, ']', place.len);

        if (!end)
            return bad_url(why, "has a bracket that is not closed");
        host = (struct text){ place.data + 1, (size_t)(end - place.data) - 1 };
        port = (struct text){ end + 1, place.len - host.len - 2 };
        if (port.len && port.data[0] != ':')
            return bad_url(why, "has something other than a port after the address");
        if (port.len)
            port = (struct text){ port.data + 1, port.len - 1 };
        else
            port.data = NULL;
    } else {
        port = place;
        split_last(&port, ':', &host);
        if (!host.data) {
            host = place;
            port.data = NULL;
        }
    }
    if (host.len == 0 || host.len >= sizeof(out->host) || memchr(host.data, '\0', host.len))
        return bad_url(why, "names no host, or one that is too long");
    memcpy(out->host, host.data, host.len);
    v = 6379;
    if (port.data && (!number(port, 65535, &v) || v == 0))
        return bad_url(why, "has a port that is not 1 to 65535");
    out->port = (uint16_t)v;
    return RESULT_OK;
}

enum result redis_url_parse(struct text url, struct redis_url *out, struct buffer *why)
{
    static const struct text scheme = { "redis://", 8 }, tls = { "rediss://", 9 };
    struct text rest = url, who, db = { NULL, 0 };
    enum result r = RESULT_OK;

    memset(out, 0, sizeof(*out));
    if (text_starts(url, tls))
        return bad_url(why, "asks for TLS, which is not built in: use redis:// to a local TLS proxy");
    if (!text_starts(url, scheme))
        return bad_url(why, "does not begin with redis://");
    rest = (struct text){ url.data + scheme.len, url.len - scheme.len };

    split_last(&rest, '@', &who);
    const char *slash = rest.len ? memchr(rest.data, '/', rest.len) : NULL;
    if (slash) {
        db = (struct text){ slash + 1, rest.len - (size_t)(slash - rest.data) - 1 };
        rest.len = (size_t)(slash - rest.data);
    }
    if (who.data)
        r = parse_credentials(who, out, why);
    if (!r)
        r = parse_place(rest, out, why);
    if (!r && db.len && !number(db, 65535, &out->db))
        r = bad_url(why, "has a database that is not a number");
    if (r)
        redis_url_free(out);
    return r;
}

void redis_url_free(struct redis_url *u)
{
    secret_free(u->password);
    u->password = NULL;
}
