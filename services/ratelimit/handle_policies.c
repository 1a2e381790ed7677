/* The policies in force, each as a map of what the file says of it. */
#include "mp_writer.h"
#include "limiter.h"
#include "ratelimit.h"

#include <stdio.h>

#define POLICY_MAP_MAX (8 * 1024)

static void put_pair(struct mp_writer *w, const char *key, const char *value)
{
    mp_put_text(w, text_of(key));
    mp_put_text(w, text_of(value));
}

static void put_tiers(struct mp_writer *w, const struct policy *p)
{
    mp_put_text(w, TEXT("tiers"));
    if (p->tier_count == 0) {
        mp_put_text(w, TEXT("*"));
        return;
    }
    mp_put_array(w, (uint32_t)p->tier_count);
    for (size_t i = 0; i < p->tier_count; i++)
        mp_put_text(w, text_of(p->tiers[i]));
}

static enum result put_policy(const struct policy *p, struct buffer *out)
{
    struct mp_writer w = mp_writer_to(out);

    mp_put_map(&w, p->has_burst ? 10 : 9);
    put_pair(&w, "name", p->name);
    put_pair(&w, "endpoint", p->endpoint);
    put_tiers(&w, p);
    put_pair(&w, "scope", scope_text(p->scope));
    mp_put_text(&w, TEXT("limit"));
    mp_put_uint(&w, p->limit);
    put_pair(&w, "window", p->window);
    put_pair(&w, "algorithm", algorithm_text(p->algorithm));
    if (p->has_burst) {
        mp_put_text(&w, TEXT("burst"));
        mp_put_uint(&w, p->burst);
    }
    put_pair(&w, "mode", p->shadow ? "shadow" : "enforce");
    put_pair(&w, "on_store_failure", store_failure_text(p->on_store_failure));
    return w.status;
}

/* Maps in the arena. RESULT_NO_MEMORY, RESULT_TOO_LARGE. */
static enum result put_policies(const struct policies *p, struct arena *a, struct bytes *maps)
{
    struct buffer one;
    enum result r = RESULT_OK;

    buffer_init(&one, POLICY_MAP_MAX);
    for (size_t i = 0; i < p->count && !r; i++) {
        uint8_t *copy;

        buffer_reset(&one);
        r = put_policy(&p->items[i], &one);
        if (r)
            break;
        copy = arena_alloc(a, one.len, 1);
        if (!copy)
            r = RESULT_NO_MEMORY;
        else
            maps[i] = (struct bytes){ memcpy(copy, one.data, one.len), one.len };
    }
    buffer_free(&one);
    return r;
}

void handle_policies(void *service, struct request *rq)
{
    struct ratelimit *r = service;
    const struct policies *p = r->policies;
    struct arena *a = request_arena(rq);
    struct bytes *maps = arena_alloc(a, p->count, sizeof(*maps));
    char sha256[2 * sizeof(p->sha256) + 1];

    if (!maps || put_policies(p, a, maps)) {
        request_fail(rq, FAULT_TOO_LARGE, "the policies do not fit into a reply");
        return;
    }
    for (size_t i = 0; i < sizeof(p->sha256); i++)
        (void)snprintf(sha256 + 2 * i, 3, "%02x", p->sha256[i]);
    struct ratelimit_policies_result result = {
        .version = p->version,
        .sha256 = text_of(sha256),
        .policies = { maps, p->count },
    };
    request_reply(rq, &result);
}
