/*
 * Whether the blob store is the one that belongs to this database: its store-id must be PostgreSQL's. The first start puts
 * it there; from then on a store without it (a volume that is not mounted) or with another one's is refused, before
 * anything is written to it or taken away from it.
 */
#ifndef HLIDKA_CLAIM_H
#define HLIDKA_CLAIM_H

#include "vault.h"

struct claim;

struct claim_options {
    struct vault *vault;
    void (*claimed)(void *cookie);              /* vault->store_id is set */
    void (*refused)(void *cookie, const char *why);     /* for good; static text */
    void *cookie;
};

/* RESULT_NO_MEMORY. */
MUST_USE enum result claim_new(const struct claim_options *options, struct claim **out);
/* The schema is there. */
void claim_start(struct claim *c);
/* Tries again what could not be had. */
void claim_tick(struct claim *c);
bool claim_stands(const struct claim *c);
/* After durable_close and offload_close have called back. */
void claim_free(struct claim *c);

#endif
