/*
 * What an authenticator app is told: the secret in base32 (RFC 4648 section 6) and a key URI
 * (github.com/google/google-authenticator/wiki/Key-Uri-Format):
 *
 *     otpauth://totp/Hlidka:jirina%40example.cz?secret=JBSW…&issuer=Hlidka&algorithm=SHA1&digits=6&period=30
 */
#ifndef HLIDKA_AUTH_OTPAUTH_H
#define HLIDKA_AUTH_OTPAUTH_H

#include "buffer.h"
#include "totp.h"

#define OTPAUTH_SECRET_LEN 32           /* letters; TOTP_SECRET_LEN bytes need no padding */

/* NUL-terminated; whoever holds it wipes it. */
void otpauth_secret(const uint8_t secret[TOTP_SECRET_LEN], char text[OTPAUTH_SECRET_LEN + 1]);

/* Appends. Errors as buffer_append. */
MUST_USE enum result otpauth_uri(struct text issuer, struct text label, const char *secret, struct buffer *out);

#endif
