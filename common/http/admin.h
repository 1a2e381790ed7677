/*
 * The admin listener (libmicrohttpd inside our loop): GET and HEAD of /livez, /readyz, /metrics on a loopback or
 * private address, or on the wildcard (in a container, whose network is private). Plain text, no cache, nothing
 * that a peer sent. /livez says that the loop turns; /readyz is 200 "ready" or 503 with a line per reason;
 * /metrics is Prometheus text. At most 32 connections, each closed after 10 s without a word; no bodies.
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

/*
 * address: "127.0.0.1:9100" or "[::1]:9100"; port 0 is one that the system chooses. RESULT_BAD_CONFIG with `why`
 * (an address in use included). Hooks are called on the loop's thread, from its turns, and do not stop the listener.
 */
MUST_USE enum result admin_start(struct uv_loop_s *loop, const char *address, const struct admin_hooks *hooks,
                                 struct admin **out, struct buffer *why);

/* Whether admin_start would take that address; binds nothing. RESULT_BAD_CONFIG with `why`. */
MUST_USE enum result admin_check(const char *address, struct buffer *why);

unsigned admin_port(const struct admin *a);

/* Closes its handles; calls back when they are closed, after which it is freed. */
void admin_stop(struct admin *a, void (*stopped)(void *cookie), void *cookie);

#endif
