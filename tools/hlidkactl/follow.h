/*
 * What `alerts tail` and `events tail` have in common: a client on a loop of its own that shows what comes until it has
 * shown enough, time is up, or a signal says so.
 */
#ifndef HLIDKA_FOLLOW_H
#define HLIDKA_FOLLOW_H

#include <jansson.h>

#include "connect.h"

struct follow {
    struct settings settings;
    uint32_t count, seconds;            /* 0: no end */

    uv_loop_t loop;
    struct hlidka *client;
    uv_timer_t tick, limit;
    uv_signal_t interrupt, terminate;
    uint32_t shown;
    int code;
    bool ended;
    void (*ticked)(void *cookie);
    void *cookie;
};

enum { FLAG_COUNT = 1, FLAG_SECONDS, FLAG_FOLLOW_MAX };

/* Rows for getopt_long's table, and their lines of --help. */
#define FOLLOW_OPTIONS                                                                                          \
    SETTINGS_OPTIONS, { "count", required_argument, NULL, FLAG_COUNT }, { "seconds", required_argument, NULL, FLAG_SECONDS }
#define FOLLOW_HELP                                                                                             \
    "  --count N         end after N of them\n"                                                                 \
    "  --seconds S       end after S seconds\n"
#define FOLLOW_EXIT_CODES                                                                                       \
    "Ends with 0 on SIGINT, SIGTERM, or when it has what was asked; 2 wrong arguments or files, 3 fewer than --count\n" \
    "came within --seconds, 4 no bus.\n"

/* Takes the flag if it is one of the above; false with a complaint's exit code in *code, or with 0: another's. */
bool follow_option(struct follow *f, const char *command, int flag, const char *value, int *code);

/*
 * Connects, calls begin once, ticked every tick_ms, and returns the exit code when it has ended. begin's failure is the
 * exit code.
 */
int follow_run(struct follow *f, int (*begin)(void *cookie), void (*ticked)(void *cookie), uint64_t tick_ms, void *cookie);

/* A line on stdout; counted, and the last one ends it. */
void follow_show(struct follow *f, json_t *line);

/* Ends it with that code; follow_run returns soon. */
void follow_end(struct follow *f, int code);

#endif
