#include "heartbeats.h"

#define NS_PER_MS UINT64_C(1000000)

void heartbeats_made(struct heartbeats *h, const struct uuid *id, uint64_t now_ns)
{
    h->made[h->count++ % HEARTBEATS_KEPT] = (struct heartbeat){ *id, now_ns };
}

bool heartbeats_read(struct heartbeats *h, const struct uuid *id)
{
    for (unsigned i = 0; i < HEARTBEATS_KEPT; i++) {
        const struct heartbeat *beat = &h->made[i];
        if (beat->made_ns == 0 || memcmp(&beat->id, id, sizeof(*id)) != 0)
            continue;
        /* A delivery that was tried again may come after a later one. */
        if (beat->made_ns > h->fresh_ns)
            h->fresh_ns = beat->made_ns;
        return true;
    }
    return false;
}

uint64_t heartbeats_age(const struct heartbeats *h, uint64_t now_ns)
{
    return h->fresh_ns > 0 && now_ns >= h->fresh_ns ? now_ns - h->fresh_ns : UINT64_MAX;
}

bool heartbeats_fresh(const struct heartbeats *h, uint64_t now_ns)
{
    return heartbeats_age(h, now_ns) <= HEARTBEAT_FRESH_MS * NS_PER_MS;
}
