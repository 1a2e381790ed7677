/*
 * redis://[[user]:password@]host[:port][/db], as registered with IANA (provisional "redis" scheme). user and
 * password are percent-encoded (RFC 3986, section 2.1); an IPv6 address stands in brackets.
 */
#ifndef HLIDKA_REDIS_URL_H
#define HLIDKA_REDIS_URL_H

#include "buffer.h"
#include "secret.h"

struct redis_url {
    char host[256];
    uint16_t port;                      /* 6379 when not given */
    unsigned db;                        /* 0 … 65535 */
    char user[128];                     /* "" when not given */
    struct secret *password;            /* NULL when not given; owned */
};

/* RESULT_BAD_CONFIG and the reason in `why`, which quotes nothing of the URL; RESULT_NO_MEMORY. */
MUST_USE enum result redis_url_parse(struct text url, struct redis_url *out, struct buffer *why);
void redis_url_free(struct redis_url *u);

#endif
