/* The bodies that a bench asks with, in turn: all are made before the clock starts. */
#ifndef HLIDKA_BODIES_H
#define HLIDKA_BODIES_H

#include "buffer.h"

#define BODIES_MAX 10000u               /* made of one JSON */

struct bodies {
    struct buffer *items;               /* owned */
    uint32_t count;
};

/*
 * Of `json`: one body, or, where it has a %d, `wanted` of them (0, and at most: BODIES_MAX) with the numbers from 0 in
 * its place. Of "@FILE": a body for each of its lines. False: said why on standard error.
 */
bool bodies_make(struct bodies *b, const char *op, const char *json, uint32_t wanted);
void bodies_free(struct bodies *b);

#endif
