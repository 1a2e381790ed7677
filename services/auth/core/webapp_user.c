#include "webapp_user.h"

#define DEPTH_MAX 8
#define DIGITS_MAX 19

struct cursor {
    const char *at, *end;
};

static bool more(const struct cursor *c)
{
    return c->at < c->end;
}

static void skip_blanks(struct cursor *c)
{
    while (more(c) && (*c->at == ' ' || *c->at == '\t' || *c->at == '\n' || *c->at == '\r'))
        c->at++;
}

static bool take(struct cursor *c, char what)
{
    skip_blanks(c);
    if (!more(c) || *c->at != what)
        return false;
    c->at++;
    return true;
}

/* What stands between the quotes, undecoded. */
static bool take_string(struct cursor *c, struct text *out)
{
    if (!take(c, '"'))
        return false;
    const char *begin = c->at;
    for (; more(c); c->at++) {
        if (*c->at == '\\' && c->end - c->at > 1) {
            c->at++;
        } else if (*c->at == '"') {
            *out = (struct text){ begin, (size_t)(c->at++ - begin) };
            return true;
        }
    }
    return false;
}

static bool is_scalar(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '+' || c == '.';
}

/* A number, true, false or null. */
static bool take_scalar(struct cursor *c, struct text *out)
{
    skip_blanks(c);
    const char *begin = c->at;
    while (more(c) && is_scalar(*c->at))
        c->at++;
    *out = (struct text){ begin, (size_t)(c->at - begin) };
    return out->len > 0;
}

/* An object or array: whatever is in it, each bracket closed by its own. */
static bool skip_nested(struct cursor *c)
{
    char closing[DEPTH_MAX];
    size_t depth = 0;
    struct text ignored;

    while (more(c)) {
        char what = *c->at;

        if (what == '"') {
            if (!take_string(c, &ignored))
                return false;
            continue;
        }
        c->at++;
        if (what == '{' || what == '[') {
            if (depth == DEPTH_MAX)
                return false;
            closing[depth++] = what == '{' ? '}' : ']';
        } else if (what == '}' || what == ']') {
            if (closing[--depth] != what)
                return false;
            if (depth == 0)
                return true;
        }
    }
    return false;
}

/* scalar: empty for any other kind of value. */
static bool take_value(struct cursor *c, struct text *scalar)
{
    struct text ignored;

    *scalar = (struct text){ NULL, 0 };
    skip_blanks(c);
    if (!more(c))
        return false;
    if (*c->at == '"')
        return take_string(c, &ignored);
    if (*c->at == '{' || *c->at == '[')
        return skip_nested(c);
    return take_scalar(c, scalar);
}

static bool is_id(struct text t)
{
    if (t.len < 1 || t.len > DIGITS_MAX || t.data[0] == '0')
        return false;
    for (size_t i = 0; i < t.len; i++)
        if (t.data[i] < '0' || t.data[i] > '9')
            return false;
    return true;
}

struct text webapp_user_id(struct text json)
{
    static const struct text NONE = { NULL, 0 };
    struct cursor c = { json.data, json.data + json.len };
    struct text key, value, id = NONE;

    if (!take(&c, '{'))
        return NONE;
    do {
        if (!take_string(&c, &key) || memchr(key.data, '\\', key.len) || !take(&c, ':') || !take_value(&c, &value))
            return NONE;
        if (!text_equal(key, TEXT("id")))
            continue;
        if (id.data || !is_id(value))
            return NONE;
        id = value;
    } while (take(&c, ','));
    if (!take(&c, '}'))
        return NONE;
    skip_blanks(&c);
    return more(&c) ? NONE : id;
}
