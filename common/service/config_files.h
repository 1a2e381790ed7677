/*
 * The files of policy that a service goes by, read again when they change. What does not load is refused whole and the old
 * stays in force; it is then tried again at every look until it loads, so that nobody has to touch a file once more that was
 * half written, or could not be opened for a moment. Each reason is logged once, and metrics say how things stand:
 *
 *     hlidka_config_refused{file="policies"}                    1 while what is on disk is refused
 *     hlidka_config_reloads_total{file="policies",outcome=…}    taken, refused: every try
 */
#ifndef HLIDKA_CONFIG_FILES_H
#define HLIDKA_CONFIG_FILES_H

#include "buffer.h"
#include "metrics.h"

#define CONFIG_FILES_MAX 4u

/* Texts are static or outlive the service. */
struct config_file {
    const char *name;                   /* of [a-z]: what logs and metrics call it */
    const char *path;
    const char *suffix;                 /* NULL: path is a file; else a directory, of which the files that end so count */
    /* Takes what is there into force, or, with an error and `why`, leaves all as it was. */
    enum result (*load)(void *cookie, struct buffer *why);
    void *cookie;
};

struct config_files {
    struct metrics *metrics;            /* borrowed */
    struct watched_config {
        struct config_file file;
        uint64_t stamp;                 /* as last tried; 0: it was not there */
        double refused;
        uint64_t taken, failed;
        uint64_t said;                  /* said.h */
    } files[CONFIG_FILES_MAX];
    unsigned count;
};

/* Its first load, with whose error and `why` it ends; RESULT_FULL, and what metrics_counter says. */
MUST_USE enum result config_files_add(struct config_files *c, const struct config_file *file, struct buffer *why);

/*
 * About once a second: loads what has changed since it was last tried, or was refused then. What has gone is no change until
 * it is there again: a file is replaced by a rename, or it is a mistake that a reload would not mend.
 */
void config_files_look(struct config_files *c);

/* Loads them all, changed or not. */
void config_files_reload(struct config_files *c);

#endif
