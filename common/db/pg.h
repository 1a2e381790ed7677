/*
 * PostgreSQL: a pool of pipelined connections on a libuv loop.
 *
 * The unit of work is a batch: statements sent together with one Sync, so they are one transaction and one
 * round trip. Batches of different requests share connections, each behind its own Sync.
 *
 *     static const struct pg_statement TOUCH = { "session_touch",
 *         "UPDATE sessions SET last_activity = $2 WHERE id = $1", "um" };
 *
 *     struct pg_batch *b;
 *     enum result r = pg_batch_new(64 * 1024, &b);
 *     if (!r)
 *         r = pg_add(b, &TOUCH, PG_UUID(&id), PG_TIME_MS(now_ms));
 *     if (!r)
 *         r = pg_submit(pg, b, 2000, touched, session);      // touched() gets b back and frees it
 *
 * Where a decision lies between reading and writing, a transaction holds one connection: pg_begin sends the
 * reads, pg_commit the writes; two round trips in all.
 *
 * Values travel in binary. Errors are told by SQLSTATE (PostgreSQL manual, appendix A) and constraint name;
 * the server's message text is not kept, because it may quote data.
 */
#ifndef HLIDKA_PG_H
#define HLIDKA_PG_H

#include "buffer.h"
#include "secret.h"
#include "uuid.h"

struct uv_loop_s;
struct pg;
struct pg_batch;
struct pg_txn;

/*
 * Prepared on its first use on each connection, so the object must outlive the pool (make it static) and
 * its name must be its alone. params has a letter per $n: i int8, f float8, o bool, t text (also whatever
 * the server reads from text: jsonb, inet, enums), b bytea, u uuid, m timestamptz from ms since 1970; I
 * int8[], B bytea[], T text[]: with unnest many rows are one statement.
 */
struct pg_statement {
    const char *name;
    const char *sql;
    const char *params;
};

struct pg_param {
    char kind;                          /* as in pg_statement.params; 0: NULL, fits any */
    int64_t integer;                    /* i, o, m */
    double real;                        /* f */
    struct bytes bytes;                 /* t, b, u */
    const int64_t *list;                /* I */
    const struct bytes *runs;           /* B, T; data NULL: NULL */
    size_t count;
};

#define PG_NULL()         ((struct pg_param){ .kind = 0 })
#define PG_INT(v)         ((struct pg_param){ .kind = 'i', .integer = (v) })
#define PG_REAL(v)        ((struct pg_param){ .kind = 'f', .real = (v) })
#define PG_BOOL(v)        ((struct pg_param){ .kind = 'o', .integer = (v) ? 1 : 0 })
#define PG_TEXT(t)        ((struct pg_param){ .kind = 't', .bytes = text_bytes(t) })      /* data NULL: NULL */
#define PG_BYTES(b)       ((struct pg_param){ .kind = 'b', .bytes = (b) })                /* data NULL: NULL */
#define PG_UUID(u)        ((struct pg_param){ .kind = 'u', .bytes = { (u)->bytes, 16 } })
#define PG_TIME_MS(ms)    ((struct pg_param){ .kind = 'm', .integer = (int64_t)(ms) })
#define PG_INTS(p, n)     ((struct pg_param){ .kind = 'I', .list = (p), .count = (n) })
#define PG_BYTEAS(p, n)   ((struct pg_param){ .kind = 'B', .runs = (p), .count = (n) })
#define PG_TEXTS(p, n)    ((struct pg_param){ .kind = 'T', .runs = (p), .count = (n) })

#define PG_STATEMENTS_MAX 1024          /* in a batch */

enum pg_outcome {
    PG_DONE,                            /* committed (in a transaction that goes on: executed) */
    PG_UNIQUE,                          /* 23505, see pg_constraint; rolled back */
    PG_RETRY,                           /* 40001, 40P01 and the like: rolled back, the same again may succeed */
    PG_FAILED,                          /* another error, see pg_sqlstate; rolled back */
    PG_UNAVAILABLE,                     /* had no effect: never sent, or lost before COMMIT was sent */
    PG_UNKNOWN,                         /* sent, and no answer: may have been committed */
};

/* ---- batches ------------------------------------------------------------------------------------------------- */

/* limit: bytes of all parameters. RESULT_NO_MEMORY. */
MUST_USE enum result pg_batch_new(size_t limit, struct pg_batch **out);

/* Frees the rows too; NULL is fine. Not while it is submitted. */
void pg_batch_free(struct pg_batch *b);

/*
 * Appends a statement; parameters are copied. Statements are numbered from 0 in this order.
 * RESULT_WRONG_TYPE (params does not fit the statement), RESULT_MALFORMED (U+0000 in a text, which
 * PostgreSQL cannot hold), RESULT_TOO_LARGE (limit), RESULT_FULL (PG_STATEMENTS_MAX), RESULT_NO_MEMORY.
 * The batch is as before on error.
 */
MUST_USE enum result pg_batch_add(struct pg_batch *b, const struct pg_statement *s, const struct pg_param *params,
                                  size_t count);

/* The first parameter of the array is none, so that a statement without parameters has an array too. */
#define pg_add(b, s, ...)                                                                                  \
    pg_batch_add((b), (s), (const struct pg_param[]){ PG_NULL(), ##__VA_ARGS__ } + 1,                      \
                 sizeof((const struct pg_param[]){ PG_NULL(), ##__VA_ARGS__ }) / sizeof(struct pg_param) - 1)

size_t pg_count(const struct pg_batch *b);

/* What became of it; meaningful from its callback on. */
enum pg_outcome pg_outcome(const struct pg_batch *b);
const char *pg_outcome_text(enum pg_outcome outcome);
/* Five characters; "" unless UNIQUE, RETRY or FAILED. */
const char *pg_sqlstate(const struct pg_batch *b);
/* Name of the violated constraint, or "". */
const char *pg_constraint(const struct pg_batch *b);
/* The statement that failed; pg_count(b) when it was the commit itself. */
size_t pg_failed_at(const struct pg_batch *b);

/* ---- rows, after PG_DONE ------------------------------------------------------------------------------------- */

size_t pg_rows(const struct pg_batch *b, size_t stmt);
/* Rows that an INSERT, UPDATE or DELETE touched, or a SELECT returned. */
uint64_t pg_affected(const struct pg_batch *b, size_t stmt);

/*
 * Values are borrowed until pg_batch_free. A place that does not exist, a type that does not fit, and a
 * NULL read by pg_int, pg_real, pg_bool, pg_uuid or pg_time_ms give zero, and the batch remembers: read
 * all, then ask pg_misread once. For pg_bytes and pg_text NULL is an absent value (data == NULL).
 */
bool pg_is_null(const struct pg_batch *b, size_t stmt, size_t row, size_t col);
struct bytes pg_value(struct pg_batch *b, size_t stmt, size_t row, size_t col);     /* any type, as on the wire */
struct bytes pg_bytes(struct pg_batch *b, size_t stmt, size_t row, size_t col);     /* bytea */
struct text pg_text(struct pg_batch *b, size_t stmt, size_t row, size_t col);       /* text, varchar, name, json, jsonb, enums */
int64_t pg_int(struct pg_batch *b, size_t stmt, size_t row, size_t col);            /* int2, int4, int8 */
double pg_real(struct pg_batch *b, size_t stmt, size_t row, size_t col);            /* float8 */
bool pg_bool(struct pg_batch *b, size_t stmt, size_t row, size_t col);
struct uuid pg_uuid(struct pg_batch *b, size_t stmt, size_t row, size_t col);
int64_t pg_time_ms(struct pg_batch *b, size_t stmt, size_t row, size_t col);        /* timestamptz; rounded down */
bool pg_misread(const struct pg_batch *b);

/* ---- the pool ------------------------------------------------------------------------------------------------ */

struct pg_stats {
    uint64_t up;                        /* connections that are up */
    uint64_t queued, in_flight;         /* batches */
    uint64_t pinned;                    /* connections held by transactions */
    uint64_t submitted, done, unique, retry, failed, unavailable, unknown;      /* batches by outcome */
    uint64_t full;                      /* turned away */
    uint64_t timeouts;                  /* connections given up because of an overdue batch */
    uint64_t connects, failures;        /* attempts that ended up, and that did not */
};

struct pg_options {
    const struct secret *url;           /* postgresql://…, one host; read at open, kept in locked memory */
    const char *application_name;       /* [A-Za-z0-9_.-]; copied */
    const char *schema;                 /* search_path of every connection, [a-z_][a-z0-9_]*; copied */
    unsigned connections;               /* 0: 4; at most 64 */
    size_t max_queued;                  /* 0: 1024 batches waiting for a connection */
    unsigned max_pipelined;             /* 0: 16 batches in flight on one connection */
    uint64_t connect_timeout_ms;        /* 0: 5000 */
    uint64_t statement_timeout_ms;      /* 0: 5000; the server's own, as are the next two */
    uint64_t lock_timeout_ms;           /* 0: 3000 */
    uint64_t idle_in_transaction_ms;    /* 0: 5000 */
    /* The pool has its first connection (true), or has lost its last (false). May be NULL. */
    void (*state)(void *cookie, struct pg *pg, bool up);
    void *cookie;
};

/*
 * Starts connecting and goes on trying. RESULT_BAD_CONFIG with `why` (never the password), RESULT_NO_MEMORY,
 * RESULT_INTERNAL.
 */
MUST_USE enum result pg_open(struct uv_loop_s *loop, const struct pg_options *options, struct pg **out,
                             struct buffer *why);

/* Whatever is under way ends as PG_UNKNOWN or PG_UNAVAILABLE within this call; `closed` follows from the loop. */
void pg_close(struct pg *pg, void (*closed)(void *cookie), void *cookie);

bool pg_up(const struct pg *pg);
const struct pg_stats *pg_stats(const struct pg *pg);

typedef void pg_batch_cb(void *cookie, struct pg_batch *b);

/*
 * The batch is the pool's until cb, which comes exactly once, never from within pg_submit, and gets it
 * back. timeout_ms bounds queueing and execution: a batch still queued then is PG_UNAVAILABLE; for one
 * that was sent the connection is given up and it is PG_UNKNOWN, as is everything behind it.
 * RESULT_UNAVAILABLE when no connection is up, RESULT_FULL at max_queued, RESULT_CLOSED, RESULT_NO_MEMORY,
 * RESULT_OUT_OF_RANGE for an empty batch: then the batch stays the caller's.
 */
MUST_USE enum result pg_submit(struct pg *pg, struct pg_batch *b, uint64_t timeout_ms, pg_batch_cb *cb, void *cookie);

/* ---- transactions: read, decide, write ----------------------------------------------------------------------- */

/* txn is NULL unless pg_outcome(b) is PG_DONE: any failure has ended the transaction and rolled it back. */
typedef void pg_txn_cb(void *cookie, struct pg_txn *txn, struct pg_batch *b);

/* BEGIN and b in one round trip, on a connection that is this transaction's until it ends. Errors as pg_submit. */
MUST_USE enum result pg_begin(struct pg *pg, struct pg_batch *b, uint64_t timeout_ms, pg_txn_cb *cb, void *cookie);

/*
 * As pg_begin, for one that may share its transaction with others of the same kind that wait for a connection when it does:
 * all their reads, then each decides, then the writes of those that commit, and one COMMIT: two round trips and one flush of
 * the log for all. Nothing keeps them apart but their keys, no two of which are the same in one transaction: what they lock,
 * read and write must be theirs by the key, and they do not pg_continue. Locks are taken in the order of the keys. Where
 * one fails, all are rolled back, and the others are PG_RETRY: each begins again, by pg_begin. One that waits for a lock
 * holds up the others until lock_timeout_ms.
 */
#define PG_SHARED_MAX 16
#define PG_SHARE_KEY_LEN 32
struct pg_share {
    const void *kind;                   /* compared as an address */
    uint8_t key[PG_SHARE_KEY_LEN];
};
MUST_USE enum result pg_begin_shared(struct pg *pg, struct pg_batch *b, const struct pg_share *share, uint64_t timeout_ms,
                                     pg_txn_cb *cb, void *cookie);

/* More reading, in the same transaction. RESULT_UNAVAILABLE: the connection was lost meanwhile; txn is gone. */
MUST_USE enum result pg_continue(struct pg_txn *txn, struct pg_batch *b, uint64_t timeout_ms, pg_txn_cb *cb,
                                 void *cookie);

/*
 * b (with at least one statement) and COMMIT in one round trip; txn is gone whatever this returns. With
 * another result than RESULT_OK b stays the caller's and nothing was committed.
 */
MUST_USE enum result pg_commit(struct pg_txn *txn, struct pg_batch *b, uint64_t timeout_ms, pg_batch_cb *cb,
                               void *cookie);

/* Decided against: ROLLBACK (of what is shared: when all have), and the connection serves others. txn is gone. */
void pg_rollback(struct pg_txn *txn);

#endif
