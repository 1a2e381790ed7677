/* A batch from the inside: its statements, where it stands, and what became of it. */
#ifndef HLIDKA_PG_BATCH_H
#define HLIDKA_PG_BATCH_H

#include "arena.h"
#include "pg.h"

#include <libpq-fe.h>

#define PG_FIRST_BLOCK 2048
#define PG_PARAMS_MAX 32                /* of a statement */

struct pg_step {
    const struct pg_statement *statement;
    const char **values;                /* encoded, in the arena */
    int *lengths;
    int *formats;
    PGresult *result;
};

enum pg_role { PG_ALONE, PG_BEGINS, PG_CONTINUES, PG_COMMITS };

struct pg_batch {
    struct pg_step *steps;
    size_t count, cap;
    struct arena arena;

    enum pg_outcome outcome;
    char sqlstate[6];                   /* of the first error; "" while there is none */
    char constraint[64];
    size_t failed_at;
    bool misread;

    /* while it is the pool's */
    struct pg_batch *next;
    enum pg_role role;
    struct pg_txn *txn;
    struct pg_share share;              /* BEGINS; kind NULL: with nobody */
    size_t together;                    /* of the first that was sent: how many share its Sync */
    uint64_t deadline_ms;
    pg_batch_cb *cb;                    /* ALONE, COMMITS */
    pg_txn_cb *txn_cb;                  /* BEGINS, CONTINUES */
    void *cookie;

    max_align_t block[PG_FIRST_BLOCK / sizeof(max_align_t)];
};

/* A batch that failed may be sent again: forgets results and error. */
void pg_batch_rewind(struct pg_batch *b);

/* Keeps the first error of a batch. */
void pg_batch_error(struct pg_batch *b, size_t at, const PGresult *result);

/* What an error, once rolled back, means. */
enum pg_outcome pg_classify(const struct pg_batch *b);

/* First in, first out. */
struct pg_queue {
    struct pg_batch *head, **tail;
    size_t count;
};

void pg_queue_init(struct pg_queue *q);
void pg_queue_push(struct pg_queue *q, struct pg_batch *b);
struct pg_batch *pg_queue_pop(struct pg_queue *q);
/* Moves every batch past its deadline to `late`. */
void pg_queue_expire(struct pg_queue *q, uint64_t now_ms, struct pg_queue *late);
/* Moves all. */
void pg_queue_take(struct pg_queue *q, struct pg_queue *out);

#endif
