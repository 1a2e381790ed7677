/* The ring keys' beginning and end, for main.c. */
#ifndef HLIDKA_RINGS_OPEN_H
#define HLIDKA_RINGS_OPEN_H

#include "rings.h"

struct buffer;
struct durable;
struct metrics;

struct rings_options {
    struct durable *durable;            /* borrowed, as is roots */
    const struct roots *roots;
    /* The keys are there for the first time: `secret` is the service's own, borrowed for the call. */
    void (*known)(void *cookie, const struct secret *secret);
    void *cookie;
};

/* RESULT_NO_MEMORY. */
MUST_USE enum result rings_new(const struct rings_options *options, struct rings **out);
MUST_USE enum result rings_metrics(struct rings *r, struct metrics *m);
/* The schema is there: makes the first keys where there are none (of instances that start together one does), reads all. */
void rings_start(struct rings *r);
/* Every RINGS_READ_MS. */
void rings_tick(struct rings *r);
/* Is about to stop: writes what was counted. */
void rings_drain(struct rings *r);
/* "keys: detail\n" when something is missing. */
void rings_ready(const struct rings *r, struct buffer *reasons);
/* After durable_close has called back. */
void rings_free(struct rings *r);

#endif
