/* Asks an admin listener whether it is ready: what a container's health check runs, in an image without curl. */
#ifndef HLIDKA_READY_PROBE_H
#define HLIDKA_READY_PROBE_H

#include "buffer.h"

/*
 * GET /readyz at the address that the listener was given (a wildcard is asked by loopback); blocks for at most
 * timeout_ms at a time. `answer` gets what it said: the reasons, a line each. RESULT_OK: ready. RESULT_UNAVAILABLE: it
 * says that it is not. RESULT_TIMEOUT, RESULT_IO: it does not answer. RESULT_BAD_CONFIG, RESULT_NO_MEMORY.
 */
MUST_USE enum result probe_ready(const char *address, unsigned timeout_ms, struct buffer *answer);

#endif
