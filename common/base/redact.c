/*
 * One pass from left to right. Every matcher decides by looking at a bounded number of bytes around where it
 * stands, and what it then takes is not looked at again: so the whole is linear, whatever a peer sends.
 */
#include "redact.h"

#include "redact_match.h"

static const char *const KIND_NAMES[] = {
    [TOKEN] = "token", [BOT_TOKEN] = "bot_token", [JWT] = "jwt", [BEARER] = "bearer",
    [API_KEY] = "api_key", [PRIVATE_KEY] = "private_key", [CARD] = "card", [EMAIL] = "email",
};

static bool match_at(struct text t, size_t at, struct found *f)
{
    char c = t.data[at];

    if (c == '-')
        return redact_match_private_key(t, at, f);
    if (c == '@' || (c == '%' && t.len - at >= 3 && memcmp(t.data + at, "%40", 3) == 0))
        return redact_match_email(t, at, f);
    if (is_digit(c))
        return (at == 0 || !is_digit(t.data[at - 1])) &&
               (redact_match_bot_token(t, at, f) || redact_match_card(t, at, f));
    if (is_letter(c))
        return redact_match_prefix(t, at, f) || (begins_word(t, at) && redact_match_label(t, at, f));
    return false;
}

static bool find(struct text t, struct found *f)
{
    for (size_t at = 0; at < t.len;) {
        size_t skip = is_hex(t.data[at]) ? redact_uuid_length(t, at) : 0;
        if (!skip && match_at(t, at, f))
            return true;
        at += skip ? skip : 1;
    }
    return false;
}

enum result redact_text(struct text t, struct buffer *out)
{
    size_t before = out->len;
    enum result r = RESULT_OK;
    struct found f;

    /* What follows a match is a text of its own: nothing reaches back into what was taken. */
    while (!r && find(t, &f)) {
        r = buffer_append(out, t.data, f.start);
        if (!r)
            r = buffer_printf(out, "[redacted:%s]", KIND_NAMES[f.kind]);
        t.data += f.end;
        t.len -= f.end;
    }
    if (!r)
        r = buffer_append_text(out, t);
    if (r)
        out->len = before;
    return r;
}

bool redact_needed(struct text t)
{
    struct found f;

    return find(t, &f);
}
