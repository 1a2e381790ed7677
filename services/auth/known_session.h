/* A session as the store has it: what the rules of its life look at, what its token is compared with, and what
 * introspection shows of it and its user. */
#ifndef HLIDKA_KNOWN_SESSION_H
#define HLIDKA_KNOWN_SESSION_H

#include "auth.h"
#include "session.h"
#include "token.h"

struct known_session {
    struct session life;
    uint8_t digest[TOKEN_DIGEST_LEN];   /* of the token's secret half */
    struct bytes former;                /* of those before it, for token_was; borrowed, and not held in memory */
    bool locked_out;                    /* TOTP is locked by wrong codes, and there is no backup code that would be taken */
    /* All but `active`, `last_activity` and `expires_at`, which depend on when it is shown (known_session_show). */
    struct auth_session_introspect_result shown;
};

#endif
