/*
 * Finds in text what looks like a secret (protocol.md section 8, KIND): used by the log, and by audit on what
 * peers send. Pure; linear in the text's length.
 */
#ifndef HLIDKA_REDACT_H
#define HLIDKA_REDACT_H

#include "buffer.h"

/*
 * Appends t to out with every secret-looking part replaced by [redacted:KIND], KIND one of token, bot_token,
 * jwt, bearer, api_key, private_key, card, email. Errors of buffer_append.
 */
MUST_USE enum result redact_text(struct text t, struct buffer *out);

/* Whether anything would be replaced. */
bool redact_needed(struct text t);

#endif
