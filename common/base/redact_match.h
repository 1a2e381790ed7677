/* Inside of redact: what its matchers share. Not for anybody else. */
#ifndef HLIDKA_REDACT_MATCH_H
#define HLIDKA_REDACT_MATCH_H

#include "bytes.h"

enum redact_kind { TOKEN, BOT_TOKEN, JWT, BEARER, API_KEY, PRIVATE_KEY, CARD, EMAIL };

struct found {
    size_t start, end;
    enum redact_kind kind;
};

/*
 * A matcher stands at a character and says whether a secret is there. It decides by looking at a bounded
 * number of bytes around it; only what it then takes may be longer.
 */
bool redact_match_prefix(struct text t, size_t at, struct found *f);
bool redact_match_label(struct text t, size_t at, struct found *f);
bool redact_match_private_key(struct text t, size_t at, struct found *f);
bool redact_match_email(struct text t, size_t at, struct found *f);
bool redact_match_bot_token(struct text t, size_t at, struct found *f);
bool redact_match_card(struct text t, size_t at, struct found *f);

/* The length of a UUID at a word's start, or 0: its digits may look like anything. */
size_t redact_uuid_length(struct text t, size_t at);

static inline bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static inline bool is_alnum(char c)
{
    return is_digit(c) || is_letter(c);
}

static inline bool is_hex(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static inline bool is_base64url(char c)
{
    return is_alnum(c) || c == '-' || c == '_';
}

static inline size_t run_end(struct text t, size_t from, bool (*in_run)(char))
{
    while (from < t.len && in_run(t.data[from]))
        from++;
    return from;
}

static inline bool has_run(struct text t, size_t from, size_t len, bool (*in_run)(char))
{
    if (t.len < from || t.len - from < len)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (!in_run(t.data[from + i]))
            return false;
    }
    return true;
}

static inline bool begins_word(struct text t, size_t at)
{
    return at == 0 || !is_alnum(t.data[at - 1]);
}

static inline bool starts_at(struct text t, size_t at, struct text with)
{
    return t.len - at >= with.len && memcmp(t.data + at, with.data, with.len) == 0;
}

#endif
