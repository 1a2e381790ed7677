/* Secrets known by how they begin, or by the word before them. */
#include "redact_match.h"

/* ---- what is known by how it begins -------------------------------------------------------------------------- */

/* RFC 6750, 2.1: what a bearer token is made of. */
static bool is_token68(char c)
{
    return is_base64url(c) || c == '.' || c == '~' || c == '+' || c == '/' || c == '=';
}

struct prefix {
    struct text text;
    enum redact_kind kind;
    size_t least;               /* characters of base64url that must follow; all that do are taken */
    bool anywhere;              /* inside a word too */
};

static const struct prefix PREFIXES[] = {
    { { "hls_", 4 }, TOKEN, 20, true },
    { { "eyJ", 3 }, JWT, 14, false },               /* the base64url of `{"` */
    { { "sk-", 3 }, API_KEY, 20, false },
    { { "sk_live_", 8 }, API_KEY, 10, false },
    { { "sk_test_", 8 }, API_KEY, 10, false },
    { { "rk_live_", 8 }, API_KEY, 10, false },
    { { "rk_test_", 8 }, API_KEY, 10, false },
    { { "whsec_", 6 }, API_KEY, 20, false },
    { { "AKIA", 4 }, API_KEY, 16, false },
    { { "ASIA", 4 }, API_KEY, 16, false },
    { { "AIza", 4 }, API_KEY, 30, false },
    { { "ghp_", 4 }, API_KEY, 30, false },
    { { "gho_", 4 }, API_KEY, 30, false },
    { { "ghu_", 4 }, API_KEY, 30, false },
    { { "ghs_", 4 }, API_KEY, 30, false },
    { { "ghr_", 4 }, API_KEY, 30, false },
    { { "github_pat_", 11 }, API_KEY, 20, false },
    { { "glpat-", 6 }, API_KEY, 20, false },
    { { "npm_", 4 }, API_KEY, 30, false },
    { { "xoxa-", 5 }, API_KEY, 10, false },
    { { "xoxb-", 5 }, API_KEY, 10, false },
    { { "xoxp-", 5 }, API_KEY, 10, false },
    { { "xoxr-", 5 }, API_KEY, 10, false },
    { { "xoxs-", 5 }, API_KEY, 10, false },
    { { "xapp-", 5 }, API_KEY, 10, false },
};

bool redact_match_prefix(struct text t, size_t at, struct found *f)
{
    bool word = begins_word(t, at);

    if (!word && t.data[at] != 'h')
        return false;           /* most letters; only the first of the table may stand inside a word */
    for (size_t i = 0; i < sizeof(PREFIXES) / sizeof(PREFIXES[0]); i++) {
        const struct prefix *p = &PREFIXES[i];
        size_t rest = at + p->text.len;

        if ((!word && !p->anywhere) || p->text.data[0] != t.data[at] ||
            !starts_at(t, at, p->text) || !has_run(t, rest, p->least, is_base64url))
            continue;
        *f = (struct found){ at, run_end(t, rest, is_base64url), p->kind };
        while (p->kind == JWT && f->end < t.len && t.data[f->end] == '.')
            f->end = run_end(t, f->end + 1, is_base64url);
        return true;
    }
    return false;
}

/* ---- what is known by the word before it --------------------------------------------------------------------- */

struct label {
    struct text text;           /* in small letters; '_' stands for itself, '-' or nothing */
    enum redact_kind kind;
    bool assigned;              /* the value follows ':' or '=', not mere space */
};

static const struct label LABELS[] = {
    { { "bearer", 6 }, BEARER, false },
    { { "api_key", 7 }, API_KEY, true },
    { { "access_key", 10 }, API_KEY, true },
    { { "access_token", 12 }, API_KEY, true },
    { { "client_secret", 13 }, API_KEY, true },
    { { "secret_key", 10 }, API_KEY, true },
};

/* Where the label ends, or 0. Letters of either case. */
static size_t label_end(struct text t, size_t at, struct text label)
{
    for (size_t i = 0; i < label.len; i++) {
        char c = at < t.len ? t.data[at] : '\0';
        if (label.data[i] == '_' && c != '_' && c != '-')
            continue;
        if (label.data[i] != '_' && (c | 0x20) != label.data[i])
            return 0;
        at++;
    }
    return at;
}

/* `="`, `: `, ` `, `\":\"`: what may stand between a label and its value. */
static bool is_separator(char c)
{
    return c == ' ' || c == '\t' || c == '"' || c == '\'' || c == '\\' || c == ':' || c == '=';
}

/* Where the value starts, or 0. */
static size_t separator_end(struct text t, size_t at, bool assigned)
{
    bool seen = false;
    size_t end = at;

    for (; end < t.len && end - at < 8 && is_separator(t.data[end]); end++)
        seen = seen || !assigned || t.data[end] == ':' || t.data[end] == '=';
    return seen ? end : 0;
}

/* Long, or shorter with a digit in it: so that "no bearer after all" stays as it is. */
static bool looks_random(struct text t, size_t at)
{
    bool digit = false;

    for (size_t i = 0; i < 20; i++) {
        if (at + i >= t.len || !is_token68(t.data[at + i]))
            return i >= 8 && digit;
        digit = digit || is_digit(t.data[at + i]);
    }
    return true;
}

bool redact_match_label(struct text t, size_t at, struct found *f)
{
    for (size_t i = 0; i < sizeof(LABELS) / sizeof(LABELS[0]); i++) {
        const struct label *l = &LABELS[i];
        size_t after = label_end(t, at, l->text);
        size_t value = after ? separator_end(t, after, l->assigned) : 0;

        if (value && looks_random(t, value)) {
            *f = (struct found){ value, run_end(t, value, is_token68), l->kind };
            return true;
        }
    }
    return false;
}
