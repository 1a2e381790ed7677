/* Randomness from the kernel (libsodium's randombytes_buf). Never fails once entropy_start has succeeded. */
#ifndef HLIDKA_ENTROPY_H
#define HLIDKA_ENTROPY_H

#include "result.h"
#include <stddef.h>

/* Once at the start of a process: sodium_init. RESULT_CRYPTO. */
MUST_USE enum result entropy_start(void);

void entropy_fill(void *out, size_t len);

/*
 * For what stands in clear anyway, nonces and ids: from the same source, but 2 KiB of it at a time (for each thread),
 * because asking the kernel twice a message costs as much as a box. Unique across forks. Never for keys or secrets.
 */
void entropy_public(void *out, size_t len);

#endif
