/* A check as the function in schema/ratelimit.lua is called for it, and what that returns: bytes, no connection. */
#ifndef HLIDKA_STORE_CALL_H
#define HLIDKA_STORE_CALL_H

#include "store.h"

/* As in schema/ratelimit.lua. */
#define STORE_CALL_HEAD_LEN (1 + FINGERPRINT_LEN)
#define STORE_CALL_CLAIM_LEN (1 + 6 * 7)

#define STORE_CALL_KEY_LEN (12 + 22)    /* a prefix, and base64url of 16 bytes */
#define STORE_CALL_ARGC_MAX (3 + 1 + MATCH_MAX + 2)

/* One Redis command; argv points into it, and to what the check points to. */
struct store_call {
    size_t argc;
    const char *argv[STORE_CALL_ARGC_MAX];
    size_t lens[STORE_CALL_ARGC_MAX];
    char keys[1 + MATCH_MAX][STORE_CALL_KEY_LEN + 1];
    char key_count[8];
    uint8_t request[STORE_CALL_HEAD_LEN + MATCH_MAX * STORE_CALL_CLAIM_LEN];
};

void store_call_put(struct store_call *call, const char *function, const struct store_check *c);

/* What the function returned for c; the texts of out->terms borrow from it. RESULT_MALFORMED. */
MUST_USE enum result store_call_take(struct bytes answer, const struct store_check *c, struct store_outcome *out);

#endif
