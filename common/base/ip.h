/*
 * IP addresses as text and as numbers: strict parsing (no zone, brackets, prefix length, leading zeros or
 * spaces), canonical text (RFC 5952; an IPv4-mapped address is the IPv4 one).
 */
#ifndef HLIDKA_IP_H
#define HLIDKA_IP_H

#include "bytes.h"
#include "result.h"

#define IP_TEXT_MAX 45

struct ip {
    uint8_t family;             /* 4 or 6; 0 is "none" */
    uint8_t bytes[16];          /* 4: the first four; the rest zero */
};

/* RESULT_MALFORMED. An IPv4-mapped IPv6 address (::ffff:0:0/96) becomes family 4. */
MUST_USE enum result ip_parse(struct text t, struct ip *out);

/* NUL-terminated canonical text; returns its length. */
size_t ip_format(const struct ip *ip, char out[IP_TEXT_MAX + 1]);

#endif
