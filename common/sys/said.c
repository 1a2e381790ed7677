#include "said.h"

#include <sodium.h>

bool said_anew(uint64_t *said, enum result r, struct text why)
{
    uint8_t digest[crypto_generichash_BYTES];

    crypto_generichash(digest, sizeof(digest), (const uint8_t *)why.data, why.len, NULL, 0);
    uint64_t reason = (bytes_get_u64(digest) ^ (uint64_t)r) | 1;
    bool anew = reason != *said;
    *said = reason;
    return anew;
}
