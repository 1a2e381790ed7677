/* What the life of a service and its command line share. */
#ifndef HLIDKA_SERVICE_INTERNAL_H
#define HLIDKA_SERVICE_INTERNAL_H

#include "admin.h"
#include "process_metrics.h"
#include "service.h"
#include "service_settings.h"

#define SERVICE_WHY_MAX 65536u      /* bytes of reasons */

enum { EXIT_STOPPED = 0, EXIT_LOST = 1, EXIT_CONFIG = 2 };

enum life { LIFE_STARTING, LIFE_SERVING, LIFE_STOPPING };

struct service {
    const struct service_spec *spec;
    struct service_settings *settings;
    void *own;                          /* the service's settings */
    char instance[80];
    uv_loop_t loop;
    struct metrics *metrics;
    struct process_metrics process;
    void *state;
    bool started;                       /* spec->start has succeeded: state is to be stopped */
    struct bus *bus;
    struct admin *admin;
    struct config_files config;
    uv_timer_t second, tick;
    uv_signal_t terminate, interrupt, hangup;
    enum life life;
    bool was_ready, held;
    double ready;                       /* gauge */
    int exit_code;
};

/* Starts it, and serves until it has stopped: the exit code. */
int service_live(struct service *s, struct buffer *why);

/* Writes the reasons to stderr, a line each, in clear, for whoever starts a service by hand: the exit code. */
int service_complain(const struct service_spec *spec, enum result r, const struct buffer *why);

#endif
