/*
 * Memory that lives as long as one message: decoded lists and maps, small texts. Allocation is a pointer
 * bump; everything goes at once. The first block is part of the owner, so most messages never call malloc.
 */
#ifndef HLIDKA_ARENA_H
#define HLIDKA_ARENA_H

#include "bytes.h"
#include "result.h"

struct arena_block;

struct arena {
    uint8_t *first;             /* caller's block, not owned */
    size_t first_cap;
    struct arena_block *more;   /* owned, newest first */
    uint8_t *at;
    size_t left;
    size_t used;                /* bytes asked for so far */
    size_t limit;
};

/* first may be NULL with first_cap 0. limit bounds the sum of all allocations, in bytes. */
void arena_init(struct arena *a, void *first, size_t first_cap, size_t limit);

/* Zeroed, aligned for any type; NULL over the limit or without memory. n * size is checked for overflow. */
void *arena_alloc(struct arena *a, size_t n, size_t size);

/* A NUL-terminated copy; NULL as above. */
char *arena_copy(struct arena *a, struct text t);

/* Frees the extra blocks; the first block serves again. Wipes nothing: secrets do not live here. */
void arena_reset(struct arena *a);

#endif
