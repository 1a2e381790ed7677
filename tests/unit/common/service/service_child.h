/* A service in a process of its own, with files and an environment made for it; no broker is reachable. */
#ifndef HLIDKA_TEST_SERVICE_CHILD_H
#define HLIDKA_TEST_SERVICE_CHILD_H

#include "service.h"

#include <sys/types.h>

#define CHILD_LEAKED 98     /* exit code: LeakSanitizer has found something */

struct child {
    unsigned port;              /* of its admin listener */
    char dir[32];
    pid_t pid;
    int output;                 /* its stdout and stderr */
};

/* Files and environment of principal `ratelimit`; a test may then change either. */
void child_prepare(struct child *c);
/* option: of the command line, or NULL. */
void child_start(struct child *c, const struct service_spec *spec, const char *option);
/* The whole answer; "" when nobody listens within 5 s. */
const char *child_get(const struct child *c, const char *path);
/* Waits for its end; its exit code, or the signal, negative. */
int child_end(struct child *c, char *output, size_t size);
void child_clear(struct child *c);

#endif
