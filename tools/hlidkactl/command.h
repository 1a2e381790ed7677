/*
 * hlidkactl's commands. Each has a file of its own, cmd_<name>.c, and reads its own arguments: argv[0] is the
 * command's name. What it found out goes to stdout, complaints to stderr, and the exit code is for scripts.
 */
#ifndef HLIDKA_COMMAND_H
#define HLIDKA_COMMAND_H

#include "buffer.h"

enum exit_code {
    EXIT_DONE = 0,
    EXIT_REFUSED = 1,           /* the service answered with a status of 400 or more; a check failed */
    EXIT_USAGE = 2,             /* wrong arguments, or files and settings that cannot be used */
    EXIT_NO_ANSWER = 3,         /* nothing came within the deadline */
    EXIT_NO_BUS = 4,            /* the brokers cannot be reached, or refuse */
};

struct command {
    const char *name;
    const char *summary;        /* one line */
    int (*run)(int argc, char **argv);
};

int cmd_keygen(int argc, char **argv);
int cmd_topics(int argc, char **argv);
int cmd_call(int argc, char **argv);
int cmd_tail(int argc, char **argv);
int cmd_alerts(int argc, char **argv);
int cmd_events(int argc, char **argv);
int cmd_bench(int argc, char **argv);
int cmd_tour(int argc, char **argv);

/* "hlidkactl: " and the message, on stderr. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Says each line of `why` (or r's own text where there is none) and returns the exit code that r stands for. */
int fail_with(enum result r, const struct buffer *why);

/* As complain, with where to read more; returns EXIT_USAGE. */
int usage_error(const char *command, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
