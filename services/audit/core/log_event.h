/*
 * An event as the log keeps it (PROTOCOL.md section 8): redacted, its time as counted, its address canonical. This is
 * what rules look at and what queries show.
 *
 * Its payload, of which the record holds the hash, is the canonical msgpack of these fields: a map with its keys in the
 * order of their bytes at every level, shortest forms, what is absent left out.
 *
 *     {attrs: {n: 1}, outcome: "success", time: 1700000000000, type: "app.test"}
 */
#ifndef HLIDKA_LOG_EVENT_H
#define HLIDKA_LOG_EVENT_H

#include "arena.h"
#include "mp_reader.h"
#include "mp_writer.h"

#define EVENT_ATTRS_MAX 16
#define EVENT_PAYLOAD_MAX (64u * 1024)      /* redaction may lengthen: an e-mail address of six characters becomes 16 */

enum event_outcome { OUTCOME_SUCCESS, OUTCOME_FAILURE, OUTCOME_DENIED };

struct event_attr {
    struct text name;
    struct mp_value value;                  /* MP_STR, MP_UINT, MP_INT or MP_BOOL */
};

/* Texts are borrowed; data == NULL: absent. */
struct log_event {
    struct text type;
    uint64_t time;                          /* ms since 1970 */
    enum event_outcome outcome;
    struct text user_id;
    struct text session_id;
    struct text ip;
    struct text user_agent;
    struct text device_id;
    struct text endpoint;
    struct text tier;
    const struct event_attr *attrs;         /* NULL: absent; as they came when it was sent, by name when it was read */
    size_t attr_count;
};

/* A record of the log, its payload open. */
struct log_record {
    uint64_t seq;                           /* from 0, without gaps */
    uint64_t received;                      /* ms since 1970, of the leader's clock */
    struct text src;                        /* the principal that sent it */
    struct log_event event;
};

/* "success", "failure", "denied". */
struct text event_outcome_text(enum event_outcome o);
/* False for any other text. */
bool event_outcome_find(struct text t, enum event_outcome *out);

/* Returns the writer's status; RESULT_DUPLICATE when two attributes have one name, RESULT_FULL over EVENT_ATTRS_MAX. */
MUST_USE enum result event_write(const struct log_event *e, struct mp_writer *w);

/*
 * Reads what event_write wrote: another order of keys, an unknown key, a wrong type or anything behind it is
 * RESULT_MALFORMED (not another width of a number: the hash is judge of that). Texts borrow from payload, attributes lie
 * in the arena. RESULT_NO_MEMORY.
 */
MUST_USE enum result event_read(struct bytes payload, struct arena *a, struct log_event *out);

#endif
