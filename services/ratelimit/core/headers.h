/*
 * The header fields of a verdict: RateLimit-Policy and RateLimit (draft-ietf-httpapi-ratelimit-headers-11, structured
 * fields of RFC 9651) of the enforcing rows, Retry-After (RFC 9110, section 10.2.3) where waiting helps.
 *
 *     RateLimit-Policy: "lessons-free";q=30;w=3600
 *     RateLimit: "lessons-free";r=0;t=41
 *     Retry-After: 41
 */
#ifndef HLIDKA_HEADERS_H
#define HLIDKA_HEADERS_H

#include "judgement.h"

/* Over MATCH_MAX items of a name, two parameters and their integers. */
#define HEADER_MAX 1024

/* NUL-terminated; an empty one is not sent. */
struct headers {
    char policy[HEADER_MAX];
    char limit[HEADER_MAX];
    char retry_after[24];
};

/* RESULT_TOO_LARGE: more rows than MATCH_MAX or longer names than a policy has. */
MUST_USE enum result headers_format(const struct judgement *j, struct headers *out);

#endif
