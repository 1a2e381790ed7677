/* "127.0.0.1:9100" or "[::1]:9100" as what bind(2) takes, if it is a place that strangers do not reach. */
#ifndef HLIDKA_LISTEN_ADDRESS_H
#define HLIDKA_LISTEN_ADDRESS_H

#include "buffer.h"

#include <sys/socket.h>

/*
 * Loopback, private (RFC 1918, RFC 4193), link-local and shared (RFC 6598) addresses, and the wildcards; anything
 * else is RESULT_BAD_CONFIG with `why`.
 */
MUST_USE enum result listen_address_parse(const char *text, struct sockaddr_storage *out, socklen_t *len, struct buffer *why);

/* A socket bound to it that listens, non-blocking. RESULT_BAD_CONFIG with `why`. */
MUST_USE enum result listen_address_open(const char *text, int *fd, struct buffer *why);

#endif
