/*
 * One pipelined connection to Redis on a libuv loop, which comes back by itself.
 *
 * Commands of one turn of the loop leave in one write; replies are matched by order. Nothing blocks: names
 * are resolved on the thread pool, the socket is libuv's. hiredis is used for what it is best at, the
 * protocol parser; its replies are built in an arena, so that a command costs no allocation once the
 * buffers are warm.
 *
 *     static void limited(void *cookie, enum redis_outcome outcome, const struct redis_value *v)
 *     {
 *         struct check *check = cookie;
 *
 *         if (outcome == REDIS_ANSWERED && v->kind == REDIS_ARRAY && v->count == 2)
 *             ...
 *     }
 *     const char *argv[] = { "FCALL", "check", "1", key };
 *     const size_t lens[] = { 5, 5, 1, key_len };
 *     enum result r = redis_command(redis, limited, check, 4, argv, lens);
 *
 * TLS: not built in (`rediss://` is refused and says so); where the network is not trusted, a local TLS proxy
 * stands in front of Redis. Protocol: RESP2 (redis.io/docs/latest/develop/reference/protocol-spec).
 */
#ifndef HLIDKA_REDIS_H
#define HLIDKA_REDIS_H

#include "buffer.h"
#include "secret.h"

struct uv_loop_s;
struct redis;

enum redis_kind { REDIS_NIL, REDIS_INTEGER, REDIS_TEXT, REDIS_ARRAY, REDIS_ERROR };

/* A reply or a part of one. All of it lives until the callback that got it returns. */
struct redis_value {
    enum redis_kind kind;
    int64_t integer;                    /* INTEGER */
    struct text text;                   /* TEXT (bulk or status, any bytes) and ERROR ("ERR …") */
    size_t count;                       /* ARRAY */
    const struct redis_value *items;
};

enum redis_outcome {
    REDIS_ANSWERED,                     /* the value is the reply, not an error */
    REDIS_REFUSED,                      /* the value is the error reply: REDIS_ERROR */
    REDIS_UNKNOWN,                      /* no reply: the connection was lost or given up; it may have happened */
};

/* Called exactly once per accepted command, never from within redis_command. value is NULL when UNKNOWN. */
typedef void redis_reply_cb(void *cookie, enum redis_outcome outcome, const struct redis_value *value);

/* Numbers for metrics; gauges are up, pending and out_bytes, the others only grow. */
struct redis_stats {
    uint64_t up;                        /* 0 or 1 */
    uint64_t pending;                   /* commands without an answer yet */
    uint64_t out_bytes;                 /* not yet taken by the kernel */
    uint64_t commands;                  /* accepted */
    uint64_t refused;                   /* error replies */
    uint64_t unknown;                   /* commands whose outcome was lost */
    uint64_t full;                      /* turned away with RESULT_FULL */
    uint64_t timeouts;                  /* connections given up because a reply was overdue */
    uint64_t connects;                  /* times it came up; all but the first are reconnects */
    uint64_t failures;                  /* attempts to connect that failed */
};

struct redis_options {
    /* redis://[[user]:password@]host[:port][/db], percent-encoded; read at open only. */
    const struct secret *url;
    const char *client_name;            /* CLIENT SETNAME, [A-Za-z0-9_.-], or NULL; copied */
    uint64_t command_timeout_ms;        /* 0: 500 */
    uint64_t connect_timeout_ms;        /* 0: 2000; from the look-up of the name to the end of setup */
    size_t max_pending;                 /* 0: 8192 */
    size_t max_out_bytes;               /* 0: 8 MiB waiting to be written */
    size_t max_reply_bytes;             /* 0: 1 MiB; a longer reply is a broken peer and ends the connection */

    /*
     * On every new connection, before it is up: send commands here (FUNCTION LOAD REPLACE …), and more from
     * their callbacks. It is up when all have been answered; an error reply to any of them, or redis_reject,
     * drops the connection and it is tried again. NULL: nothing to prepare.
     */
    void (*setup)(void *cookie, struct redis *r);
    /* It went up or down. On down it is called before the pending commands get their REDIS_UNKNOWN. May be NULL. */
    void (*state)(void *cookie, struct redis *r, bool up);
    void *cookie;
};

/*
 * Starts connecting and goes on trying, 50 ms to 2 s apart with jitter, until redis_close.
 * RESULT_BAD_CONFIG with the reason in `why` (never the password), RESULT_NO_MEMORY, RESULT_INTERNAL (libuv).
 */
MUST_USE enum result redis_open(struct uv_loop_s *loop, const struct redis_options *options, struct redis **out,
                                struct buffer *why);

/*
 * argv is copied. RESULT_UNAVAILABLE when it is not up, RESULT_FULL at max_pending or max_out_bytes,
 * RESULT_CLOSED after redis_close, RESULT_NO_MEMORY: then nothing was sent and the callback never comes.
 * command_timeout_ms after it was accepted the connection is given up, because what follows in the pipeline
 * cannot be told apart any more, and every pending command ends as REDIS_UNKNOWN.
 */
MUST_USE enum result redis_command(struct redis *r, redis_reply_cb *cb, void *cookie, size_t argc,
                                   const char *const *argv, const size_t *argvlen);

/* From a callback of setup: this server will not do (a replica, an old version); reason is static text for the log. */
void redis_reject(struct redis *r, const char *reason);

bool redis_up(const struct redis *r);

/* Borrowed until closed; the numbers are kept up to date in place. */
const struct redis_stats *redis_stats(const struct redis *r);

/*
 * Pending commands end as REDIS_UNKNOWN within this call; `closed` (may be NULL) follows from the loop, and r is
 * gone.
 */
void redis_close(struct redis *r, void (*closed)(void *cookie), void *cookie);

#endif
