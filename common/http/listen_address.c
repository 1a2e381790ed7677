#include "listen_address.h"

#include "ip.h"

#include <errno.h>
#include <netinet/in.h>
#include <unistd.h>

#define BACKLOG 32

static enum result complain(struct buffer *why, const char *text, const char *message)
{
    enum result r = buffer_printf(why, "%s: %s\n", text, message);

    return r ? r : RESULT_BAD_CONFIG;
}

static bool parse_port(struct text t, uint16_t *out)
{
    unsigned v = 0;

    if (t.len < 1 || t.len > 5)
        return false;
    for (size_t i = 0; i < t.len; i++) {
        if (t.data[i] < '0' || t.data[i] > '9')
            return false;
        v = v * 10 + (unsigned)(t.data[i] - '0');
    }
    *out = (uint16_t)v;
    return v <= UINT16_MAX;
}

/* Splits at the last colon; an IPv6 address stands in brackets. */
static bool split(struct text t, struct text *host, struct text *port)
{
    const char *colon = t.len > 0 ? memrchr(t.data, ':', t.len) : NULL;

    if (!colon)
        return false;
    *host = (struct text){ t.data, (size_t)(colon - t.data) };
    *port = (struct text){ colon + 1, t.len - host->len - 1 };
    bool bracketed = host->len > 2 && host->data[0] == '[' && host->data[host->len - 1] == ']';
    if (bracketed)
        *host = (struct text){ host->data + 1, host->len - 2 };
    return bracketed == (memchr(host->data, ':', host->len) != NULL);
}

static bool out_of_reach(const struct ip *ip)
{
    static const uint8_t none[16], loopback6[16] = { [15] = 1 };
    const uint8_t *b = ip->bytes;

    if (ip->family == 4)
        return b[0] == 127 || b[0] == 10 || (b[0] == 172 && (b[1] & 0xf0) == 16) || (b[0] == 192 && b[1] == 168) ||
               (b[0] == 169 && b[1] == 254) || (b[0] == 100 && (b[1] & 0xc0) == 64) || memcmp(b, none, 4) == 0;
    return memcmp(b, loopback6, 16) == 0 || (b[0] & 0xfe) == 0xfc || (b[0] == 0xfe && (b[1] & 0xc0) == 0x80) ||
           memcmp(b, none, 16) == 0;
}

enum result listen_address_parse(const char *text, struct sockaddr_storage *out, socklen_t *len, struct buffer *why)
{
    struct text host, port;
    struct ip ip;
    uint16_t number;

    if (!split(text_of(text), &host, &port) || ip_parse(host, &ip) || !parse_port(port, &number))
        return complain(why, text, "not an address and a port, as 127.0.0.1:9100 or [::1]:9100");
    if (!out_of_reach(&ip))
        return complain(why, text, "the admin listener is for loopback and private addresses");

    memset(out, 0, sizeof(*out));
    if (ip.family == 4) {
        struct sockaddr_in *in = (struct sockaddr_in *)out;

        in->sin_family = AF_INET;
        in->sin_port = htons(number);
        memcpy(&in->sin_addr, ip.bytes, 4);
        *len = sizeof(*in);
    } else {
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;

        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons(number);
        memcpy(&in6->sin6_addr, ip.bytes, 16);
        *len = sizeof(*in6);
    }
    return RESULT_OK;
}

enum result listen_address_open(const char *text, int *fd, struct buffer *why)
{
    struct sockaddr_storage address;
    socklen_t len;
    int one = 1, sock;
    enum result r = listen_address_parse(text, &address, &len, why);

    if (r)
        return r;
    sock = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (sock < 0)
        return complain(why, text, strerror(errno));
    if (setsockopt(sock, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) || bind(sock, (struct sockaddr *)&address, len) ||
        listen(sock, BACKLOG)) {
        r = complain(why, text, strerror(errno));
        close(sock);
        return r;
    }
    *fd = sock;
    return RESULT_OK;
}
