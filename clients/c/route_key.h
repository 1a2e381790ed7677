/*
 * The Kafka key of a message (PROTOCOL.md, section 1). It decides the partition, never the meaning, and stands in
 * clear in Kafka: so an address or a Telegram id gives only the first 2 bytes of its BLAKE2b-256, which say where and
 * not who. One person's requests should meet at one instance, whose caches are then warm.
 */
#ifndef HLIDKA_ROUTE_KEY_H
#define HLIDKA_ROUTE_KEY_H

#include "bytes.h"

#define ROUTE_KEY_MAX 64u

struct route_key {
    uint8_t bytes[ROUTE_KEY_MAX];
    size_t len;
};

/*
 * body: a msgpack map as the op has it; what is no such thing gets the random key (the service will say what is wrong
 * with it). random: 8 bytes, for what belongs nowhere in particular.
 *
 *   auth       user_id, else the token's selector, else telegram_id, fields.id or init_data hashed
 *   crypto     object_id
 *   ratelimit  user_id, else ip hashed
 *   audit      user_id, else ip hashed
 */
void route_key_request(struct text service, struct bytes body, const uint8_t random[8], struct route_key *out);

/* user_id, else ip hashed, else the source. */
void route_key_event(struct text source, struct bytes body, struct route_key *out);

#endif
