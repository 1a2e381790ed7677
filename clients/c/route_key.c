#include "route_key.h"

#include <sodium.h>

#include "channels.h"
#include "ip.h"
#include "mp_reader.h"

#define TOKEN_PREFIX   "hls_"
#define TOKEN_LEN      68               /* the prefix and 64 characters of base64url: 16 + 32 bytes */
#define TOKEN_SELECTOR 16

static void take(struct route_key *out, const void *data, size_t len)
{
    out->len = len < ROUTE_KEY_MAX ? len : ROUTE_KEY_MAX;
    memcpy(out->bytes, data, out->len);
}

static void take_hashed(struct route_key *out, struct text canonical)
{
    uint8_t hash[CHANNEL_HASH_LEN];

    channel_hash(canonical, hash);
    take(out, hash, sizeof(hash));
}

/* The value under that name, if the body is a map that has it. */
static bool find(struct bytes body, struct text name, struct mp_value *out, struct bytes *rest)
{
    struct mp_reader in = mp_reader_of(body);
    struct mp_value map, key;

    if (body.len == 0 || mp_next(&in, &map) || map.type != MP_MAP)
        return false;
    for (uint32_t i = 0; i < map.count; i++) {
        if (mp_next(&in, &key) || key.type != MP_STR)
            return false;
        if (text_equal(key.str, name)) {
            *rest = (struct bytes){ in.at, (size_t)(in.end - in.at) };
            return mp_next(&in, out) == RESULT_OK;
        }
        if (mp_skip(&in))
            return false;
    }
    return false;
}

static bool find_text(struct bytes body, struct text name, struct text *out)
{
    struct mp_value v;
    struct bytes rest;

    if (!find(body, name, &v, &rest) || v.type != MP_STR || v.str.len == 0)
        return false;
    *out = v.str;
    return true;
}

static bool by_user(struct bytes body, struct route_key *out)
{
    struct text user;

    if (!find_text(body, TEXT("user_id"), &user))
        return false;
    take(out, user.data, user.len);
    return true;
}

static bool by_ip(struct bytes body, struct route_key *out)
{
    char canonical[IP_TEXT_MAX + 1];
    struct text text;
    struct ip ip;

    if (!find_text(body, TEXT("ip"), &text) || ip_parse(text, &ip))
        return false;
    size_t len = ip_format(&ip, canonical);
    take_hashed(out, (struct text){ canonical, len });
    return true;
}

static bool by_token(struct bytes body, struct route_key *out)
{
    uint8_t token[48];
    struct text text;
    size_t len;

    if (!find_text(body, TEXT("token"), &text) || text.len != TOKEN_LEN || !text_starts(text, TEXT(TOKEN_PREFIX)))
        return false;
    bool read = sodium_base642bin(token, sizeof(token), text.data + 4, text.len - 4, NULL, &len, NULL,
                                  sodium_base64_VARIANT_URLSAFE_NO_PADDING) == 0 && len == sizeof(token);
    if (read)
        take(out, token, TOKEN_SELECTOR);
    sodium_memzero(token, sizeof(token));
    return read;
}

/* A login: whose it claims to be. */
static bool by_telegram(struct bytes body, struct route_key *out)
{
    struct text text;
    struct mp_value fields;
    struct bytes rest;

    if (find_text(body, TEXT("telegram_id"), &text) || find_text(body, TEXT("init_data"), &text) ||
        (find(body, TEXT("fields"), &fields, &rest) && fields.type == MP_MAP && find_text(rest, TEXT("id"), &text))) {
        take_hashed(out, text);
        return true;
    }
    return false;
}

static bool by_object(struct bytes body, struct route_key *out)
{
    struct text text;

    if (!find_text(body, TEXT("object_id"), &text))
        return false;
    take(out, text.data, text.len);
    return true;
}

void route_key_request(struct text service, struct bytes body, const uint8_t random[8], struct route_key *out)
{
    bool found;

    if (text_equal(service, TEXT("crypto")))
        found = by_object(body, out);
    else if (text_equal(service, TEXT("auth")))
        found = by_user(body, out) || by_token(body, out) || by_telegram(body, out);
    else
        found = by_user(body, out) || by_ip(body, out);
    if (!found)
        take(out, random, 8);
}

void route_key_event(struct text source, struct bytes body, struct route_key *out)
{
    if (!by_user(body, out) && !by_ip(body, out))
        take(out, source.data, source.len);
}
