/*
 * What the rules have seen: a window of hits for each group of each rule, and the episodes of which an alert has told.
 *
 *     detector_recall × n     episodes, from where they are kept        \  a leadership begins
 *     detector_replay × n     the records of rule_set_reach_ms          /
 *     detector_feed × n       new records; each finding is kept before the next leader may recall it
 *
 * The log alone decides: its clock is the newest `received`, and whatever was received longer ago than a rule's reach is
 * forgotten, whether or not there was room for it. So it makes no difference where one leader ended and another began.
 *
 * An episode goes on until a timespan has passed (in event time) after the last event that matched; what comes within it
 * raises nothing more. One that has ended is remembered while events of it may still come late.
 *
 * Bounded for each rule: DETECTOR_GROUPS groups and DETECTOR_HITS hits. Above, the group that was idle longest is given
 * up, and counted: only then may an alert come late, or a second time. Pure.
 */
#ifndef HLIDKA_DETECTOR_H
#define HLIDKA_DETECTOR_H

#include "rule.h"
#include "uuid.h"
#include "window.h"

enum {
    DETECTOR_GROUPS = 65536,
    DETECTOR_HITS = 524288,
    DETECTOR_EPISODES = 4,              /* of a group, the newest */
    DETECTOR_GROUP_LEN = 16,
};

/* A rule's name and the values of its group-by fields, as a keyed hash: it tells nobody which. */
struct group_id {
    uint8_t bytes[DETECTOR_GROUP_LEN];
};

struct episode {
    struct uuid alert_id;
    uint64_t first, last;               /* event times of the hits that belong to it */
    uint64_t received;                  /* of the last of them, by the log's clock */
    uint64_t count;                     /* the largest so far */
};

struct finding {
    bool raised;                        /* an episode begins; else it goes on */
    const struct correlation *rule;
    struct group_id group;
    const struct log_record *record;    /* that met the condition */
    const struct episode *episode;
    /* raised: the window that met it */
    uint64_t first_seen, last_seen;
    uint64_t seqs[WINDOW_SEQS_MAX];
    size_t seq_count;
};

struct detector_stats {
    uint64_t hits, raised;              /* since it was made */
    uint64_t evicted;                   /* groups given up for want of room */
    uint64_t groups, kept;              /* now: groups, hits */
};

struct detector;

/* key: of group and alert ids, for good. rules are borrowed. RESULT_NO_MEMORY, RESULT_CRYPTO. */
MUST_USE enum result detector_new(const struct rule_set *rules, const uint8_t key[32], const uint8_t seed[16],
                                  struct detector **out);
void detector_free(struct detector *d);

/* An episode of that rule and group that is kept somewhere; in the order of `received`. Of a rule no longer there: OK. */
MUST_USE enum result detector_recall(struct detector *d, struct text rule, const struct group_id *group,
                                     const struct episode *e);

/* Records of types that no rule wants have come, and their newest `received`: all that they change is the log's clock. */
void detector_pass(struct detector *d, uint64_t received);

/* RESULT_NO_MEMORY, after which the detector's state is worth nothing. */
MUST_USE enum result detector_replay(struct detector *d, const struct log_record *r);

/* Errors also of `found`, which is given at most one finding of each rule. */
MUST_USE enum result detector_feed(struct detector *d, const struct log_record *r,
                                   enum result (*found)(void *cookie, const struct finding *f), void *cookie);

const struct detector_stats *detector_stats(const struct detector *d);

#endif
