/*
 * UUIDs, RFC 9562. Text is lower case, 36 characters; nothing else is accepted.
 */
#ifndef HLIDKA_UUID_H
#define HLIDKA_UUID_H

#include "bytes.h"
#include "result.h"

#define UUID_TEXT_LEN 36

struct uuid {
    uint8_t bytes[16];
};

/* Version 7 (section 5.7): 48 bits of unix_ms, then 74 of the 80 random bits given. */
struct uuid uuid_v7(uint64_t unix_ms, const uint8_t random[10]);

/* Version 8 (section 5.8) from 16 bytes of the caller's own making (a hash). */
struct uuid uuid_v8(const uint8_t custom[16]);

/* The first 48 bits, ms since 1970: the time of a version 7; of anything else, whatever stands there. */
uint64_t uuid_time_ms(const struct uuid *u);

/* out gets 36 characters and a NUL. */
void uuid_format(const struct uuid *u, char out[UUID_TEXT_LEN + 1]);

/* Any version; RESULT_MALFORMED for any other form than lower-case 8-4-4-4-12. */
MUST_USE enum result uuid_parse(struct text t, struct uuid *out);

#endif
