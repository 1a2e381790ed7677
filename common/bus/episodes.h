/*
 * Rejections as audit hears of them (protocol.md section 2, "Dead letters"): however many messages are refused,
 * one episode per reason and source, told at its start, once a minute, and at its end. Pure; bounded.
 *
 *     t = 0        add        start    count 1
 *     t = 1 … 70   add × 70
 *     t = 60       tick       running  count 60     what came since the last telling
 *     t = 120      tick       running  count 10
 *     t = 130      tick       end      count 0      60 s after the last
 *
 * The counts of an episode add up to what was refused.
 */
#ifndef HLIDKA_EPISODES_H
#define HLIDKA_EPISODES_H

#include "envelope.h"
#include "receive.h"

#define EPISODES_MAX       256u         /* of known sources; what is beyond counts under "-" */
#define EPISODE_MINUTE_MS  60000u
#define EPISODE_SILENCE_MS 60000u

enum episode_phase { EPISODE_START, EPISODE_RUNNING, EPISODE_END };
const char *episode_phase_text(enum episode_phase p);   /* "start", "running", "end" */

struct episode_report {
    enum dead_reason reason;
    struct text src;                    /* "-" for whoever is no known principal; valid during the call */
    uint64_t count;
    enum episode_phase phase;
};

/* May do anything but call into the same episodes. */
typedef void (*episode_teller)(void *cookie, const struct episode_report *report);

struct episodes;

MUST_USE enum result episodes_new(episode_teller tell, void *cookie, struct episodes **out);
void episodes_free(struct episodes *e);

/* One rejection; src is a known principal's name or empty. now_ms is of a clock that never goes back. */
void episodes_add(struct episodes *e, enum dead_reason reason, struct text src, uint64_t now_ms);

/* About once a second. */
void episodes_tick(struct episodes *e, uint64_t now_ms);

/* Ends them all: the process stops. */
void episodes_end(struct episodes *e);

/* Running now, for a gauge. */
size_t episodes_count(const struct episodes *e);

#endif
