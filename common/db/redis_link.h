/*
 * One TCP connection that speaks RESP: bytes out, reply values in. It knows nothing of commands or of coming
 * back; redis.c makes a new one for every attempt. The parser is hiredis' reader, the socket libuv's.
 */
#ifndef HLIDKA_REDIS_LINK_H
#define HLIDKA_REDIS_LINK_H

#include "redis.h"
#include <sys/socket.h>

struct redis_link;

struct redis_link_events {
    void (*connected)(void *cookie);
    void (*reply)(void *cookie, const struct redis_value *value);       /* value lives until it returns */
    void (*written)(void *cookie);                                      /* the kernel has the rest of a write, too */
    void (*lost)(void *cookie, const char *why);                        /* refused, ended, broken: close it now */
};

/* Begins to connect. Events come from the loop until redis_link_close. RESULT_NO_MEMORY, RESULT_UNAVAILABLE. */
MUST_USE enum result redis_link_open(struct uv_loop_s *loop, const struct sockaddr_storage *address,
                                     size_t max_reply_bytes, const struct redis_link_events *events, void *cookie,
                                     struct redis_link **out);

/* Bytes that an earlier write still holds. While it is not 0, redis_link_write must not be called. */
size_t redis_link_writing(const struct redis_link *l);

/* Takes what is in `out` and leaves another, empty buffer there. RESULT_UNAVAILABLE: the link is broken, close it. */
MUST_USE enum result redis_link_write(struct redis_link *l, struct buffer *out);

/* Wipes what was written so far (it held a password). */
void redis_link_forget(struct redis_link *l);

/* No event comes any more; closed follows from the loop, after which the link is gone. */
void redis_link_close(struct redis_link *l, void (*closed)(void *cookie), void *cookie);

#endif
