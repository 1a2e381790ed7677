/* A wrapped data key as its owner keeps it: `hld1` ‖ version of the content ring, u32 BE ‖ id (16) ‖ wrap (wrap.h). */
#ifndef HLIDKA_WRAPPED_KEY_H
#define HLIDKA_WRAPPED_KEY_H

#include "uuid.h"
#include "wrap.h"

#define WRAPPED_KEY_LEN (4 + 4 + 16 + WRAP_LEN)

struct wrapped_key {
    uint32_t version;
    struct uuid id;
    struct bytes wrap;                  /* borrowed */
};

/* RESULT_MALFORMED: it is nothing of this form. What it says is proven by opening it, not here. */
MUST_USE enum result wrapped_key_read(struct bytes in, struct wrapped_key *out);

/* A new one. Errors as wrap_seal. */
MUST_USE enum result wrapped_key_seal(const struct secret *under, uint32_t version, struct text realm, const struct uuid *id,
                                      const struct context *context, const uint8_t nonce[GCM_NONCE_LEN],
                                      const struct secret *key, uint8_t out[WRAPPED_KEY_LEN]);
/* under: of the version that it names. RESULT_NOT_AUTHENTIC and as wrap_open. */
MUST_USE enum result wrapped_key_open(const struct secret *under, const struct wrapped_key *w, struct text realm,
                                      const struct context *context, struct secret **out);

#endif
