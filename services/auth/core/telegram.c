#include "telegram.h"

#include "webapp_user.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#define KEY_MAX 32
#define BOT_SECRET_MAX 128

_Static_assert(crypto_auth_hmacsha256_BYTES == TELEGRAM_HASH_LEN, "HMAC-SHA-256");

/* ---- the bot ----------------------------------------------------------------------------------------------------- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_bot_token(struct text t)
{
    size_t id = 0;

    while (id < t.len && is_digit(t.data[id]))
        id++;
    if (id == 0 || id > TELEGRAM_ID_MAX || id == t.len || t.data[id] != ':' || t.len - id - 1 > BOT_SECRET_MAX)
        return false;
    for (size_t i = id + 1; i < t.len; i++) {
        char c = t.data[i];

        if (!is_digit(c) && !(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && c != '_' && c != '-')
            return false;
    }
    return t.len > id + 1;
}

static void derive_webapp_key(struct text token, uint8_t out[crypto_auth_hmacsha256_BYTES])
{
    static const uint8_t NAME[] = "WebAppData";
    crypto_auth_hmacsha256_state state;

    crypto_auth_hmacsha256_init(&state, NAME, sizeof(NAME) - 1);
    crypto_auth_hmacsha256_update(&state, (const uint8_t *)token.data, token.len);
    crypto_auth_hmacsha256_final(&state, out);
    sodium_memzero(&state, sizeof(state));
}

enum result telegram_bot_open(struct text token, struct telegram_bot *out)
{
    if (!is_bot_token(token))
        return RESULT_BAD_CONFIG;
    *out = (struct telegram_bot){ NULL, NULL };
    enum result r = secret_new(crypto_hash_sha256_BYTES, &out->widget);
    if (!r)
        r = secret_new(crypto_auth_hmacsha256_BYTES, &out->webapp);
    if (r) {
        telegram_bot_close(out);
        return r;
    }
    crypto_hash_sha256(secret_fill(out->widget), (const uint8_t *)token.data, token.len);
    derive_webapp_key(token, secret_fill(out->webapp));
    return RESULT_OK;
}

void telegram_bot_close(struct telegram_bot *bot)
{
    secret_free(bot->webapp);
    secret_free(bot->widget);
    *bot = (struct telegram_bot){ NULL, NULL };
}

/* ---- fields ------------------------------------------------------------------------------------------------------ */

static bool is_key(struct text t)
{
    for (size_t i = 0; i < t.len; i++)
        if (!(t.data[i] >= 'a' && t.data[i] <= 'z') && t.data[i] != '_')
            return false;
    return t.len >= 1 && t.len <= KEY_MAX;
}

/* A line feed in a value would make two sets of fields one text; no other control character has a place either. */
static bool is_value(struct text t)
{
    for (size_t i = 0; i < t.len; i++)
        if ((unsigned char)t.data[i] < 0x20)
            return false;
    return true;
}

static bool is_decimal(struct text t)
{
    for (size_t i = 0; i < t.len; i++)
        if (!is_digit(t.data[i]))
            return false;
    return t.len == 1 || (t.len > 1 && t.data[0] != '0');
}

static bool is_id(struct text t)
{
    return is_decimal(t) && t.len <= TELEGRAM_ID_MAX && t.data[0] != '0';
}

static uint64_t decimal(struct text t)
{
    uint64_t v = 0;

    for (size_t i = 0; i < t.len; i++)
        if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, (uint64_t)(t.data[i] - '0'), &v))
            return UINT64_MAX;
    return v;
}

static int by_key(const void *a, const void *b)
{
    return text_compare(((const struct telegram_field *)a)->key, ((const struct telegram_field *)b)->key);
}

/* Sorts; false when the set has more than one text, or none. */
static bool put_in_order(struct telegram_field *fields, size_t count)
{
    if (count > TELEGRAM_FIELDS_MAX)
        return false;
    for (size_t i = 0; i < count; i++)
        if (!is_key(fields[i].key) || !is_value(fields[i].value))
            return false;
    if (count > 1)
        qsort(fields, count, sizeof(*fields), by_key);
    for (size_t i = 1; i < count; i++)
        if (text_equal(fields[i - 1].key, fields[i].key))
            return false;
    return true;
}

static struct text find(const struct telegram_field *fields, size_t count, struct text key)
{
    for (size_t i = 0; i < count; i++)
        if (text_equal(fields[i].key, key))
            return fields[i].value;
    return (struct text){ NULL, 0 };
}

/* ---- the signature ----------------------------------------------------------------------------------------------- */

static bool read_hash(struct text hex, uint8_t out[TELEGRAM_HASH_LEN])
{
    size_t len;

    if (hex.len != 2 * TELEGRAM_HASH_LEN)
        return false;
    for (size_t i = 0; i < hex.len; i++)
        if (!is_digit(hex.data[i]) && !(hex.data[i] >= 'a' && hex.data[i] <= 'f'))
            return false;
    return sodium_hex2bin(out, TELEGRAM_HASH_LEN, hex.data, hex.len, NULL, &len, NULL) == 0 && len == TELEGRAM_HASH_LEN;
}

/* Fed piece by piece: a value may be as long as a message. */
static void sign(const struct secret *key, const struct telegram_field *fields, size_t count, uint8_t out[TELEGRAM_HASH_LEN])
{
    crypto_auth_hmacsha256_state state;
    bool first = true;

    crypto_auth_hmacsha256_init(&state, secret_bytes(key).data, secret_bytes(key).len);
    for (size_t i = 0; i < count; i++) {
        if (text_equal(fields[i].key, TEXT("hash")))
            continue;
        if (!first)
            crypto_auth_hmacsha256_update(&state, (const uint8_t *)"\n", 1);
        first = false;
        crypto_auth_hmacsha256_update(&state, (const uint8_t *)fields[i].key.data, fields[i].key.len);
        crypto_auth_hmacsha256_update(&state, (const uint8_t *)"=", 1);
        crypto_auth_hmacsha256_update(&state, (const uint8_t *)fields[i].value.data, fields[i].value.len);
    }
    crypto_auth_hmacsha256_final(&state, out);
    sodium_memzero(&state, sizeof(state));
}

/* All but whose it is. */
static enum result verify(const struct secret *key, struct telegram_field *fields, size_t count, struct telegram_login *out)
{
    uint8_t signed_hash[TELEGRAM_HASH_LEN];

    *out = (struct telegram_login){ .id = "" };
    if (!put_in_order(fields, count))
        return RESULT_NOT_AUTHENTIC;
    struct text auth_date = find(fields, count, TEXT("auth_date"));
    if (!is_decimal(auth_date) || !read_hash(find(fields, count, TEXT("hash")), out->hash))
        return RESULT_NOT_AUTHENTIC;
    sign(key, fields, count, signed_hash);
    if (sodium_memcmp(signed_hash, out->hash, sizeof(signed_hash)) != 0)
        return RESULT_NOT_AUTHENTIC;
    out->auth_date_s = decimal(auth_date);
    return RESULT_OK;
}

/* ---- whose it is ------------------------------------------------------------------------------------------------- */

static struct text widget_id(const struct telegram_field *fields, size_t count)
{
    return find(fields, count, TEXT("id"));
}

static struct text webapp_id(const struct telegram_field *fields, size_t count)
{
    struct text user = find(fields, count, TEXT("user"));

    return user.data ? webapp_user_id(user) : user;
}

static enum result take_id(struct text t, char id[TELEGRAM_ID_MAX + 1])
{
    *id = '\0';
    if (!is_id(t))
        return RESULT_NOT_AUTHENTIC;
    snprintf(id, TELEGRAM_ID_MAX + 1, "%.*s", TEXT_ARG(t));
    return RESULT_OK;
}

/* ---- logins ------------------------------------------------------------------------------------------------------ */

enum result telegram_verify_widget(const struct telegram_bot *bot, struct telegram_field *fields, size_t count,
                                   struct telegram_login *out)
{
    enum result r = verify(bot->widget, fields, count, out);

    return r ? r : take_id(widget_id(fields, count), out->id);
}

enum result telegram_verify_webapp(const struct telegram_bot *bot, struct telegram_field *fields, size_t count,
                                   struct telegram_login *out)
{
    enum result r = verify(bot->webapp, fields, count, out);

    return r ? r : take_id(webapp_id(fields, count), out->id);
}

bool telegram_fresh(uint64_t auth_date_s, uint64_t max_age_ms, uint64_t now_ms)
{
    uint64_t signed_ms;

    if (__builtin_mul_overflow(auth_date_s, UINT64_C(1000), &signed_ms))
        return false;
    return signed_ms > now_ms ? signed_ms - now_ms <= TELEGRAM_AHEAD_MS : now_ms - signed_ms <= max_age_ms;
}

void telegram_claimed_widget(const struct telegram_field *fields, size_t count, char id[TELEGRAM_ID_MAX + 1])
{
    if (take_id(widget_id(fields, count), id))
        *id = '\0';
}

void telegram_claimed_webapp(const struct telegram_field *fields, size_t count, char id[TELEGRAM_ID_MAX + 1])
{
    if (take_id(webapp_id(fields, count), id))
        *id = '\0';
}
