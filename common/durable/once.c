/* The transaction of an op marked once: begin, decide, commit, and all the ways in which it ends. */
#include "arena.h"
#include "effects.h"
#include "log.h"
#include "once_internal.h"

enum {
    READS_MAX = 256 * 1024,             /* bytes of parameters */
    WRITES_MAX = 4 * 1024 * 1024,
    ATTEMPTS = 6,
    PATIENCE_MS = 3000,                 /* of one round trip */
    RETRY_AFTER_MS = 1000,
    LATE_MS = 60000,                    /* after the deadline, which is at most 16 min after the id's time */
    LOOK = ONCE_FIRST - 1,              /* number of the statement that looks for the record */
};

struct request *once_request(const struct once *c)
{
    return c->rq;
}

struct durable *once_durable(const struct once *c)
{
    return c->durable;
}

struct pg_batch *once_writes(struct once *c)
{
    return c->writes;
}

static void forget(struct pg_batch **b)
{
    pg_batch_free(*b);
    *b = NULL;
}

/* ---- ends --------------------------------------------------------------------------------------------------------- */

static void drop(struct once *c)
{
    forget(&c->rows);
    forget(&c->writes);
}

static void unavailable(struct once *c)
{
    struct durable *d = c->durable;

    drop(c);
    if (c->doubtful && d->phase == DURABLE_OPEN && request_left_ms(c->rq) > 0) {
        c->next_doubtful = d->doubtful;
        d->doubtful = c;
        return;
    }
    d->stats.unavailable++;
    request_fail_retry(c->rq, FAULT_UNAVAILABLE, RETRY_AFTER_MS, NULL);
}

static void fail(struct once *c, const char *what, enum result why, const struct pg_batch *b)
{
    c->durable->stats.failed++;
    log_error("once.failed", LOG_STR("what", what), LOG_RESULT(why), LOG_STR("sqlstate", b ? pg_sqlstate(b) : ""),
              LOG_STR("constraint", b ? pg_constraint(b) : ""), LOG_UINT("statement", b ? pg_failed_at(b) : 0));
    drop(c);
    request_fail(c->rq, FAULT_INTERNAL, NULL);
}

void once_send(struct once *c)
{
    drop(c);
    request_send(c->rq, c->reply);
}

void once_withhold(struct once *c)
{
    unavailable(c);
}

static void stand(struct once *c, bool repeated, struct pg_batch *rows)
{
    if (c->how->committed)
        c->how->committed(c, c->op, repeated, rows);
    else
        once_send(c);
}

/* ---- the transaction ---------------------------------------------------------------------------------------------- */

static void begin(struct once *c);

static void again(struct once *c)
{
    c->durable->stats.restarts++;
    begin(c);
}

void once_resolve(struct durable *d)
{
    struct once *c = d->doubtful;

    d->doubtful = NULL;
    while (c) {
        struct once *next = c->next_doubtful;
        c->attempts = 0;                /* the deadline is the bound of these */
        again(c);
        c = next;
    }
}

/* What becomes of a batch that was not executed or not committed. b is freed by the caller. */
static void after_failure(struct once *c, const struct pg_batch *b, bool committing)
{
    bool worthwhile = c->attempts < ATTEMPTS && (c->attempts == 1 || request_left_ms(c->rq) > 0);

    switch (pg_outcome(b)) {
    case PG_UNIQUE:                     /* somebody was faster with the same thing: decide() will see it */
        if (worthwhile)
            again(c);
        else
            fail(c, "unique", RESULT_CONFLICT, b);
        return;
    case PG_RETRY:
        if (worthwhile)
            again(c);
        else
            unavailable(c);
        return;
    case PG_UNKNOWN:                    /* it may have happened: the record says */
        c->doubtful |= committing;
        unavailable(c);
        return;
    case PG_UNAVAILABLE:
        unavailable(c);
        return;
    case PG_FAILED:
    case PG_DONE:
        fail(c, committing ? "commit" : "read", RESULT_INTERNAL, b);
        return;
    }
}

static void let_decide(struct once *c, struct pg_txn *txn, struct pg_batch *b)
{
    forget(&c->writes);
    if (pg_batch_new(WRITES_MAX, &c->writes)) {
        pg_rollback(txn);
        fail(c, "memory", RESULT_NO_MEMORY, NULL);
        return;
    }
    c->txn = txn;
    void (*next)(struct once *, void *, struct pg_batch *) = c->next;
    next(c, c->op, b);
}

static void on_read(void *cookie, struct pg_txn *txn, struct pg_batch *b)
{
    struct once *c = cookie;

    if (!txn)
        after_failure(c, b, false);
    else
        let_decide(c, txn, b);
    pg_batch_free(b);
}

static void on_begun(void *cookie, struct pg_txn *txn, struct pg_batch *b)
{
    struct once *c = cookie;
    enum result r;

    if (!txn) {
        after_failure(c, b, false);
        pg_batch_free(b);
        return;
    }
    r = once_look_at(c, b, LOOK);
    c->doubtful = false;                /* whoever committed it or not has ended: the turn was waited for */
    /* Who slept so long: another may have had the effect, whose record (EFFECTS_KEEP_S) is soon gone, or is. */
    if (r == RESULT_NOT_FOUND && request_late_ms(c->rq) > LATE_MS) {
        pg_rollback(txn);
        pg_batch_free(b);
        unavailable(c);
        return;
    }
    if (r == RESULT_NOT_FOUND) {
        let_decide(c, txn, b);
        pg_batch_free(b);
        return;
    }
    pg_rollback(txn);
    if (r == RESULT_OK) {
        c->durable->stats.repeated++;
        c->rows = b;
        stand(c, true, b);
        return;
    }
    if (r == RESULT_CONFLICT) {
        c->durable->stats.conflicts++;
        drop(c);
        request_fail(c->rq, FAULT_CONFLICT, "the id has had its effect with another op or body");
    } else {
        fail(c, "record", r, NULL);
    }
    pg_batch_free(b);
}

static void begin(struct once *c)
{
    struct text src = request_source(c->rq);
    struct pg_share share = { 0 };
    struct pg_batch *b;
    enum result r = pg_batch_new(READS_MAX, &b);

    c->attempts++;
    c->next = c->how->decide;
    if (r) {
        fail(c, "memory", r, NULL);
        return;
    }
    r = effects_turn(b, src, request_id(c->rq));
    if (!r)
        r = effects_find(b, src, request_id(c->rq));
    if (!r && c->how->read)
        r = c->how->read(c, c->op, b);
    if (r) {
        pg_batch_free(b);
        fail(c, "reads", r, NULL);
        return;
    }
    if (c->how->key && c->attempts == 1) {
        share.kind = c->how;
        c->how->key(c->op, share.key);
    }
    r = pg_begin_shared(durable_pg(c->durable), b, &share, PATIENCE_MS, on_begun, c);
    if (r) {
        pg_batch_free(b);
        unavailable(c);
    }
}

static struct once *once_new(struct durable *d, struct request *rq)
{
    struct once *c = arena_alloc(request_arena(rq), 1, sizeof(*c));

    if (!c) {
        request_fail(rq, FAULT_INTERNAL, NULL);
        return NULL;
    }
    *c = (struct once){ .durable = d, .rq = rq };
    if (!durable_is_open(d)) {
        unavailable(c);
        return NULL;
    }
    return c;
}

void once_run(struct durable *d, struct request *rq, const struct once_op *how, void *op)
{
    struct once *c = once_new(d, rq);

    if (!c)
        return;
    c->how = how;
    c->op = op;
    begin(c);
}

/* ---- what decide() ends with -------------------------------------------------------------------------------------- */

static struct pg_txn *take_txn(struct once *c)
{
    struct pg_txn *txn = c->txn;

    c->txn = NULL;
    return txn;
}

void once_more(struct once *c, struct pg_batch *reads, void (*next)(struct once *c, void *op, struct pg_batch *rows))
{
    c->next = next;
    if (pg_continue(take_txn(c), reads, PATIENCE_MS, on_read, c)) {
        pg_batch_free(reads);
        unavailable(c);
    }
}

void once_refuse_retry(struct once *c, enum fault_code code, uint64_t retry_after_ms, const char *detail)
{
    pg_rollback(take_txn(c));
    c->durable->stats.refused++;
    drop(c);
    if (retry_after_ms)
        request_fail_retry(c->rq, code, retry_after_ms, detail);
    else
        request_fail(c->rq, code, detail);
}

void once_refuse(struct once *c, enum fault_code code, const char *detail)
{
    once_refuse_retry(c, code, code == FAULT_UNAVAILABLE ? RETRY_AFTER_MS : 0, detail);
}

void once_leave(struct once *c)
{
    pg_rollback(take_txn(c));
    drop(c);
}

void once_fail(struct once *c, enum result why)
{
    pg_rollback(take_txn(c));
    fail(c, "decide", why, NULL);
}

static void on_committed(void *cookie, struct pg_batch *b)
{
    struct once *c = cookie;

    if (pg_outcome(b) != PG_DONE) {
        after_failure(c, b, true);
        pg_batch_free(b);
        return;
    }
    durable_committed(c->durable, b);
    pg_batch_free(b);
    c->durable->stats.made++;
    stand(c, false, NULL);
}

/* sealed: how the sealing of the answer went. */
static void commit(struct once *c, enum result sealed)
{
    struct pg_batch *writes = c->writes;
    struct pg_txn *txn = take_txn(c);
    enum result r = sealed ? sealed : once_add_record(c);

    if (r == RESULT_TOO_LARGE && sealed) {
        pg_rollback(txn);
        drop(c);
        request_fail(c->rq, FAULT_TOO_LARGE, NULL);
        return;
    }
    if (r) {
        pg_rollback(txn);
        fail(c, "record", r, NULL);
        return;
    }
    c->writes = NULL;
    if (pg_commit(txn, writes, PATIENCE_MS, on_committed, c)) {
        pg_batch_free(writes);
        unavailable(c);
    }
}

void once_commit(struct once *c, const void *result)
{
    commit(c, request_seal(c->rq, result, &c->reply));
}

void once_commit_fault(struct once *c, enum fault_code code, uint64_t retry_after_ms, const char *detail)
{
    c->durable->stats.refused++;
    commit(c, request_seal_fault(c->rq, code, retry_after_ms, detail, &c->reply));
}
