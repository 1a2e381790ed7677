/* The topics of the contract, from channels.def. */
#ifndef HLIDKA_CHANNELS_H
#define HLIDKA_CHANNELS_H

#include "bytes.h"

/* Of every topic: a few KB of compressed zeros would otherwise wedge or swell a consumer. */
#define CHANNEL_COMPRESSION "uncompressed"
#define CHANNEL_MESSAGE_BYTES_MAX 1048588
#define CHANNEL_PARTITIONS 12           /* unless configured otherwise */

/*
 * The Kafka key stands in clear: where it would be an address or a Telegram id it is the first bytes of the BLAKE2b-256
 * of the canonical text, which say where and not who (PROTOCOL.md section 1).
 */
#define CHANNEL_HASH_LEN 2
void channel_hash(struct text canonical, uint8_t out[CHANNEL_HASH_LEN]);

enum channel {
#define CHANNEL(identifier, name, order, kept_ms, kept_bytes, key, who) CHANNEL_##identifier,
#include "channels.def"
#undef CHANNEL
    CHANNEL_COUNT
};

struct channel_info {
    const char *name;           /* after the prefix; {principal} or {service} stands for a name */
    bool ordered;               /* one partition, whatever is configured */
    uint64_t kept_ms;
    uint64_t kept_bytes;        /* per partition; 0: no bound */
    const char *key;            /* what decides the partition */
    const char *who;            /* from whom to whom */
};

extern const struct channel_info channels[CHANNEL_COUNT];

#endif
