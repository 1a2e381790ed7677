#include "cookie.h"

#include <inttypes.h>
#include <stdio.h>

#define FORMAT "__Host-hlidka=%s; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=%" PRIu64

_Static_assert(sizeof(FORMAT) + TOKEN_TEXT_LEN + 20 < COOKIE_MAX, "every token and age fit");

size_t cookie_format(const char *token, uint64_t max_age_s, char out[COOKIE_MAX])
{
    return (size_t)snprintf(out, COOKIE_MAX, FORMAT, token, max_age_s);
}
