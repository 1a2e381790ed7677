#include "backoff.h"

uint64_t backoff_ms(unsigned failures, uint32_t random)
{
    uint64_t most = BACKOFF_MOST_MS;

    if (failures < 6 && ((uint64_t)BACKOFF_FIRST_MS << failures) < BACKOFF_MOST_MS)
        most = (uint64_t)BACKOFF_FIRST_MS << failures;
    /* Instances that lost the same server must not come back to it in step. */
    return most - (most / 2) * random / UINT32_MAX;
}
