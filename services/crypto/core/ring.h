/*
 * Rings: content (encrypt, owner and data keys), audio (object keys), fernet, and the service's own secret. A ring has
 * versions; the key of each is never used itself, every use has one of its own:
 *
 *     HKDF-Expand-SHA-512(ring key, "hlidka-ring-v1" ‖ 0 ‖ ring ‖ 0 ‖ use)
 *
 * with use `wrap` or `content` (protocol.md), and of the ring `service` `secret`: what records of effects and the outbox
 * are sealed under (durable.h).
 */
#ifndef HLIDKA_RING_H
#define HLIDKA_RING_H

#include "secret.h"

enum ring { RING_CONTENT, RING_AUDIO, RING_FERNET, RING_SERVICE };
#define RING_COUNT 4

enum ring_state { RING_ACTIVE, RING_DECRYPT_ONLY, RING_DESTROYED };

struct text ring_text(enum ring r);
/* RESULT_NOT_FOUND. */
MUST_USE enum result ring_of(struct text t, enum ring *out);
MUST_USE enum result ring_state_of(struct text t, enum ring_state *out);

#define RING_KEY_LEN 32

/* use: static text. RESULT_NO_MEMORY, RESULT_OUT_OF_RANGE. */
MUST_USE enum result ring_use(const struct secret *ring_key, enum ring r, const char *use, struct secret **out);

#endif
