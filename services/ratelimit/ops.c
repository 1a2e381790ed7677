#include "limiter.h"
#include "ratelimit.h"

const struct route ratelimit_routes[] = {
    { &op_ratelimit_check, handle_check },
    { &op_ratelimit_policies, handle_policies },
};
const size_t ratelimit_route_count = sizeof(ratelimit_routes) / sizeof(ratelimit_routes[0]);

enum result ratelimit_adopt(struct ratelimit *r, struct policies *p)
{
    struct matcher *m;
    enum result failed = limiter_stats_adopt(r->stats, p);

    if (failed)
        return failed;
    failed = matcher_new(p, &m);
    if (failed)
        return failed;
    matcher_free(r->matcher);
    policies_release(r->policies);
    r->matcher = m;
    r->policies = p;
    return RESULT_OK;
}
