/* Secrets that begin with a digit: bot tokens and cards; and UUIDs, which are neither. */
#include "redact_match.h"

#include <strings.h>

/* 123456789:AA… (35 characters); the colon may be percent-encoded. */
bool redact_match_bot_token(struct text t, size_t at, struct found *f)
{
    size_t i = at;

    while (i < t.len && i - at < 13 && is_digit(t.data[i]))
        i++;
    if (i - at < 6 || i - at > 12)
        return false;
    if (i < t.len && t.data[i] == ':')
        i++;
    else if (t.len - i >= 3 && strncasecmp(t.data + i, "%3a", 3) == 0)
        i += 3;
    else
        return false;
    if (!has_run(t, i, 30, is_base64url))
        return false;
    *f = (struct found){ at, run_end(t, i, is_base64url), BOT_TOKEN };
    return true;
}

static bool luhn_holds(const uint8_t *digits, size_t len)
{
    unsigned sum = 0;

    for (size_t i = 0; i < len; i++) {
        unsigned d = digits[len - 1 - i] * (i % 2 ? 2u : 1u);
        sum += d > 9 ? d - 9 : d;
    }
    return sum % 10 == 0;
}

/* How many digits a card that begins so has, or 0. */
static size_t card_length(const uint8_t *d)
{
    static const struct { unsigned low, high; size_t len; } ranges[] = {
        { 2200, 2204, 16 },     /* Mir */
        { 2221, 2720, 16 },     /* Mastercard */
        { 3400, 3499, 15 },     /* American Express */
        { 3528, 3589, 16 },     /* JCB */
        { 3700, 3799, 15 },     /* American Express */
        { 4000, 4999, 16 },     /* Visa */
        { 5000, 5899, 16 },     /* Mastercard, Maestro */
        { 6011, 6011, 16 },     /* Discover */
        { 6200, 6299, 16 },     /* UnionPay */
        { 6304, 6304, 16 },     /* Maestro */
        { 6440, 6599, 16 },     /* Discover */
        { 6700, 6799, 16 },     /* Maestro */
    };
    unsigned first = d[0] * 1000u + d[1] * 100u + d[2] * 10u + d[3];

    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        if (first >= ranges[i].low && first <= ranges[i].high)
            return ranges[i].len;
    }
    return 0;
}

/* Single spaces or hyphens may stand between the digits. */
bool redact_match_card(struct text t, size_t at, struct found *f)
{
    uint8_t digits[16];
    size_t count = 0, want = 16, i = at;

    while (i < t.len && count < want) {
        char c = t.data[i];
        bool between = (c == ' ' || c == '-') && i > at && is_digit(t.data[i - 1]);
        if (is_digit(c))
            digits[count++] = (uint8_t)(c - '0');
        else if (!between)
            return false;
        if (count == 4 && is_digit(c) && (want = card_length(digits)) == 0)
            return false;
        i++;
    }
    if (count < want || (i < t.len && is_digit(t.data[i])) || !luhn_holds(digits, count))
        return false;
    *f = (struct found){ at, i, CARD };
    return true;
}

size_t redact_uuid_length(struct text t, size_t at)
{
    if (t.len - at < 36 || !begins_word(t, at) || (t.len - at > 36 && is_alnum(t.data[at + 36])))
        return 0;
    for (size_t i = 0; i < 36; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? t.data[at + i] != '-' : !is_hex(t.data[at + i]))
            return 0;
    }
    return 36;
}
