/* The alphabets of ids: one table says in which of them each byte may stand. */
#include "schema.h"

enum alphabet {
    LOWER = 1,                  /* of event types */
    ID = 2,
    ROUTE = 4,
    DIGIT = 8,
    BASE64URL = 16,
};

static const uint8_t alphabets[256] = {
    ['a' ... 'z'] = LOWER | ID | ROUTE | BASE64URL,
    ['A' ... 'Z'] = ID | ROUTE | BASE64URL,
    ['0' ... '9'] = LOWER | ID | ROUTE | BASE64URL | DIGIT,
    ['_'] = LOWER | ID | ROUTE | BASE64URL,
    ['.'] = LOWER | ID | ROUTE,
    ['-'] = ID | ROUTE | BASE64URL,
    [':'] = ID | ROUTE,
    ['/'] = ROUTE,
    ['{'] = ROUTE,
    ['}'] = ROUTE,
};

static bool all_of(struct text t, enum alphabet a)
{
    for (size_t i = 0; i < t.len; i++) {
        if (!(alphabets[(uint8_t)t.data[i]] & a))
            return false;
    }
    return true;
}

static bool user_id_valid(struct text t)
{
    return all_of(t, ID);
}

static bool telegram_id_valid(struct text t)
{
    return all_of(t, DIGIT) && t.len > 0 && t.data[0] != '0';
}

static bool endpoint_valid(struct text t)
{
    return all_of(t, ROUTE);
}

static bool event_type_valid(struct text t)
{
    return all_of(t, LOWER);
}

static bool event_filter_valid(struct text t)
{
    if (t.len > 0 && t.data[t.len - 1] == '*')
        t.len--;
    return all_of(t, LOWER);
}

/* 32 bytes in base64url, padded: 43 characters and one `=`. */
static bool fernet_key_valid(struct text t)
{
    return t.len == 44 && t.data[43] == '=' && all_of((struct text){ t.data, 43 }, BASE64URL);
}

const struct format format_user_id = { "^[A-Za-z0-9_.:-]*$", user_id_valid };
const struct format format_telegram_id = { "^[1-9][0-9]*$", telegram_id_valid };
const struct format format_endpoint = { "^[A-Za-z0-9_.:/{}-]*$", endpoint_valid };
const struct format format_event_type = { "^[a-z0-9_.]*$", event_type_valid };
const struct format format_event_filter = { "^[a-z0-9_.]*[*]?$", event_filter_valid };
const struct format format_fernet_key = { "^[A-Za-z0-9_-]{43}=$", fernet_key_valid };
