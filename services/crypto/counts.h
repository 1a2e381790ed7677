/*
 * How often each ring version was used, on its way to PostgreSQL: gathered, and added there once in a while. A crash loses
 * what was gathered since, never that a version has been used at all (counts_write_now).
 */
#ifndef HLIDKA_COUNTS_H
#define HLIDKA_COUNTS_H

#include "ring.h"

struct counts;
struct durable;

struct count {
    enum ring ring;
    uint32_t version;
    uint64_t uses, wraps;
};

/* known: called with the totals that PostgreSQL has after each writing. durable is borrowed. RESULT_NO_MEMORY. */
MUST_USE enum result counts_new(struct durable *durable, void (*known)(void *cookie, const struct count *total), void *cookie,
                                struct counts **out);
/* After durable_close has called back. NULL is fine. */
void counts_free(struct counts *c);

void counts_add(struct counts *c, const struct count *count);
/* Writes what was gathered. */
void counts_write(struct counts *c);
/* Writes this one and calls back when it is there (false, perhaps from within: it could not be written). */
void counts_write_now(struct counts *c, const struct count *count, void (*done)(void *cookie, bool counted), void *cookie);

#endif
