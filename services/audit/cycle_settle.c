#include "cycle_internal.h"

#include "log.h"
#include "query_filters.h"

#define MINUTE_MS 60000u

static const struct text SELF = TEXT("audit");

/* ---- what is stored ------------------------------------------------------------------------------------------- */

size_t cycle_ids(struct cycle *c, struct bytes *ids)
{
    for (size_t i = 0; i < c->events; i++)
        ids[i] = (struct bytes){ c->drafts[i].item->id.bytes, 16 };
    return c->events;
}

size_t cycle_unknown(struct cycle *c, struct bytes *hashes)
{
    size_t count = 0;

    for (size_t i = 0; i < c->subject_count; i++)
        if (!c->subjects[i].known)
            hashes[count++] = (struct bytes){ c->subjects[i].hash.bytes, SUBJECT_HASH_LEN };
    return count;
}

static struct seen_event *find_seen(struct cycle *c, struct bytes id, struct text src, struct bytes fingerprint)
{
    uint8_t key[SEEN_KEY_LEN];
    struct uuid uuid;

    if (id.len != sizeof(uuid.bytes) || src.len > SEEN_KEY_LEN - 16 || fingerprint.len != FINGERPRINT_LEN)
        return NULL;
    memcpy(uuid.bytes, id.data, sizeof(uuid.bytes));
    cycle_seen_key(&uuid, src, key);
    return hashmap_get(c->seen_by_id, key);
}

enum result cycle_seen(struct cycle *c, struct bytes id, struct text src, struct bytes fingerprint)
{
    struct seen_event *seen = find_seen(c, id, src, fingerprint);

    if (seen) {                         /* else of another source under the same id */
        seen->stands = true;
        memcpy(seen->first.bytes, fingerprint.data, FINGERPRINT_LEN);
    }
    return RESULT_OK;
}

enum result cycle_note_conflict(struct cycle *c, struct seen_event *seen, const uint8_t *fingerprint)
{
    struct fingerprint *f = arena_alloc(&c->arena, 1, sizeof(*f));

    if (!f)
        return RESULT_NO_MEMORY;
    memcpy(f->bytes, fingerprint, FINGERPRINT_LEN);
    f->next = seen->conflicts;
    seen->conflicts = f;
    return RESULT_OK;
}

enum result cycle_conflicting(struct cycle *c, struct bytes id, struct text src, struct bytes fingerprint)
{
    struct seen_event *seen = find_seen(c, id, src, fingerprint);

    return seen ? cycle_note_conflict(c, seen, fingerprint.data) : RESULT_OK;
}

enum result cycle_subject(struct cycle *c, struct bytes hash, uint64_t id, struct bytes wrapped, int64_t used_day)
{
    struct cycle_subject *s = hash.len == SUBJECT_HASH_LEN ? hashmap_get(c->subject_by_hash, hash.data) : NULL;

    if (!s)
        return RESULT_OK;
    uint8_t *key = cycle_key(c, (size_t)(s - c->subjects));
    enum result r = subject_unwrap(key_bytes(c->keys->wrap), id, &s->hash, wrapped, key);
    if (r) {
        log_error("audit.subject_tampered", LOG_UINT("subject", id));
        return r;
    }
    s->known = true;
    s->id = id;
    s->used_day = used_day;
    subject_cache_put(c->state->cache, &s->hash, &(struct known_subject){ id, used_day, key });
    return RESULT_OK;
}

/* ---- what the log says itself --------------------------------------------------------------------------------- */

static enum result add_own(struct cycle *c, const struct log_event *e)
{
    struct draft *d = &c->drafts[c->count];

    if (c->count == CYCLE_RECORDS_MAX)
        return RESULT_FULL;
    *d = (struct draft){ .src = SELF, .event = *e };
    enum result r = cycle_name_subjects(c, d);
    if (!r)
        c->count++;
    return r;
}

static struct event_attr str_attr(const char *name, struct text value)
{
    return (struct event_attr){ text_of(name), { .type = MP_STR, .str = value } };
}

static struct event_attr uint_attr(const char *name, uint64_t value)
{
    return (struct event_attr){ text_of(name), { .type = MP_UINT, .uint = value } };
}

static enum result say(struct cycle *c, const char *type, enum event_outcome outcome, const struct event_attr *attrs, size_t count)
{
    struct event_attr *copy = arena_alloc(&c->arena, count, sizeof(*copy));

    if (!copy)
        return RESULT_NO_MEMORY;
    memcpy(copy, attrs, count * sizeof(*copy));
    return add_own(c, &(struct log_event){ .type = text_of(type), .time = c->now_ms, .outcome = outcome, .attrs = copy,
                                           .attr_count = count });
}

/* count: of the numbers that are missing from n on; 0: n came twice. */
static enum result say_gap(struct cycle *c, struct text src, uint64_t n, uint64_t count)
{
    const struct event_attr attrs[] = { str_attr("src", src), uint_attr("n", n), uint_attr("count", count) };

    log_warn("audit.gap", LOG_TEXT("src", src), LOG_UINT("n", n), LOG_UINT("count", count));
    return say(c, "log.gap", OUTCOME_FAILURE, attrs, count > 0 ? 3 : 2);
}

enum result cycle_notice(struct cycle *c, int64_t n, struct bytes sealed)
{
    struct log_event e;

    if (c->notice_count == CYCLE_NOTICES_MAX)
        return RESULT_FULL;
    buffer_reset(&c->scratch);
    enum result r = notice_open(key_bytes(c->keys->notice), sealed, &c->scratch);
    char *copy = r ? NULL : arena_copy(&c->arena, (struct text){ (const char *)c->scratch.data, c->scratch.len });
    if (!r)
        r = copy ? event_read((struct bytes){ (const uint8_t *)copy, c->scratch.len }, &c->arena, &e) : RESULT_NO_MEMORY;
    if (r == RESULT_NOT_AUTHENTIC || r == RESULT_MALFORMED)
        log_error("audit.notice_tampered", LOG_INT("notice", n));
    if (!r)
        r = add_own(c, &e);
    if (!r)
        c->notices[c->notice_count++] = n;
    return r;
}

enum result cycle_queried(struct cycle *c, const struct cycle_queried *q)
{
    char names[QUERY_FILTERS_TEXT_MAX];

    if (c->queried_count == CYCLE_NOTICES_MAX)
        return RESULT_FULL;
    size_t len = query_filters_text((unsigned)q->filters, names);
    const char *src = arena_copy(&c->arena, q->src), *filters = arena_copy(&c->arena, (struct text){ names, len });
    if (!src || !filters)
        return RESULT_NO_MEMORY;
    struct cycle_queried *kept = &c->queried[c->queried_count++];
    *kept = *q;
    kept->src = (struct text){ src, q->src.len };
    return say(c, "audit.queried", OUTCOME_SUCCESS,
               (struct event_attr[]){ str_attr("src", kept->src), uint_attr("count", q->count),
                                      str_attr("filters", (struct text){ filters, len }) }, 3);
}

/* ---- settling ------------------------------------------------------------------------------------------------- */

static bool recorded(const struct seen_event *seen, const uint8_t *fingerprint)
{
    for (const struct fingerprint *f = seen->conflicts; f; f = f->next)
        if (memcmp(f->bytes, fingerprint, FINGERPRINT_LEN) == 0)
            return true;
    return false;
}

static enum result judge(struct cycle *c, struct draft *d)
{
    struct seen_event *seen = d->seen;

    if (!seen->stands) {
        seen->stands = true;
        memcpy(seen->first.bytes, d->fingerprint, FINGERPRINT_LEN);
        d->fate = DRAFT_RECORD;
        return RESULT_OK;
    }
    d->fate = DRAFT_REPEAT;
    if (memcmp(seen->first.bytes, d->fingerprint, FINGERPRINT_LEN) == 0 || recorded(seen, d->fingerprint))
        return RESULT_OK;
    d->fate = DRAFT_CONFLICT;
    c->conflicts[c->conflict_count++] = (struct cycle_conflict){
        { d->item->id.bytes, 16 }, { d->fingerprint, FINGERPRINT_LEN }, d->src,
    };
    log_warn("audit.conflict", LOG_TEXT("src", d->src));
    enum result r = cycle_note_conflict(c, seen, d->fingerprint);
    return r ? r : say(c, "log.conflict", OUTCOME_FAILURE, (struct event_attr[]){ str_attr("src", d->src) }, 1);
}

/* An event's count: of a new one it must be new too; what came before, or was refused, has merely been seen. */
static enum result count_item(struct cycle *c, const struct feed_item *item, bool recorded_now)
{
    struct producer *p;
    enum result r = producers_get(c->state->producers, item->src, item->n_instance, c->now_ms, &p);

    /* More instances in one transaction than a source may have: it harms none but itself. */
    if (r == RESULT_FULL) {
        c->uncounted++;
        return RESULT_OK;
    }
    if (r)
        return r;
    enum gaps_said said = gaps_see(&p->gaps, item->n, c->now_ms);
    if (said == GAPS_NEW)
        producers_changed(c->state->producers, p);
    return said == GAPS_REPEATED && recorded_now ? say_gap(c, item->src, item->n, 0) : RESULT_OK;
}

static enum result settle_items(struct cycle *c)
{
    enum result r = RESULT_OK;
    size_t at = 0;

    for (size_t i = 0; i < c->batch->count && !r; i++) {
        const struct feed_item *item = &c->batch->items[i];
        struct draft *d = cycle_wants(c, item) ? &c->drafts[at++] : NULL;

        if (d)
            r = judge(c, d);
        if (!r && item->has_n && !(d && d->fate == DRAFT_REPEAT))
            r = count_item(c, item, d && d->fate == DRAFT_RECORD);
    }
    if (c->uncounted > 0)
        log_warn("audit.producers_full", LOG_UINT("uncounted", c->uncounted));
    for (size_t i = 0; i < c->batch->gap_count && !r; i++)
        r = say(c, "log.gap", OUTCOME_FAILURE,
                (struct event_attr[]){ str_attr("src", SELF), uint_attr("n", (uint64_t)c->batch->gaps[i].from),
                                       uint_attr("partition", (uint64_t)c->batch->gaps[i].partition) }, 3);
    return r;
}

/* Rules know no time but the log's: in a minute in which nothing else is recorded this lets it go on. */
static enum result tick(struct cycle *c)
{
    uint64_t minute = c->now_ms / MINUTE_MS;

    if (minute <= c->state->minute)
        return RESULT_OK;
    c->state->minute = minute;
    for (size_t i = 0; i < c->count; i++)
        if (c->drafts[i].fate == DRAFT_RECORD)
            return RESULT_OK;
    return add_own(c, &(struct log_event){ .type = TEXT("log.tick"), .time = c->now_ms, .outcome = OUTCOME_SUCCESS });
}

enum result cycle_settle(struct cycle *c)
{
    struct producer *p;
    uint64_t n, count;
    enum result r = c->batch ? settle_items(c) : RESULT_OK;

    while (!r && c->count < CYCLE_RECORDS_MAX && producers_due(c->state->producers, c->now_ms, &p, &n, &count))
        r = say_gap(c, text_of(p->src), n, count);
    c->producers = producers_take_changed(c->state->producers);
    return r ? r : tick(c);
}
