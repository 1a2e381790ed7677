/*
 * The receiver's order (protocol.md section 2, steps 1 to 8), as a pure function of the value, the principals,
 * our keys, the routes and `now`: what is to become of a message. No I/O, no counters; the bus acts on the verdict.
 */
#ifndef HLIDKA_RECEIVE_H
#define HLIDKA_RECEIVE_H

#include "arena.h"
#include "codec.h"
#include "codes.h"
#include "ops.h"
#include "seal.h"

/* Reasons of dead letters, the strings of protocol.md. */
#define DEAD_REASON_LIST(X)                                                                          \
    X(MALFORMED, malformed) X(TOO_LARGE, too_large) X(UNKNOWN_PRINCIPAL, unknown_principal)          \
    X(WRONG_DESTINATION, wrong_destination) X(UNKNOWN_KEY, unknown_key) X(NOT_AUTHENTIC, not_authentic) \
    X(WRONG_TOPIC, wrong_topic) X(BAD_REPLY_ADDRESS, bad_reply_address) X(FORBIDDEN_TYPE, forbidden_type) \
    X(STALE, stale) X(INVALID_EVENT, invalid_event)

enum dead_reason {
#define X(upper, lower) DEAD_##upper,
    DEAD_REASON_LIST(X)
#undef X
    DEAD_REASONS
};
const char *dead_reason_text(enum dead_reason r);

enum verdict_kind {
    VERDICT_DEAD,               /* dead-letter under `reason`, no answer */
    VERDICT_DROP,               /* past its deadline: count by src, no answer */
    VERDICT_REFUSE,             /* answer with `fault` */
    VERDICT_SERVE,              /* body decoded: dispatch by `op` */
    VERDICT_EVENT,              /* a sound event or revocation: give to its consumer */
    VERDICT_FAILED,             /* not judged: no memory. Leave the offset unfinished and give the process up */
};

struct receiver {               /* what does not change from message to message; all borrowed */
    struct text self;           /* our principal's name */
    struct text service;        /* first part of the ops served here */
    struct text prefix;         /* of topics */
    enum envelope_kind kind;    /* what this topic carries */
    const struct principals *principals;
    struct keyring *keyring;
    /* The op that has a handler here, else NULL. What an op demands (a signature) is asked of ops_find before. */
    const struct op *(*find_op)(void *cookie, struct text name);
    /* Partitions of a reply topic by metadata at most 1 s old; 0 when unknown, and then nothing can be answered. */
    uint32_t (*partitions)(void *cookie, struct text topic);
    void *cookie;
    uint32_t ahead_ms;          /* how far ts and T may lie ahead: 60,000; ratelimit 5,000 */
    uint32_t age_ms;            /* ts − T at most: 900,000; ratelimit 5,000 */
    uint32_t ttl_max_ms;        /* 60,000; ratelimit 5,000. Below 60,000 it is asked of authentic messages only */
};

struct verdict {
    enum verdict_kind kind;
    enum dead_reason reason;            /* DEAD */
    bool unframed;                      /* DEAD: the value itself may not be kept (section 2, dead letters) */
    const struct principal *source;     /* NULL until known; then also for DEAD and DROP */
    bool answerable;                    /* authenticated with a valid reply address */
    struct envelope envelope;           /* valid as far as parsing came */
    struct buffer *body;                /* the opened bytes, in the caller's buffer */
    const struct op *op;                /* SERVE, EVENT, and REFUSE for the body */
    void *decoded;                      /* SERVE, EVENT: the op's request struct, in the arena */
    struct fault fault;                 /* REFUSE */
    struct field_errors errors;         /* behind fault, whose pointer is to here: a verdict is not copied */
};

/*
 * Runs the steps. A request's deadline has passed when now > ts + ttl: in the very last millisecond it is still
 * served. A revocation is taken from the service's own principal only (wrong_topic), and has no age.
 *
 * body (empty, reused, limit ENVELOPE_VALUE_MAX) receives the opened bytes, which decoded texts borrow; decoded values
 * live in the arena.
 */
void receive(const struct receiver *r, struct bytes value, uint64_t now_ms, struct buffer *body, struct arena *arena, struct verdict *out);

#endif
