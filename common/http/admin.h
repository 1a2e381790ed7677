/*
 * The admin listener (libmicrohttpd inside our loop): GET /livez, /readyz, /metrics on a loopback or private
 * address. Plain text, no cache, nothing that a peer sent. /livez says that the loop turns; /readyz is 200
 * "ready" or 503 with a line per reason; /metrics is Prometheus text.
 */
#ifndef HLIDKA_ADMIN_H
#define HLIDKA_ADMIN_H

#include "buffer.h"

struct uv_loop_s;
struct admin;

struct admin_hooks {
    /* Appends "word: detail\n" for each reason not to be ready; nothing when ready. */
    void (*ready)(void *cookie, struct buffer *reasons);
    enum result (*metrics)(void *cookie, struct buffer *out);
    void *cookie;
};

/* address: "127.0.0.1:9100" or "[::1]:9100". RESULT_BAD_CONFIG with `why` (an address in use included). */
MUST_USE enum result admin_start(struct uv_loop_s *loop, const char *address, const struct admin_hooks *hooks, struct admin **out, struct buffer *why);

/* Closes its handles; calls back when they are closed, after which it is freed. */
void admin_stop(struct admin *a, void (*stopped)(void *cookie), void *cookie);

#endif
