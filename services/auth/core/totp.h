/*
 * One-time codes of an authenticator app: TOTP (RFC 6238) over HOTP (RFC 4226) with HMAC-SHA-1, 30 s a step from 1970, six
 * digits. A code counts in its own step and in the one before and after (RFC 6238 section 5.2, 6).
 *
 *     12:00:29   a code of 12:00:00 … 12:00:29 is of this step, one of 11:59:30 … and one of 12:00:30 … are taken too
 *
 * A step is good once: none that is not greater than the last one used is right any more, whichever factor it was used for.
 */
#ifndef HLIDKA_AUTH_TOTP_H
#define HLIDKA_AUTH_TOTP_H

#include "bytes.h"

#define TOTP_SECRET_LEN 20              /* 160 bits: RFC 4226 section 4, R6 */
#define TOTP_STEP_MS 30000
#define TOTP_DIGITS 6

enum totp_verdict { TOTP_RIGHT, TOTP_USED, TOTP_WRONG };

/* RFC 4226 section 5.3; digits is 1 … 9. */
uint32_t hotp(struct bytes key, uint64_t counter, unsigned digits);

/* Whether a text has the form of a code: six ASCII digits. */
bool totp_is_code(struct text code);

/* last_step: the greatest one used, 0 for none. *step is of the code when it is right. Takes as long for any six digits. */
enum totp_verdict totp_check(const uint8_t secret[TOTP_SECRET_LEN], struct text code, uint64_t last_step, uint64_t now_ms,
                             uint64_t *step);

#endif
