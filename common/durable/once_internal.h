/* What once.c and once_record.c share. Nobody outside includes this. */
#ifndef HLIDKA_ONCE_INTERNAL_H
#define HLIDKA_ONCE_INTERNAL_H

#include "durable_internal.h"
#include "once.h"
#include "record_seal.h"

struct once {
    struct durable *durable;
    struct request *rq;
    const struct once_op *how;
    void *op;
    unsigned attempts;
    struct pg_txn *txn;                 /* while decide() has the word */
    struct pg_batch *rows;              /* of a repeat, for committed() */
    struct pg_batch *writes;
    void (*next)(struct once *c, void *op, struct pg_batch *rows);
    uint8_t body[RECORD_DIGEST_LEN];    /* of the request: taken once, a recording's is long */
    bool digested;
    struct bytes reply;                 /* sealed: what once_send sends */
    bool doubtful;                      /* COMMIT was sent, and no answer came */
    struct once *next_doubtful;         /* in durable's list */
};

/*
 * The look's answer, the stmt-th of b: RESULT_NOT_FOUND for a new one, RESULT_OK with c->reply, RESULT_CONFLICT, or what
 * went wrong.
 */
MUST_USE enum result once_look_at(struct once *c, struct pg_batch *b, size_t stmt);
/* Adds the record with c->reply to c->writes. */
MUST_USE enum result once_add_record(struct once *c);

#endif
