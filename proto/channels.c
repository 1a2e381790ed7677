#include "channels.h"

#include <sodium.h>

#define SPREAD false
#define ORDERED true
#define MINUTES(n) ((n) * UINT64_C(60000))
#define HOURS(n) (60 * MINUTES(n))
#define DAYS(n) (24 * HOURS(n))

const struct channel_info channels[CHANNEL_COUNT] = {
#define CHANNEL(identifier, name, order, kept_ms, kept_bytes, key, who)                                      \
    [CHANNEL_##identifier] = { name, order, kept_ms, kept_bytes, key, who },
#include "channels.def"
#undef CHANNEL
};

void channel_hash(struct text canonical, uint8_t out[CHANNEL_HASH_LEN])
{
    uint8_t hash[crypto_generichash_BYTES];

    crypto_generichash(hash, sizeof(hash), (const uint8_t *)canonical.data, canonical.len, NULL, 0);
    memcpy(out, hash, CHANNEL_HASH_LEN);
}
