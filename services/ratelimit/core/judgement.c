#include "judgement.h"

/* Up to so many runs are read whole with everything else, rather than one by one: 14 bytes each. */
#define RUNS_WHOLE 256

struct claim term_claim(const struct term *t, uint64_t runs_widest)
{
    struct claim c = {
        .algorithm = t->algorithm,
        .shadow = t->shadow,
        .never = t->cost > t->burst,
        .many = t->algorithm == ALGORITHM_ROLLING && runs_widest > RUNS_WHOLE,
        .limit = t->limit,
        .burst = t->burst,
        .window_us = t->window_us,
    };

    c.cost = c.never ? 0 : t->cost;
    memcpy(c.account, t->account, sizeof(c.account));
    return c;
}

void judgement_start(struct judgement *j)
{
    j->allowed = true;
    j->retry_ms = 0;
    j->count = 0;
}

static void add(struct judgement *j, const struct row *row)
{
    j->rows[j->count++] = *row;
    if (row->shadow || row->allowed)
        return;
    j->allowed = false;
    if (j->retry_ms < row->retry_ms)
        j->retry_ms = row->retry_ms;
}

static struct row row_of(const struct term *t)
{
    return (struct row){
        .policy = t->policy,
        .scope = t->scope,
        .shadow = t->shadow,
        .limit = t->limit,
        .capacity = t->burst,
        .window_ms = t->window_us / 1000,
    };
}

/* Rounded up; a wait that does not fit is told as the longest that still says "later", not "never". */
static uint64_t retry_ms(uint64_t wait_us)
{
    uint64_t ms = (wait_us + 999) / 1000;

    return ms < RETRY_NEVER_MS ? ms : RETRY_NEVER_MS - 1;
}

void judgement_add(struct judgement *j, const struct term *t, const struct ruling *r)
{
    struct row row = row_of(t);
    struct claim c = term_claim(t, 0);

    row.allowed = r->allowed;
    row.remaining = claim_remaining(&c, r);
    row.reset_ms = claim_reset_ms(&c, r);
    row.retry_ms = c.never ? RETRY_NEVER_MS : retry_ms(r->wait_us);
    add(j, &row);
}

void judgement_add_unruled(struct judgement *j, const struct term *t, bool allowed, uint64_t later_ms)
{
    struct row row = row_of(t);

    row.allowed = allowed;
    row.remaining = allowed ? t->burst : 0;
    row.reset_ms = row.retry_ms = allowed ? 0 : later_ms;
    add(j, &row);
}
