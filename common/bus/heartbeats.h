/*
 * How fresh an instance's knowledge of the broadcast topic is (protocol.md section 5): it has read everything up to
 * the newest of its own heartbeats that has come back, so what it knows is as old as that one's making. Pure.
 *
 *     made at 0 ms, read back at 12     fresh until 1,000
 *     made at 500, read back at 1,300   not fresh from 1,001 to 1,299, fresh again until 1,500
 *
 * A process that was stopped wakes up with its heartbeats old, and so not fresh, whatever then waits for it in a queue.
 */
#ifndef HLIDKA_HEARTBEATS_H
#define HLIDKA_HEARTBEATS_H

#include "uuid.h"

#include <stdbool.h>

#define HEARTBEAT_PERIOD_MS 500u
#define HEARTBEAT_FRESH_MS  1000u
#define HEARTBEATS_KEPT     8u          /* four times as many as could still make anything fresh */

struct heartbeats {                     /* zeroed: none yet, not fresh */
    struct heartbeat {
        struct uuid id;                 /* of the message: unguessable, so that only ours are ours */
        uint64_t made_ns;
    } made[HEARTBEATS_KEPT];            /* a ring */
    unsigned count;                     /* made so far */
    uint64_t fresh_ns;                  /* when the newest one read back was made; 0: none has been */
};

/* One is about to be handed to the producer; now_ns is CLOCK_BOOTTIME, not 0, here and below. */
void heartbeats_made(struct heartbeats *h, const struct uuid *id, uint64_t now_ns);

/* One came back. False when it is none of the newest HEARTBEATS_KEPT. */
bool heartbeats_read(struct heartbeats *h, const struct uuid *id);

/* In ns, of the newest one read back; UINT64_MAX before the first. */
uint64_t heartbeats_age(const struct heartbeats *h, uint64_t now_ns);

/* Age at most HEARTBEAT_FRESH_MS. */
bool heartbeats_fresh(const struct heartbeats *h, uint64_t now_ns);

#endif
