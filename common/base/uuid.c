#include "uuid.h"

static void set_version(struct uuid *u, uint8_t version)
{
    u->bytes[6] = (uint8_t)(version << 4 | (u->bytes[6] & 0x0f));
    u->bytes[8] = 0x80 | (u->bytes[8] & 0x3f);
}

struct uuid uuid_v7(uint64_t unix_ms, const uint8_t random[10])
{
    struct uuid u;

    bytes_put_u16(u.bytes, (uint16_t)(unix_ms >> 32));
    bytes_put_u32(u.bytes + 2, (uint32_t)unix_ms);
    memcpy(u.bytes + 6, random, 10);
    set_version(&u, 7);
    return u;
}

struct uuid uuid_v8(const uint8_t custom[16])
{
    struct uuid u;

    memcpy(u.bytes, custom, sizeof(u.bytes));
    set_version(&u, 8);
    return u;
}

uint64_t uuid_time_ms(const struct uuid *u)
{
    return bytes_get_u64(u->bytes) >> 16;
}

static bool is_dash_position(size_t i)
{
    return i == 8 || i == 13 || i == 18 || i == 23;
}

void uuid_format(const struct uuid *u, char out[UUID_TEXT_LEN + 1])
{
    static const char digits[] = "0123456789abcdef";
    size_t at = 0;

    for (size_t i = 0; i < sizeof(u->bytes); i++) {
        if (is_dash_position(at))
            out[at++] = '-';
        out[at++] = digits[u->bytes[i] >> 4];
        out[at++] = digits[u->bytes[i] & 0x0f];
    }
    out[at] = '\0';
}

static int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

enum result uuid_parse(struct text t, struct uuid *out)
{
    struct uuid u;

    if (t.len != UUID_TEXT_LEN)
        return RESULT_MALFORMED;
    for (size_t at = 0, i = 0; at < t.len; i++) {
        if (is_dash_position(at) && t.data[at++] != '-')
            return RESULT_MALFORMED;
        int high = digit_value(t.data[at++]);
        int low = digit_value(t.data[at++]);
        if (high < 0 || low < 0)
            return RESULT_MALFORMED;
        /* cppcheck-suppress arrayIndexOutOfBounds ; the length and the dashes leave 16 pairs */
        u.bytes[i] = (uint8_t)(high << 4 | low);
    }
    *out = u;
    return RESULT_OK;
}
