/*
 * Every schema of the project, and values made up for any of them from its table alone.
 */
#ifndef HLIDKA_TEST_SPECIMEN_H
#define HLIDKA_TEST_SPECIMEN_H

#include "arena.h"
#include "schema.h"

#define SPECIMEN_MAX 1024       /* bytes of the largest struct */

/* Requests, results and notices of all ops, and what else is written to a topic. */
size_t specimen_schemas(const struct schema *out[256]);

/* A valid value, different for each seed; its lists, maps and texts lie in the arena. */
void specimen_make(const struct schema *s, uint32_t seed, struct arena *a, void *out);

#endif
