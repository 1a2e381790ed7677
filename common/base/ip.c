#include "ip.h"

#include <arpa/inet.h>
#include <stdio.h>

#define GROUPS 8

static const uint8_t MAPPED[12] = { [10] = 0xff, [11] = 0xff };

enum result ip_parse(struct text t, struct ip *out)
{
    char copy[IP_TEXT_MAX + 1];
    struct ip ip = { 0 };

    if (t.len == 0 || t.len > IP_TEXT_MAX || memchr(t.data, '\0', t.len))
        return RESULT_MALFORMED;
    memcpy(copy, t.data, t.len);
    copy[t.len] = '\0';

    if (inet_pton(AF_INET, copy, ip.bytes) == 1) {
        ip.family = 4;
    } else if (inet_pton(AF_INET6, copy, ip.bytes) == 1) {
        ip.family = 6;
    } else {
        return RESULT_MALFORMED;
    }
    if (ip.family == 6 && memcmp(ip.bytes, MAPPED, sizeof(MAPPED)) == 0) {
        memmove(ip.bytes, ip.bytes + 12, 4);
        memset(ip.bytes + 4, 0, 12);
        ip.family = 4;
    }
    *out = ip;
    return RESULT_OK;
}

struct run {
    unsigned start, len;
};

/* RFC 5952 4.2: the longest run of zero groups, the first of equals, never a lone one. */
static struct run longest_zero_run(const uint16_t groups[GROUPS])
{
    struct run best = { 0, 1 }, run = { 0, 0 };

    for (unsigned i = 0; i < GROUPS; i++) {
        run = groups[i] ? (struct run){ i + 1, 0 } : (struct run){ run.start, run.len + 1 };
        if (run.len > best.len)
            best = run;
    }
    return best.len > 1 ? best : (struct run){ GROUPS, 0 };
}

/*
 * Not inet_ntop, which writes ::/96 in dotted form: one form for every address, in hexadecimal, whatever the
 * C library thinks (RFC 5952 section 5 recommends the mixed form, for known prefixes only).
 */
static size_t format_v6(const uint8_t bytes[16], char out[IP_TEXT_MAX + 1])
{
    uint16_t groups[GROUPS];
    size_t len = 0;

    for (unsigned i = 0; i < GROUPS; i++)
        groups[i] = (uint16_t)(bytes[2 * i] << 8 | bytes[2 * i + 1]);
    struct run zeros = longest_zero_run(groups);

    for (unsigned i = 0; i < GROUPS; i++) {
        if (i == zeros.start) {
            out[len++] = ':';
            out[len++] = ':';
            i += zeros.len - 1;
            continue;
        }
        const char *separator = i == 0 || i == zeros.start + zeros.len ? "" : ":";
        len += (size_t)snprintf(out + len, IP_TEXT_MAX + 1 - len, "%s%x", separator, groups[i]);
    }
    out[len] = '\0';
    return len;
}

size_t ip_format(const struct ip *ip, char out[IP_TEXT_MAX + 1])
{
    const uint8_t *b = ip->bytes;

    switch (ip->family) {
    case 4:
        return (size_t)snprintf(out, IP_TEXT_MAX + 1, "%u.%u.%u.%u", b[0], b[1], b[2], b[3]);
    case 6:
        return format_v6(b, out);
    default:
        out[0] = '\0';
        return 0;
    }
}
