/*
 * Makes an event fit to be kept (PROTOCOL.md section 8): its time, if it lies too far from the message's own, becomes
 * that; and what looks like a secret in user_agent, device_id, endpoint, tier and attrs, names included, is replaced.
 * Of two names that become equal so, the later gets `~2` (the next `~3`).
 */
#ifndef HLIDKA_EVENT_CLEAN_H
#define HLIDKA_EVENT_CLEAN_H

#include "log_event.h"

/* time outside made − 8 d … made + 60 s counts as made: T, the time inside the message's id. */
uint64_t event_time(uint64_t time, uint64_t made);

/*
 * Replaces in place; texts that change are written to the arena, as is the list of attributes. scratch is emptied before
 * and wiped after. RESULT_NO_MEMORY, RESULT_TOO_LARGE.
 */
MUST_USE enum result event_clean(struct log_event *e, struct arena *a, struct buffer *scratch);

#endif
