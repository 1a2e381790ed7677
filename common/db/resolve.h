/*
 * Where a server is: numeric addresses at once, names by uv_getaddrinfo on the thread pool. One address per
 * question; asking again with the next `pick` walks through all that a name has.
 */
#ifndef HLIDKA_RESOLVE_H
#define HLIDKA_RESOLVE_H

#include "result.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct uv_loop_s;
struct resolve;

/* False when host is a name. */
bool resolve_numeric(const char *host, uint16_t port, struct sockaddr_storage *out);

/* RESULT_OK and an address, RESULT_UNAVAILABLE, or RESULT_CLOSED after resolve_cancel. */
typedef void resolve_cb(void *cookie, enum result r, const struct sockaddr_storage *address);

/* cb comes exactly once, from the loop; *out is gone then. RESULT_NO_MEMORY, RESULT_INTERNAL: cb never comes. */
MUST_USE enum result resolve_start(struct uv_loop_s *loop, const char *host, uint16_t port, unsigned pick,
                                   resolve_cb *cb, void *cookie, struct resolve **out);

/* cb still comes, when the thread pool lets go. */
void resolve_cancel(struct resolve *q);

#endif
