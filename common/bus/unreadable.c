#include "unreadable.h"

#define NS_PER_MS UINT64_C(1000000)

bool unreadable_by(rd_kafka_resp_err_t err)
{
    switch (err) {
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
        return false;
    default:
        return true;
    }
}

bool unreadable_error(struct unreadable *u, int64_t offset, uint64_t now_ns, int64_t *to, uint64_t *skipped)
{
    bool goes_on = u->step > 0 && u->offset == offset && now_ns - u->seen_ns <= UNREADABLE_PAUSE_MS * NS_PER_MS;

    u->seen_ns = now_ns;
    if (!goes_on) {
        u->offset = offset;
        u->since_ns = now_ns;
        u->step = 1;
        return false;
    }
    if (now_ns - u->since_ns < UNREADABLE_MS * NS_PER_MS)
        return false;
    *skipped = u->step == 1 ? 1 : (uint64_t)u->step / 2;
    *to = offset + u->step;
    if (u->step <= INT32_MAX)
        u->step *= 2;
    return true;
}
