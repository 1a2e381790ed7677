#include "pg_batch.h"
#include "pg_wire.h"

#include <stdio.h>
#include <stdlib.h>

enum result pg_batch_new(size_t limit, struct pg_batch **out)
{
    struct pg_batch *b = calloc(1, offsetof(struct pg_batch, block) + sizeof(b->block));

    if (!b)
        return RESULT_NO_MEMORY;
    /* The arrays that libpq wants count too: a pointer and two ints a parameter. */
    arena_init(&b->arena, b->block, sizeof(b->block), limit < SIZE_MAX / 4 ? limit * 2 + PG_FIRST_BLOCK : limit);
    b->outcome = PG_UNAVAILABLE;
    *out = b;
    return RESULT_OK;
}

void pg_batch_rewind(struct pg_batch *b)
{
    for (size_t i = 0; i < b->count; i++) {
        PQclear(b->steps[i].result);
        b->steps[i].result = NULL;
    }
    b->outcome = PG_UNAVAILABLE;
    b->sqlstate[0] = b->constraint[0] = '\0';
    b->failed_at = 0;
    b->misread = false;
    b->next = NULL;
    b->txn = NULL;
}

void pg_batch_free(struct pg_batch *b)
{
    if (!b)
        return;
    pg_batch_rewind(b);
    arena_reset(&b->arena);
    free(b->steps);
    free(b);
}

static bool grow(struct pg_batch *b)
{
    size_t cap = b->cap ? b->cap * 2 : 4;
    struct pg_step *steps;

    if (b->count < b->cap)
        return true;
    steps = realloc(b->steps, cap * sizeof(*steps));
    if (!steps)
        return false;
    b->steps = steps;
    b->cap = cap;
    return true;
}

static enum result encode(struct pg_batch *b, char kind, const struct pg_param *p, struct pg_step *step, size_t i)
{
    struct bytes value;
    enum result r;

    if (p->kind != 0 && p->kind != kind)
        return RESULT_WRONG_TYPE;
    r = pg_wire_put(&b->arena, p, &value);
    if (r)
        return r;
    if (value.len > INT32_MAX)
        return RESULT_TOO_LARGE;
    step->values[i] = (const char *)value.data;
    step->lengths[i] = (int)value.len;
    step->formats[i] = kind != 't';
    return RESULT_OK;
}

enum result pg_batch_add(struct pg_batch *b, const struct pg_statement *s, const struct pg_param *params, size_t count)
{
    struct pg_step step = { .statement = s };
    enum result r = RESULT_OK;

    if (strlen(s->params) != count || count > PG_PARAMS_MAX)
        return RESULT_WRONG_TYPE;
    if (b->count == PG_STATEMENTS_MAX)
        return RESULT_FULL;
    if (!grow(b))
        return RESULT_NO_MEMORY;
    step.values = arena_alloc(&b->arena, count, sizeof(*step.values));
    step.lengths = arena_alloc(&b->arena, count, sizeof(*step.lengths));
    step.formats = arena_alloc(&b->arena, count, sizeof(*step.formats));
    if (!step.values || !step.lengths || !step.formats)
        return RESULT_TOO_LARGE;
    for (size_t i = 0; i < count && !r; i++)
        r = encode(b, s->params[i], &params[i], &step, i);
    if (!r)
        b->steps[b->count++] = step;
    return r;
}

size_t pg_count(const struct pg_batch *b)
{
    return b->count;
}

/* ---- what became of it ------------------------------------------------------------------------------------ */

enum pg_outcome pg_outcome(const struct pg_batch *b)
{
    return b->outcome;
}

const char *pg_outcome_text(enum pg_outcome outcome)
{
    static const char *const texts[] = { "done", "unique", "retry", "failed", "unavailable", "unknown" };

    return texts[outcome];
}

const char *pg_sqlstate(const struct pg_batch *b)
{
    return b->sqlstate;
}

const char *pg_constraint(const struct pg_batch *b)
{
    return b->constraint;
}

size_t pg_failed_at(const struct pg_batch *b)
{
    return b->failed_at;
}

void pg_batch_error(struct pg_batch *b, size_t at, const PGresult *result)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *constraint = PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME);
    const char *raised_by = PQresultErrorField(result, PG_DIAG_SOURCE_FUNCTION);

    if (b->sqlstate[0])
        return;
    /* A migration changed what a prepared statement returns. Its code says "not supported"; what it means is 26000. */
    if (raised_by && strcmp(raised_by, "RevalidateCachedQuery") == 0)
        state = "26000";
    snprintf(b->sqlstate, sizeof(b->sqlstate), "%s", state ? state : "XX000");
    snprintf(b->constraint, sizeof(b->constraint), "%s", constraint ? constraint : "");
    b->failed_at = at;
}

enum pg_outcome pg_classify(const struct pg_batch *b)
{
    /* Beginnings of SQLSTATEs (appendix A): nothing was wrong with what was asked, only with the moment. */
    static const char *const again[] = {
        "40",                           /* serialization, deadlock */
        "55P03", "57014", "25P03",      /* the three timeouts of the session */
        "53", "57P",                    /* resources; the server shuts down */
        "26000",                        /* prepared anew on the next connection */
    };

    if (strcmp(b->sqlstate, "23505") == 0)
        return PG_UNIQUE;
    for (size_t i = 0; i < sizeof(again) / sizeof(again[0]); i++)
        if (strncmp(b->sqlstate, again[i], strlen(again[i])) == 0)
            return PG_RETRY;
    return PG_FAILED;
}

/* ---- queues ----------------------------------------------------------------------------------------------- */

void pg_queue_init(struct pg_queue *q)
{
    q->head = NULL;
    q->tail = &q->head;
    q->count = 0;
}

void pg_queue_push(struct pg_queue *q, struct pg_batch *b)
{
    b->next = NULL;
    *q->tail = b;
    q->tail = &b->next;
    q->count++;
}

struct pg_batch *pg_queue_pop(struct pg_queue *q)
{
    struct pg_batch *b = q->head;

    if (!b)
        return NULL;
    q->head = b->next;
    if (!q->head)
        q->tail = &q->head;
    q->count--;
    return b;
}

void pg_queue_expire(struct pg_queue *q, uint64_t now_ms, struct pg_queue *late)
{
    struct pg_queue all;
    struct pg_batch *b;

    pg_queue_init(&all);
    pg_queue_take(q, &all);
    while ((b = pg_queue_pop(&all)))
        pg_queue_push(b->deadline_ms <= now_ms ? late : q, b);
}

void pg_queue_take(struct pg_queue *q, struct pg_queue *out)
{
    struct pg_batch *b;

    while ((b = pg_queue_pop(q)))
        pg_queue_push(out, b);
}
