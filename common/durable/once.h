/*
 * An op marked ● (protocol.md section 2, "Once"): one effect per (src, id), in one transaction with the record of it and
 * with the events that it gives rise to; the same answer, byte for byte, to whoever sends it again.
 *
 *     static enum result read(struct once *c, void *op, struct pg_batch *reads)
 *     {
 *         struct revoke *r = op;
 *         return pg_add(reads, &LOCK_USER, PG_TEXT(r->user));                  // statement ONCE_FIRST
 *     }
 *
 *     static void decide(struct once *c, void *op, struct pg_batch *rows)
 *     {
 *         struct revoke *r = op;
 *         if (pg_rows(rows, ONCE_FIRST) == 0)
 *             return once_refuse(c, FAULT_NOT_FOUND, "no such user");
 *         enum result e = pg_add(once_writes(c), &REVOKE, PG_UUID(&r->session));
 *         if (!e)
 *             e = outgoing_event(once_durable(c), once_writes(c), r->user, &event, trace);
 *         if (e)
 *             return once_fail(c, e);
 *         once_commit(c, &(struct auth_session_revoke_result){ .revoked = true });
 *     }
 *
 *     void handle_revoke(void *service, struct request *rq)
 *     {
 *         static const struct once_op REVOKE = { .read = read, .decide = decide };
 *         struct revoke *r = arena_alloc(request_arena(rq), 1, sizeof(*r));
 *         …
 *         once_run(app->durable, rq, &REVOKE, r);
 *     }
 *
 * Two round trips: BEGIN, a turn among copies of this message (effects_turn), the look for the record and the reads; the
 * writes, the record and COMMIT. Where the database wants the transaction again, or another request took the same name,
 * it begins anew with the look: read and decide may be called several times for one request and must not remember
 * anything between. So it does when the connection was lost at COMMIT, as soon as PostgreSQL can be asked and until the
 * request's deadline. When it is away otherwise: 503 `unavailable`, which is safe to send again with the same id. So is
 * what was asleep until a minute after the deadline, and finds no record then: there may have been one.
 */
#ifndef HLIDKA_ONCE_H
#define HLIDKA_ONCE_H

#include "codes.h"
#include "durable.h"
#include "request.h"

struct once;                            /* a request at work */

#define ONCE_FIRST 2                    /* number of the first statement that read() adds */

struct once_op {
    /* Adds what decide() needs to see; locks first. RESULT_OK or pg_add's error. May be NULL. */
    enum result (*read)(struct once *c, void *op, struct pg_batch *reads);
    /* The rows are there, in the transaction: ends with exactly one of the calls below. rows are not to be kept. */
    void (*decide)(struct once *c, void *op, struct pg_batch *rows);
    /*
     * The effect stands (`repeated`: since an earlier delivery), its answer is sealed and not sent yet: forget caches, wait
     * for the outbox. Calls once_send once, now or later. With repeated, `rows` are what read() asked for, else NULL.
     * NULL: it is sent at once.
     */
    void (*committed)(struct once *c, void *op, bool repeated, struct pg_batch *rows);
    /*
     * The key of whom it is about, so that those of one op that wait at the same time may be one transaction (pg_begin_shared,
     * whose conditions bind read() and decide()). One that failed is run again alone. NULL: always alone.
     */
    void (*key)(void *op, uint8_t key[PG_SHARE_KEY_LEN]);
};

/* op is borrowed until the request is answered: it belongs into the request's arena. how is static. */
void once_run(struct durable *d, struct request *rq, const struct once_op *how, void *op);

struct request *once_request(const struct once *c);
struct durable *once_durable(const struct once *c);
/* What is written in the transaction; begun empty for each decide(). */
struct pg_batch *once_writes(struct once *c);

/* ---- ends of decide() ------------------------------------------------------------------------------------------ */

/* More reading in the same transaction (one more round trip): `next` then takes the place of decide(). reads is taken. */
void once_more(struct once *c, struct pg_batch *reads, void (*next)(struct once *c, void *op, struct pg_batch *rows));
/* 200 with the op's result struct, recorded with the writes. */
void once_commit(struct once *c, const void *result);
/* A refusal that has an effect (it counted an attempt): recorded with the writes. retry_after_ms 0: none. detail static. */
void once_commit_fault(struct once *c, enum fault_code code, uint64_t retry_after_ms, const char *detail);
/* A refusal without any: rolled back, not recorded. */
void once_refuse(struct once *c, enum fault_code code, const char *detail);
/* The same with the time after which it may be another answer. */
void once_refuse_retry(struct once *c, enum fault_code code, uint64_t retry_after_ms, const char *detail);
/*
 * Something is lacking that is not PostgreSQL's (a blob to write): rolled back, and the request is the caller's again, who
 * sees to it and calls once_run anew.
 */
void once_leave(struct once *c);
/* Our own mistake or want of memory: 500, rolled back, logged. */
void once_fail(struct once *c, enum result why);

/* ---- end of committed() ---------------------------------------------------------------------------------------- */

void once_send(struct once *c);

/*
 * Instead: what had to happen before the answer has not happened in time. 503 `unavailable`; the effect stands, and the same
 * message again comes to committed() once more.
 */
void once_withhold(struct once *c);

#endif
