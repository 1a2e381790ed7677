/*
 * A postgres with audit's tables, a topic in memory, and instances of audit's writer that read the one and write the other.
 * One scene a process.
 */
#ifndef HLIDKA_AUDIT_SCENE_H
#define HLIDKA_AUDIT_SCENE_H

#include "audit_feed.h"
#include "db_pg_test.h"

struct audit_scene {
    struct pg_test t;
    struct audit_keys keys;
    struct audit_topic topic;
    uint64_t later_ms;                  /* added to all clocks */
};

extern struct audit_scene audit_scene;

struct instance {
    struct log_store store;
    struct audit_feed feed;
    struct leader *leader;
    bool paused;                        /* it neither ticks nor is it given anything */
};

/* Criterion's .init and .fini. */
void scene_up(void);
void scene_down(void);

void scene_start(struct instance *i, uint8_t name);
void scene_stop(struct instance *i);

/* Lets each of them tick and gives it what it wants of the topic; false. */
bool scene_turn(struct instance *instances, size_t count);
#define scene_run_until(instances, count, ms, condition)                                                            \
    db_run_until(&audit_scene.t.loop, ms, scene_turn(instances, count) || (condition))

/* The first value of the first row, -1 without one. */
int64_t scene_number(const char *sql);
void scene_change(const char *sql);

int64_t scene_stored(void);             /* events */
size_t scene_sent(void);
void scene_send_events(size_t count, const char *type, const char *user);

/* The log as it is stored: seq without gaps, and the tree that its row says. */
void scene_assert_sound(void);

#endif
