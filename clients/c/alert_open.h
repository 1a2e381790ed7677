/*
 * An alert (PROTOCOL.md, section 8): msgpack [1, body: bin, key id: bin 8, sig: bin 64], not sealed, signed by one of
 * audit's `signs` over `hlidka-alert-v1\n` ‖ body. Pure.
 */
#ifndef HLIDKA_ALERT_OPEN_H
#define HLIDKA_ALERT_OPEN_H

#include "principals.h"

/* body borrows from value, and is one sound msgpack map. RESULT_MALFORMED, RESULT_NOT_FOUND (a key that is not
 * audit's), RESULT_NOT_AUTHENTIC. */
MUST_USE enum result alert_open(const struct principal *audit, struct bytes value, struct bytes *body);

#endif
