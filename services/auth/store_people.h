/* The store from the inside: what its files share. */
#ifndef HLIDKA_STORE_PEOPLE_H
#define HLIDKA_STORE_PEOPLE_H

#include "columns.h"
#include "once.h"
#include "outgoing.h"
#include "people_open.h"

#define EVENT_ATTRS_MAX 6
#define DEVICE_COLUMN "sessions.device"
#define PEOPLE_BATCH_BYTES 65536
#define PEOPLE_RETRY_MS 500             /* when PostgreSQL is away */

struct people {
    struct people_options options;
    struct columns *columns;            /* NULL until the data key is there, before which no request comes */
    uint64_t purge_at_ms;               /* not before */
    bool purging;
};

/* ---- ops in a transaction (store_change.c) --------------------------------------------------------------------------- */

/* One op marked once, at work: the first member of every op's own struct, which lies in the request's arena. */
struct change {
    struct people *people;
    struct request *rq;
    struct once *once;                  /* while its answer waits */
    struct text user_id;                /* who it is about; data NULL: nobody that is known */
    struct uuid session;                /* the one that alone changes, if has_session */
    bool has_session;
    bool waits;                         /* for the revocations of that user, before it is answered */
};

#define change_new(people, rq, type) ((type *)change_alloc((people), (rq), sizeof(type)))
/* Zeroed, its first member filled in; NULL: the request has been answered. */
void *change_alloc(struct people *p, struct request *rq, size_t size);
void change_run(struct change *change, const struct once_op *how);

/* What decide ends with; r is of what was added to the writes. With an error, or when rows were misread, nothing happens. */
void change_commit(struct once *c, struct pg_batch *rows, enum result r, const void *result);

/*
 * Whatever introspection would show otherwise now, of change->session or all of the user's, is forgotten here and is on its
 * way to everybody else before the answer leaves; of a repeated message too. Where change->user_id is not known from the
 * body, it is the first column of the first statement that read() asks for.
 */
void change_committed(struct once *c, void *op, bool repeated, struct pg_batch *rows);

/* ---- whose token it is (store_token.c) ----------------------------------------------------------------------------- */

enum token_standing {
    TOKEN_UNKNOWN,                      /* of nobody's session */
    TOKEN_DEAD,                         /* it was somebody's: they have risen since, or their session is over */
    TOKEN_ALIVE,
};

/* The session that a token names, and whether it is, or once was, its token. */
struct token_bearer {
    enum token_standing standing;
    struct session life;                /* unless UNKNOWN, as is user_id, which is borrowed from the rows */
    struct text user_id;
};

/* A statement of one row, or of none; whose session it is is its first column. Locks nothing: whoever guesses holds up nobody. */
MUST_USE enum result token_read(struct pg_batch *reads, const struct token *token);
/* One that takes the row of that user (its columns: user_id, telegram_id), for one whose token is alive: it is then read again. */
MUST_USE enum result token_lock_user(struct pg_batch *reads, const struct token *token);
/* What its row says. RESULT_INTERNAL for one that does not read. */
MUST_USE enum result token_judge(const struct people *p, struct pg_batch *rows, size_t stmt, const struct token *token,
                                 uint64_t now_ms, struct token_bearer *out);
/* A dead one has come back; said once for a request, when it is answered. */
void token_reused(const struct people *p, struct request *rq, const struct uuid *session, struct text user_id);

/* ---- what follows from it (store_tell.c) ------------------------------------------------------------------------- */

struct event {
    struct audit_event body;
    struct scalar_pair attrs[EVENT_ATTRS_MAX];
};

/* Of change->user_id, unless that is nobody. */
void event_begin(struct event *e, const struct change *change, struct text type, enum audit_outcome outcome);
/* Text with data NULL is left out. */
void event_text(struct event *e, struct text name, struct text value);
void event_uint(struct event *e, struct text name, uint64_t value);
void event_bool(struct event *e, struct text name, bool value);
/* How long ago whoever asks has asked for it. */
void event_took(struct event *e, const struct change *change);
/* On whose word: a principal. */
void event_by(struct event *e, const struct change *change);
void event_session(struct event *e, const struct uuid *session);
void event_device(struct event *e, const struct auth_device *d);
MUST_USE enum result event_write(struct change *change, struct pg_batch *writes, struct event *e);

/* Tells all instances to forget that session, or (NULL) all of change->user_id's. */
MUST_USE enum result revoked_write(struct change *change, struct pg_batch *writes, const struct uuid *session);

/* ---- rows (store_rows.c) ----------------------------------------------------------------------------------------- */

/* id, device_type, created_at, last_activity, auth_time: the first columns of most readings of sessions. */
#define SESSION_COLUMNS "s.id, s.device_type, s.created_at, s.last_activity, COALESCE(s.auth_time, s.created_at)"
#define SESSION_COLUMN_COUNT 5
MUST_USE enum result session_row(struct pg_batch *rows, size_t stmt, size_t row, struct session *out);
/* They begin at that column. */
MUST_USE enum result session_row_from(struct pg_batch *rows, size_t stmt, size_t row, size_t col, struct session *out);

MUST_USE enum result device_type_of(struct text t, enum device_type *out);
struct text device_type_text(enum device_type t);

/* UPDATE … ended_at of one session that is open. by: of sessions.ended_by. */
MUST_USE enum result session_end(struct pg_batch *writes, const struct uuid *session, uint64_t now_ms, struct text by);

MUST_USE enum result telegram_id_seal(const struct people *p, struct text user_id, struct text telegram_id, struct buffer *out);
/* A copy in the arena; data NULL when sealed is. */
MUST_USE enum result telegram_id_open(const struct people *p, struct text user_id, struct bytes sealed, struct arena *a,
                                      struct text *out);

/* roles, as PostgreSQL's array literal and back from its binary form (array_send). */
MUST_USE enum result roles_literal(const struct text *roles, size_t count, struct buffer *out);
MUST_USE enum result roles_read(struct bytes array, struct arena *a, struct text **roles, size_t *count);

/* A copy. RESULT_NO_MEMORY. */
MUST_USE enum result arena_text(struct arena *a, struct text t, struct text *out);

#endif
