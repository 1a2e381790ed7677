#include "entropy.h"

#include <sodium.h>

enum result entropy_start(void)
{
    return sodium_init() < 0 ? RESULT_CRYPTO : RESULT_OK;
}

void entropy_fill(void *out, size_t len)
{
    randombytes_buf(out, len);
}
