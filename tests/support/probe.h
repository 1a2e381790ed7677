/*
 * A service for the bus' tests: ops that answer at once, ops that wait until the test lets them go, and one with an
 * effect that is recorded. One probe may serve several buses: its record of effects is then what they share.
 */
#ifndef HLIDKA_TEST_PROBE_H
#define HLIDKA_TEST_PROBE_H

#include "buffer.h"
#include "codes.h"
#include "request.h"

#define PROTO_DEF "probe.def"
#include "structs.h"

#define PROBE_HELD_MAX 20000
#define PROBE_EFFECTS_MAX 1024

struct probe_effect {
    struct uuid id;
    char src[33];
    uint8_t fingerprint[32];
    struct buffer reply;
};

struct probe;

struct probe_held {
    struct request *rq;
    void (*finish)(struct probe *p, struct request *rq);
};

struct probe {
    struct probe_held held[PROBE_HELD_MAX];     /* in the order of their coming */
    size_t held_count;
    size_t begun;                               /* handlers run, of all ops */
    size_t at_once;                             /* of probe.once: handlers at work at this moment, and … */
    size_t at_once_max;                         /* … the most there ever were */
    struct probe_effect effects[PROBE_EFFECTS_MAX];
    size_t effect_count;
};

extern const struct route probe_routes[];
extern const size_t probe_route_count;

/* Answers the n oldest that are held (all, if there are fewer). */
void probe_release(struct probe *p, size_t n);
void probe_free(struct probe *p);

#endif
