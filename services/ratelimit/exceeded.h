/* Episodes of denials as events for audit: ratelimit.exceeded and ratelimit.shadow_exceeded (PROTOCOL.md section 8). */
#ifndef HLIDKA_EXCEEDED_H
#define HLIDKA_EXCEEDED_H

#include "denials.h"

struct audit_event;

/* Takes an event and its Kafka key, both borrowed for the call. */
typedef void exceeded_send(void *cookie, const struct audit_event *event, struct bytes key);

void exceeded_tell(const struct episode *e, enum episode_phase phase, uint64_t now_ms, exceeded_send *send, void *cookie);

#endif
