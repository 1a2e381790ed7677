/*
 * libhlidka: a principal on the bus. Ask a service and get its one answer, send events to audit, hear alerts;
 * asynchronous on your libuv loop (hlidka_sync.h is the blocking wrapper). The wire itself is PROTOCOL.md.
 *
 *     static void done(void *cookie, const struct hlidka_reply *reply)
 *     {
 *         if (reply->outcome == HLIDKA_OK)
 *             printf("allowed: %d\n", hlidka_get(reply->result, "allowed").boolean);
 *         else
 *             printf("%s: %u %s\n", hlidka_status_text(reply->outcome), reply->status, reply->code);
 *     }
 *
 *     struct hlidka_body *body = hlidka_body_new();
 *     hlidka_put_text(body, "user_id", "u-1");
 *     hlidka_put_text(body, "endpoint", "lessons.create");
 *     hlidka_call(client, &(struct hlidka_request){
 *         .op = "ratelimit.check", .body = hlidka_body_bytes(body), .deadline_ms = 500,
 *     }, done, NULL, NULL);
 *     hlidka_body_free(body);
 *
 * Threads: every function of a client is called on its loop's thread, and so are all its callbacks; never from
 * inside the call that asked for them. Bodies and values have no thread of their own.
 *
 * Once: a call that got no answer, or a 503, is sent again by itself, with the same id, op and body, until its
 * deadline; the service gives it one effect and the first answer. Whoever still does not know the outcome when the
 * deadline is over may ask once more with the same id and body (hlidka_request.id), up to 15 minutes after the first
 * time (ratelimit: 5 seconds).
 */
#ifndef HLIDKA_H
#define HLIDKA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct uv_loop_s;
struct hlidka;
struct hlidka_call;
struct hlidka_body;

#define HLIDKA_ID_LEN   16
#define HLIDKA_WHY_LEN  1024            /* room for what is wrong, in words */
#define HLIDKA_DEADLINE_MAX_MS 900000u

/* Borrowed; data NULL with len 0 is "none". */
struct hlidka_bytes {
    const void *data;
    size_t len;
};

#define HLIDKA_STATUS_LIST(X)                                                                               \
    X(OK,          "ok")                                                                                    \
    X(REFUSED,     "the service refused")           /* an answer: its status and code say why            */ \
    X(TIMEOUT,     "no answer within the deadline") /* the op may have taken effect, or may yet          */ \
    X(CLOSED,      "the client is closing")                                                                 \
    X(FULL,        "too much in flight")            /* nothing was sent                                  */ \
    X(INVALID,     "not a valid request")           /* op, body, deadline, trace or id                   */ \
    X(TOO_LARGE,   "too large for a message")                                                               \
    X(BAD_CONFIG,  "bad configuration")             /* options or files                                  */ \
    X(NO_MEMORY,   "out of memory")                                                                         \
    X(INTERNAL,    "internal error")

enum hlidka_status {
#define HLIDKA_X(name, text) HLIDKA_##name,
    HLIDKA_STATUS_LIST(HLIDKA_X)
#undef HLIDKA_X
};

/* Static text, never NULL. */
const char *hlidka_status_text(enum hlidka_status s);

/* ---- a client -------------------------------------------------------------------------------------------------- */

struct hlidka_property {
    const char *name;                   /* a librdkafka property: "security.protocol" */
    const char *value;
};

struct hlidka_options {
    const char *brokers;                /* host:port,… */
    const char *prefix;                 /* of topics; NULL: "hlidka." */
    const char *principal;              /* who we are in the principals file */
    const char *principals_path;        /* everybody's public keys; read again when it changes, a bad one not */
    const char *key_path;               /* <principal>.key, mode 0600; likewise */
    const char *sign_path;              /* <principal>.sign for ops that must be signed; NULL: none */
    const char *client_id;              /* Kafka's client.id; NULL: the principal and a random number */
    unsigned in_flight_max;             /* calls at once; 0: 4,096; at most 65,536 */
    const struct hlidka_property *properties;   /* have the last word */
    size_t property_count;
    void (*ready)(void *cookie);        /* once, when the first answer could come; may be NULL */
    void (*notice)(void *cookie, const char *text);     /* a line for your log, no secrets in it; may be NULL */
    void *cookie;
};

/*
 * Reads the files, starts to connect, returns at once: calls made before the brokers answer wait within their
 * deadlines. Options and what they point to are copied. HLIDKA_BAD_CONFIG, HLIDKA_NO_MEMORY with `why` (may be NULL).
 */
enum hlidka_status hlidka_open(struct uv_loop_s *loop, const struct hlidka_options *options, struct hlidka **out,
                               char why[HLIDKA_WHY_LEN]);

/*
 * Ends every call with HLIDKA_CLOSED, gives what was sent up to 2 s to leave, closes without blocking the loop, frees
 * the client, then calls `closed` (may be NULL). Once.
 */
void hlidka_close(struct hlidka *client, void (*closed)(void *cookie), void *cookie);

/* Whether answers can come: our partition has been found and is being read. If not, `why` (may be NULL) has words. */
bool hlidka_is_ready(const struct hlidka *client, char why[HLIDKA_WHY_LEN]);

struct hlidka_stats {
    uint64_t calls;                     /* accepted */
    uint64_t answered;
    uint64_t timeouts;
    uint64_t resends;
    uint64_t in_flight;                 /* now */
    uint64_t undelivered;               /* requests that no broker took within their time */
    uint64_t events;                    /* handed to the brokers' queue */
    uint64_t events_dropped;            /* not: the queue was full, or nobody took them; audit sees the gap */
    uint64_t ignored_malformed;         /* values on our partition that were no answer for us: */
    uint64_t ignored_unasked;           /*   to nothing that waits (a neighbour's, or a second copy) */
    uint64_t ignored_mismatched;        /*   src, dst or op not the request's */
    uint64_t ignored_unknown_key;
    uint64_t ignored_not_authentic;
    uint64_t alerts;
    uint64_t alerts_refused;            /* malformed, or not signed by audit */
};

void hlidka_stats(const struct hlidka *client, struct hlidka_stats *out);

/* ---- asking ---------------------------------------------------------------------------------------------------- */

struct hlidka_request {
    const char *op;                     /* "ratelimit.check"; its first part names the service */
    struct hlidka_bytes body;           /* a msgpack map (hlidka_body_bytes); none: an empty one. Copied */
    uint32_t deadline_ms;               /* all sends together, 1 … HLIDKA_DEADLINE_MAX_MS */
    const char *trace;                  /* W3C traceparent, or NULL */
    const uint8_t *id;                  /* HLIDKA_ID_LEN bytes, to ask again what was asked before; NULL: a new one */
    struct hlidka_bytes key;            /* Kafka key; none: chosen by op and body (PROTOCOL.md section 1) */
};

struct hlidka_field_error {
    const char *pointer;                /* JSON Pointer into the body: "/items/3/context" */
    const char *code;                   /* "required", "too_long", … */
    const char *detail;                 /* "" if none */
};

/* Lives until the callback returns. Texts are NUL-terminated, "" where there is none, never NULL. */
struct hlidka_reply {
    enum hlidka_status outcome;         /* HLIDKA_OK, _REFUSED, _TIMEOUT or _CLOSED */
    unsigned status;                    /* as in HTTP; 0 without an answer */
    struct hlidka_bytes result;         /* HLIDKA_OK: a msgpack map */
    const char *code, *title, *detail;  /* HLIDKA_REFUSED: "invalid_token", … */
    int64_t retry_after_ms;             /* -1: not said */
    const struct hlidka_field_error *errors;
    size_t error_count;
    struct hlidka_bytes body;           /* the whole answer, a msgpack map; none without one */
    const char *trace;                  /* the answer's */
    const uint8_t *id;                  /* of the request, HLIDKA_ID_LEN bytes */
    unsigned sends;                     /* how often it was sent */
};

typedef void (*hlidka_done)(void *cookie, const struct hlidka_reply *reply);

/*
 * HLIDKA_OK: `done` is called exactly once, later, unless the call is cancelled. Anything else (HLIDKA_INVALID,
 * _TOO_LARGE, _FULL, _CLOSED, _NO_MEMORY): nothing was sent and `done` is never called. call (may be NULL) is for
 * hlidka_cancel and valid until done is called. An op marked ⚑ is signed if the client has a signing key.
 */
enum hlidka_status hlidka_call(struct hlidka *client, const struct hlidka_request *request, hlidka_done done,
                               void *cookie, struct hlidka_call **call);

/* Forgets the call: done is not called any more. What was sent may still take effect. */
void hlidka_cancel(struct hlidka *client, struct hlidka_call *call);

/* ---- events and alerts ----------------------------------------------------------------------------------------- */

/*
 * One event for audit (PROTOCOL.md section 8): a body with at least `type`, `time` and `outcome`. Never blocks and is
 * not answered; it is numbered, so that audit notices if it is lost. HLIDKA_OK, _FULL (dropped and counted),
 * _INVALID, _TOO_LARGE, _CLOSED, _NO_MEMORY.
 */
enum hlidka_status hlidka_event(struct hlidka *client, struct hlidka_bytes body, const char *trace);

/* Lives until the callback returns; texts as in a reply. The signature has been verified. */
struct hlidka_alert {
    const char *alert_id;               /* the same for every copy: Kafka may deliver one twice */
    bool has_n;                         /* not the watchdog */
    uint64_t n;                         /* counts alerts without gaps: a missing one was lost. Watchdog: the last one's */
    const char *rule, *title, *level, *user_id, *runbook;
    uint64_t time, first_seen, last_seen;   /* ms since 1970 */
    uint64_t count;
    struct hlidka_bytes body;           /* all of it, a msgpack map: `group`, `seqs`, `attack` too */
};

typedef void (*hlidka_alerted)(void *cookie, const struct hlidka_alert *alert);

/* Calls back for each alert from now on, until the client is closed. Once per client, else HLIDKA_INVALID. */
enum hlidka_status hlidka_tail_alerts(struct hlidka *client, hlidka_alerted alerted, void *cookie);

/* ---- bodies ---------------------------------------------------------------------------------------------------- */

/*
 * Writes a msgpack map, straight down. The first failure sticks and is told once, by hlidka_body_bytes, whose result
 * hlidka_call then refuses. name is NULL inside a list. NULL for no memory, which all of these accept.
 */
struct hlidka_body *hlidka_body_new(void);
void hlidka_put_text(struct hlidka_body *b, const char *name, const char *value);
void hlidka_put_text_len(struct hlidka_body *b, const char *name, const char *value, size_t len);
void hlidka_put_bin(struct hlidka_body *b, const char *name, const void *data, size_t len);
void hlidka_put_uint(struct hlidka_body *b, const char *name, uint64_t value);
void hlidka_put_int(struct hlidka_body *b, const char *name, int64_t value);
void hlidka_put_bool(struct hlidka_body *b, const char *name, bool value);
void hlidka_begin_map(struct hlidka_body *b, const char *name);
void hlidka_begin_list(struct hlidka_body *b, const char *name);
void hlidka_end(struct hlidka_body *b);         /* the innermost map or list */

/* Borrowed until the next put or free. { NULL, 1 } when it was not written right: no memory, over 1,000,000 bytes,
 * nested over 8, an end too many or too few, a name that is missing or too much, text that is not UTF-8. */
struct hlidka_bytes hlidka_body_bytes(struct hlidka_body *b);
void hlidka_body_free(struct hlidka_body *b);   /* wipes it */

/* ---- results --------------------------------------------------------------------------------------------------- */

enum hlidka_type {
    HLIDKA_NONE,                        /* absent, or nil */
    HLIDKA_BOOL,
    HLIDKA_UINT,
    HLIDKA_INT,                         /* negative */
    HLIDKA_TEXT,
    HLIDKA_BIN,
    HLIDKA_LIST,
    HLIDKA_MAP,
    HLIDKA_OTHER,                       /* a float or an extension: no op of version 1 has any */
};

/* What is not of the type asked for reads as false, 0 or empty. */
struct hlidka_value {
    enum hlidka_type type;
    bool boolean;
    uint64_t uint;
    int64_t sint;                       /* HLIDKA_INT, and HLIDKA_UINT where it fits */
    const char *text;                   /* HLIDKA_TEXT: len bytes of UTF-8, not NUL-terminated; else "" */
    size_t len;
    struct hlidka_bytes bytes;          /* HLIDKA_TEXT, HLIDKA_BIN: the content; LIST, MAP: the msgpack itself */
    uint32_t count;                     /* LIST: values; MAP: pairs */
};

/* The value of that name in a msgpack map; HLIDKA_NONE if it is not there (or this is no map). */
struct hlidka_value hlidka_get(struct hlidka_bytes map, const char *name);

/* The value as a whole, and walking over a list or map:
 *
 *     struct hlidka_cursor at = hlidka_walk(hlidka_get(reply->result, "limits").bytes);
 *     while (hlidka_next(&at, NULL, &limit))
 *         …hlidka_get(limit.bytes, "policy")…
 */
struct hlidka_value hlidka_value_of(struct hlidka_bytes msgpack);

struct hlidka_cursor {
    struct hlidka_bytes rest;
    uint32_t left;
    bool pairs;
};

struct hlidka_cursor hlidka_walk(struct hlidka_bytes list_or_map);
/* key (may be NULL) is set for maps. False at the end. */
bool hlidka_next(struct hlidka_cursor *at, struct hlidka_value *key, struct hlidka_value *value);

#ifdef __cplusplus
}
#endif

#endif
