#include "utf8.h"

static bool is_tail(uint8_t c)
{
    return (c & 0xc0) == 0x80;
}

/* Length of the valid multi-byte character at p, or 0. Table 3-7 of the Unicode standard. */
static size_t character(const uint8_t *p, size_t left)
{
    uint8_t lead = p[0];

    if (lead >= 0xc2 && lead <= 0xdf)
        return left >= 2 && is_tail(p[1]) ? 2 : 0;
    if (lead >= 0xe0 && lead <= 0xef) {
        if (left < 3 || !is_tail(p[1]) || !is_tail(p[2]))
            return 0;
        bool overlong = lead == 0xe0 && p[1] < 0xa0;
        bool surrogate = lead == 0xed && p[1] > 0x9f;
        return overlong || surrogate ? 0 : 3;
    }
    if (lead >= 0xf0 && lead <= 0xf4) {
        if (left < 4 || !is_tail(p[1]) || !is_tail(p[2]) || !is_tail(p[3]))
            return 0;
        bool overlong = lead == 0xf0 && p[1] < 0x90;
        bool too_high = lead == 0xf4 && p[1] > 0x8f;
        return overlong || too_high ? 0 : 4;
    }
    return 0;
}

bool utf8_valid(struct text t)
{
    const uint8_t *p = (const uint8_t *)t.data;
    size_t left = t.len;

    while (left > 0) {
        uint64_t eight;

        /* Nearly all text is ASCII: eight bytes at a time while it is. */
        while (left >= sizeof(eight)) {
            memcpy(&eight, p, sizeof(eight));
            if (eight & 0x8080808080808080u)
                break;
            p += sizeof(eight);
            left -= sizeof(eight);
        }
        if (left == 0)
            break;
        size_t len = *p < 0x80 ? 1 : character(p, left);
        if (len == 0)
            return false;
        p += len;
        left -= len;
    }
    return true;
}

size_t utf8_length(struct text t)
{
    size_t count = 0;

    for (size_t i = 0; i < t.len; i++)
        count += !is_tail((uint8_t)t.data[i]);
    return count;
}
