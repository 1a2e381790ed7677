#include "exceeded.h"

#include "audit.h"
#include "channels.h"
#include "ratelimit.h"

#define ATTRS 4

static const char *const PHASES[] = { [EPISODE_START] = "start", [EPISODE_RUNNING] = "running", [EPISODE_END] = "end" };

static struct scalar_pair attr_text(struct text key, struct text value)
{
    return (struct scalar_pair){ key, { .type = MP_STR, .str = value } };
}

static size_t kafka_key(const struct episode *e, uint8_t out[CHANNEL_HASH_LEN])
{
    char text[IP_TEXT_MAX + 1];

    if (!e->ip.family)
        return 0;
    channel_hash((struct text){ text, ip_format(&e->ip, text) }, out);
    return CHANNEL_HASH_LEN;
}

void exceeded_tell(const struct episode *e, enum episode_phase phase, uint64_t now_ms, exceeded_send *send, void *cookie)
{
    struct scalar_pair attrs[ATTRS] = {
        attr_text(TEXT("policy"), text_of(e->policy)),
        attr_text(TEXT("scope"), enum_ratelimit_scope.values[e->scope]),
        attr_text(TEXT("phase"), text_of(PHASES[phase])),
        { TEXT("count"), { .type = MP_UINT, .uint = e->count } },
    };
    struct audit_event event = {
        .type = e->shadow ? TEXT("ratelimit.shadow_exceeded") : TEXT("ratelimit.exceeded"),
        .time = now_ms,
        .outcome = AUDIT_DENIED,
        .attrs = { attrs, ATTRS },
        .has_attrs = true,
        .ip = e->ip,
        .has_ip = e->ip.family != 0,
    };
    uint8_t hash[CHANNEL_HASH_LEN];
    struct bytes key = { hash, kafka_key(e, hash) };

    if (*e->user) {
        event.user_id = text_of(e->user);
        key = text_bytes(event.user_id);
    }
    if (*e->endpoint)
        event.endpoint = text_of(e->endpoint);
    if (*e->tier)
        event.tier = text_of(e->tier);
    if (!key.len)
        key = text_bytes(TEXT("ratelimit"));
    send(cookie, &event, key);
}
