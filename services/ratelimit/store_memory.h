/*
 * The store in one instance's memory: for the policies that count locally while Redis is away, and the twin by which
 * the tests hold the one in Redis to its numbers. Bounded: accounts that hold nothing go first; when all hold something
 * a check of a new one gets STORE_AWAY. Records are kept for as many messages as there is room for, the oldest go.
 */
#ifndef HLIDKA_STORE_MEMORY_H
#define HLIDKA_STORE_MEMORY_H

#include "store.h"

struct store_memory_options {
    size_t accounts;            /* at most so many */
    size_t records;
    uint8_t seed[16];           /* random */
    uint64_t (*clock_us)(void *cookie);         /* since 1970 */
    void *cookie;
};

struct store_memory;

/* RESULT_NO_MEMORY. */
MUST_USE enum result store_memory_new(const struct store_memory_options *o, struct store_memory **out);
/* Calls back before check returns. */
struct store *store_memory_store(struct store_memory *m);
size_t store_memory_accounts(const struct store_memory *m);
/* Checks turned away as there was no room for their accounts. Borrowed. */
const uint64_t *store_memory_full(const struct store_memory *m);
void store_memory_free(struct store_memory *m);

#endif
