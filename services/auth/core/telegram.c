#include "telegram.h"

#include <sodium.h>
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

enum result telegram_bot_open(struct text token, struct telegram_bot *out)
{
    if (!is_bot_token(token))
        return RESULT_BAD_CONFIG;
    enum result r = secret_new(crypto_hash_sha256_BYTES, &out->widget);
    if (r)
        return r;
    crypto_hash_sha256(secret_fill(out->widget), (const uint8_t *)token.data, token.len);
    return RESULT_OK;
}

void telegram_bot_close(struct telegram_bot *bot)
{
    secret_free(bot->widget);
    bot->widget = NULL;
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

enum result telegram_verify_widget(const struct telegram_bot *bot, struct telegram_field *fields, size_t count,
                                   struct telegram_login *out)
{
    uint8_t signed_hash[TELEGRAM_HASH_LEN];

    if (!put_in_order(fields, count))
        return RESULT_NOT_AUTHENTIC;
    struct text auth_date = find(fields, count, TEXT("auth_date"));
    *out = (struct telegram_login){ .id = find(fields, count, TEXT("id")) };
    if (!is_id(out->id) || !is_decimal(auth_date) || !read_hash(find(fields, count, TEXT("hash")), out->hash))
        return RESULT_NOT_AUTHENTIC;
    sign(bot->widget, fields, count, signed_hash);
    if (sodium_memcmp(signed_hash, out->hash, sizeof(signed_hash)) != 0)
        return RESULT_NOT_AUTHENTIC;
    out->auth_date_s = decimal(auth_date);
    return RESULT_OK;
}

bool telegram_fresh(uint64_t auth_date_s, uint64_t max_age_ms, uint64_t now_ms)
{
    uint64_t signed_ms;

    if (__builtin_mul_overflow(auth_date_s, UINT64_C(1000), &signed_ms))
        return false;
    return signed_ms > now_ms ? signed_ms - now_ms <= TELEGRAM_AHEAD_MS : now_ms - signed_ms <= max_age_ms;
}

struct text telegram_claimed(const struct telegram_field *fields, size_t count)
{
    struct text id = find(fields, count, TEXT("id"));

    return is_id(id) ? id : (struct text){ NULL, 0 };
}
