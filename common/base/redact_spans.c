/* Secrets that are found in their middle or by their frame: e-mail addresses and private keys. */
#include "redact_match.h"

/* ---- private keys -------------------------------------------------------------------------------------------- */

/* After "-----BEGIN " or "-----END ": where "… PRIVATE KEY-----" ends, or 0. */
static size_t key_marker_end(struct text t, size_t at)
{
    static const struct text names[] = { { "PRIVATE KEY-----", 16 }, { "PRIVATE KEY BLOCK-----", 22 } };

    for (size_t i = at; i < t.len && i - at < 32; i++) {
        for (size_t k = 0; k < 2; k++) {
            if (starts_at(t, i, names[k]))
                return i + names[k].len;
        }
        if (!is_alnum(t.data[i]) && t.data[i] != ' ')
            break;
    }
    return 0;
}

/* base64 in lines, the line ends perhaps written as \n. */
static bool is_key_line(char c)
{
    return is_alnum(c) || c == '+' || c == '/' || c == '=' || c == '\r' || c == '\n' || c == '\\';
}

bool redact_match_private_key(struct text t, size_t at, struct found *f)
{
    static const struct text begin = { "-----BEGIN ", 11 }, end = { "-----END ", 9 };

    if (starts_at(t, at, begin)) {
        size_t body = key_marker_end(t, at + begin.len);
        if (!body)
            return false;
        /* Without an end all the rest belongs to it: a key that was cut is still most of a key. */
        const char *close = memmem(t.data + body, t.len - body, end.data, end.len);
        size_t stop = close ? key_marker_end(t, (size_t)(close - t.data) + end.len) : 0;
        *f = (struct found){ at, stop ? stop : t.len, PRIVATE_KEY };
        return true;
    }
    if (starts_at(t, at, end)) {
        size_t stop = key_marker_end(t, at + end.len), start = at;
        if (!stop)
            return false;
        /* The beginning was cut off: the lines of base64 before it. */
        while (start > 0 && is_key_line(t.data[start - 1]))
            start--;
        *f = (struct found){ start, stop, PRIVATE_KEY };
        return true;
    }
    return false;
}

/* ---- e-mail ---------------------------------------------------------------------------------------------------- */

static bool is_local(char c)
{
    return is_alnum(c) || (unsigned char)c >= 0x80 || (c && strchr(".+-_'%", c));
}

static bool is_domain(char c)
{
    return is_alnum(c) || (unsigned char)c >= 0x80 || c == '-';
}

/* Where the domain that starts there ends: two labels or more, the last one of a top-level domain's form. Or 0. */
static size_t domain_end(struct text t, size_t at)
{
    size_t end = 0, limit = t.len - at > 255 ? at + 255 : t.len;

    for (size_t label = at, labels = 1; label < limit; labels++) {
        size_t stop = label;
        while (stop < limit && is_domain(t.data[stop]))
            stop++;
        if (stop == label)
            break;
        if (labels >= 2 && stop - label >= 2 && !is_digit(t.data[label]) && t.data[label] != '-')
            end = stop;
        if (stop == limit || t.data[stop] != '.')
            break;
        label = stop + 1;
    }
    return end;
}

/* Stands at the @ (or %40) and looks both ways. */
bool redact_match_email(struct text t, size_t at, struct found *f)
{
    size_t start = at, end = domain_end(t, at + (t.data[at] == '@' ? 1 : 3));

    if (!end)
        return false;
    while (start > 0 && at - start < 64 && is_local(t.data[start - 1]))
        start--;
    while (start < at && ((unsigned char)t.data[start] & 0xc0) == 0x80)
        start++;
    if (start == at)
        return false;
    *f = (struct found){ start, end, EMAIL };
    return true;
}
