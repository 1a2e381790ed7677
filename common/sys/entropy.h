/* Randomness from the kernel (libsodium's randombytes_buf). Never fails once entropy_start has succeeded. */
#ifndef HLIDKA_ENTROPY_H
#define HLIDKA_ENTROPY_H

#include "result.h"
#include <stddef.h>

/* Once at the start of a process: sodium_init. RESULT_CRYPTO. */
MUST_USE enum result entropy_start(void);

void entropy_fill(void *out, size_t len);

#endif
