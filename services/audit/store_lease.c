#include "log_store_internal.h"

#include <stdlib.h>

/* One's own may be taken again at once: its epoch is over with it. */
static const struct pg_statement TAKE = { "audit_lease_take",
    "UPDATE lease SET epoch = epoch + 1, holder = $1, until = clock_timestamp() + interval '3 seconds'"
    " WHERE until < clock_timestamp() OR holder = $1 RETURNING epoch", "u" };
static const struct pg_statement HOLD = { "audit_lease_hold", "SELECT hold_lease($1, $2)", "iu" };
static const struct pg_statement RELEASE = { "audit_lease_release",
    "UPDATE lease SET until = '-infinity' WHERE epoch = $1 AND holder = $2", "iu" };

struct lease_call {
    void (*taken)(void *cookie, enum store_outcome o, int64_t epoch);
    log_store_done *done;
    void *cookie;
};

static void answered(void *cookie, struct pg_batch *b)
{
    struct lease_call call = *(struct lease_call *)cookie;
    enum store_outcome o = log_store_outcome_of(b);
    int64_t epoch = call.taken && o == STORE_DONE && pg_rows(b, 0) == 1 ? pg_int(b, 0, 0, 0) : 0;

    free(cookie);
    pg_batch_free(b);
    if (call.taken)
        call.taken(call.cookie, o, epoch);
    else
        call.done(call.cookie, o);
}

static enum result ask(struct log_store *s, struct pg_batch *b, enum result r, const struct lease_call *call)
{
    struct lease_call *kept = malloc(sizeof(*kept));

    if (!kept) {
        pg_batch_free(b);
        return RESULT_NO_MEMORY;
    }
    *kept = *call;
    r = log_store_submit(s, b, r, answered, kept);
    if (r)
        free(kept);
    return r;
}

enum result log_store_lease_take(struct log_store *s, void (*done)(void *cookie, enum store_outcome o, int64_t epoch),
                                 void *cookie)
{
    struct pg_batch *b;
    enum result r = pg_batch_new(1024, &b);

    return r ? r : ask(s, b, pg_add(b, &TAKE, PG_UUID(&s->self)), &(struct lease_call){ .taken = done, .cookie = cookie });
}

enum result log_store_lease_hold(struct log_store *s, int64_t epoch, log_store_done *done, void *cookie)
{
    struct pg_batch *b;
    enum result r = pg_batch_new(1024, &b);

    return r ? r : ask(s, b, pg_add(b, &HOLD, PG_INT(epoch), PG_UUID(&s->self)),
                       &(struct lease_call){ .done = done, .cookie = cookie });
}

enum result log_store_lease_release(struct log_store *s, int64_t epoch, log_store_done *done, void *cookie)
{
    struct pg_batch *b;
    enum result r = pg_batch_new(1024, &b);

    return r ? r : ask(s, b, pg_add(b, &RELEASE, PG_INT(epoch), PG_UUID(&s->self)),
                       &(struct lease_call){ .done = done, .cookie = cookie });
}
