/*
 * In place of common/service, for tests of what stands on it: the test fills it in and turns the loop itself. Linked instead
 * of the real one, so a test program has either.
 */
#ifndef HLIDKA_TEST_SERVICE_DOUBLE_H
#define HLIDKA_TEST_SERVICE_DOUBLE_H

#include "service.h"

struct service {
    struct uv_loop_s *loop;
    struct bus **bus;                   /* where the test keeps it, for it may come and go; or NULL */
    struct metrics *metrics;
    struct service_identity identity;
    char name[32];
    bool held, given_up;                /* what it was told */
};

/* Begins; being called, it is also what makes the linker take this for the real one. */
void service_double(struct service *s, struct uv_loop_s *loop, const char *name);

#endif
