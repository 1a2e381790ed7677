/*
 * `Set-Cookie` values (RFC 6265; the __Host- prefix as in draft-ietf-httpbis-rfc6265bis section 4.1.3.2: Secure, no
 * Domain, Path=/). Strict and HttpOnly: no other site sends it along, no script reads it.
 */
#ifndef HLIDKA_AUTH_COOKIE_H
#define HLIDKA_AUTH_COOKIE_H

#include "token.h"

#define COOKIE_MAX 192
#define COOKIE_CLEAR "__Host-hlidka=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0"

/* NUL-terminated; returns its length. It holds the token: wipe it. */
size_t cookie_format(const char *token, uint64_t max_age_s, char out[COOKIE_MAX]);

#endif
