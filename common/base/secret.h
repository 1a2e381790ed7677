/*
 * A secret: bytes in locked memory that is excluded from core dumps and wiped when freed. The type is
 * opaque on purpose: it cannot be printed, compared with memcmp or copied by assignment. Whoever needs the
 * bytes says so by name (secret_bytes) and keeps them no longer than the call.
 *
 * Lock keys, not content: the limit of locked memory is often 8 MiB.
 */
#ifndef HLIDKA_SECRET_H
#define HLIDKA_SECRET_H

#include "bytes.h"
#include "result.h"

struct secret;

/* Zeroed. RESULT_NO_MEMORY also when the memory cannot be locked (raise RLIMIT_MEMLOCK). */
MUST_USE enum result secret_new(size_t len, struct secret **out);

/* A copy of data; the caller wipes its own. */
MUST_USE enum result secret_from(const void *data, size_t len, struct secret **out);

/* Borrowed until secret_free. */
struct bytes secret_bytes(const struct secret *s);
uint8_t *secret_fill(struct secret *s);

/* Constant time for equal lengths (sodium_memcmp). */
bool secret_equal(const struct secret *s, struct bytes other);

/* Wipes and frees; NULL is fine. */
void secret_free(struct secret *s);

/* For secrets that pass through ordinary memory: cannot be optimised away. */
void secret_wipe(void *data, size_t len);

#endif
