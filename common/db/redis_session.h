/* What redis.c (commands, opening, closing) and redis_session.c (connecting, coming up, going down) share. */
#ifndef HLIDKA_REDIS_SESSION_H
#define HLIDKA_REDIS_SESSION_H

#include "redis.h"
#include "redis_link.h"
#include "redis_url.h"
#include "resolve.h"

#include <uv.h>

/* AUTH, SELECT, CLIENT SETNAME, PING: beyond max_pending. */
#define HANDSHAKE_MAX 4
/* A reply is overdue at the first tick after its timeout. */
#define TICKS_PER_TIMEOUT 8

enum redis_state { WAITING, RESOLVING, CONNECTING, HANDSHAKE, SETUP, UP, CLOSING };

struct redis_pending {
    redis_reply_cb *cb;                 /* NULL: the handshake's own */
    void *cookie;
    uint64_t deadline_ms;               /* by redis.patience_ms */
};

struct redis {
    struct uv_loop_s *loop;
    struct redis_url url;
    char client_name[64];
    struct redis_options options;       /* defaults filled in; url and client_name are above */
    struct redis_stats stats;
    enum redis_state state;
    unsigned attempts;
    unsigned failures;                  /* in a row */
    struct redis_link *link;
    struct resolve *resolve;
    uv_timer_t timer;                   /* WAITING: the next attempt; then until UP: its end; UP: the tick */
    uv_prepare_t prepare;               /* what was asked in one turn of the loop leaves before the loop sleeps */
    bool in_setup;                      /* the owner may send although it is not up */
    const char *rejected;
    struct buffer out;

    struct redis_pending *ring;
    size_t ring_cap, head, count;

    /* Time spent waiting. It stands still while this process is stopped: replies wait then, not Redis. */
    uint64_t patience_ms, tick_ms, last_tick_ms;

    unsigned holders;                   /* handles and requests that still refer to this */
    void (*closed)(void *cookie);
    void *closed_cookie;
};

/* Frees r when the last handle or request has let go. */
void redis_release(struct redis *r);

/* As redis_command, whatever the state; needs a link. */
MUST_USE enum result redis_enqueue(struct redis *r, redis_reply_cb *cb, void *cookie, size_t argc,
                                   const char *const *argv, const size_t *argvlen);
struct redis_pending redis_pop(struct redis *r);
/* Every pending command ends as REDIS_UNKNOWN. The owner may do anything from these callbacks. */
void redis_drain(struct redis *r);

/* (Re)starts the one timer. */
void redis_arm(struct redis *r, uint64_t after_ms, uint64_t every_ms);

/* Connects, once; up or failed follows. */
void redis_attempt(struct redis *r);
/* Gives the connection up and arms the next attempt. */
void redis_fail(struct redis *r, const char *why);
/* Lets go of socket and look-up. */
void redis_disconnect(struct redis *r);

#endif
