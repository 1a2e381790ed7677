#include "lifetime.h"

enum life lifetime_at(uint64_t now_ms, uint64_t created_ms, uint64_t expires_ms, bool complete)
{
    uint64_t drop_ms = created_ms + UPLOAD_MS;

    if (!complete && drop_ms <= expires_ms && now_ms >= drop_ms)
        return LIFE_DROPPED;
    if (now_ms >= expires_ms)
        return now_ms - expires_ms < EXPIRED_MS ? LIFE_EXPIRED : LIFE_FORGOTTEN;
    return complete ? LIFE_COMPLETE : LIFE_INCOMPLETE;
}
