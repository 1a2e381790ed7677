#include "kdf.h"

#include "secret.h"

#include <sodium.h>

#define BLOCK crypto_auth_hmacsha512_BYTES

enum result kdf_expand(struct bytes key, const struct bytes *info, size_t pieces, uint8_t *out, size_t len)
{
    crypto_auth_hmacsha512_state state;
    uint8_t block[BLOCK], counter = 0;

    if (len == 0 || len > KDF_OUT_MAX || pieces > KDF_PIECES_MAX)
        return RESULT_OUT_OF_RANGE;
    for (size_t at = 0; at < len; at += BLOCK) {
        crypto_auth_hmacsha512_init(&state, key.data, key.len);
        if (counter++ > 0)
            crypto_auth_hmacsha512_update(&state, block, BLOCK);
        for (size_t i = 0; i < pieces; i++)
            if (info[i].len > 0)
                crypto_auth_hmacsha512_update(&state, info[i].data, info[i].len);
        crypto_auth_hmacsha512_update(&state, &counter, 1);
        crypto_auth_hmacsha512_final(&state, block);
        memcpy(out + at, block, len - at < BLOCK ? len - at : BLOCK);
    }
    secret_wipe(block, sizeof(block));
    secret_wipe(&state, sizeof(state));
    return RESULT_OK;
}
