#include "cycle_internal.h"

#include "audit.h"
#include "event_clean.h"

#include <stdlib.h>

#define SUBJECTS_MAX (CYCLE_RECORDS_MAX + FEED_BATCH_MAX)
#define ARENA_MAX (8u * 1024 * 1024)
#define SEALED_MAX (16u * 1024 * 1024)

/* ---- making --------------------------------------------------------------------------------------------------- */

static enum result rows_new(struct cycle_rows *r)
{
    int64_t **const numbers[] = { &r->seq, &r->received, &r->time, &r->outcome, &r->subject };
    struct bytes **const runs[] = { &r->src, &r->type, &r->tag, &r->hash, &r->sealed, &r->user, &r->ip,
                                    &r->seen_id, &r->seen_src, &r->seen_fingerprint };
    int64_t **const subject_numbers[] = { &r->subject_id, &r->subject_kind, &r->subject_day, &r->touched };
    struct bytes **const subject_runs[] = { &r->subject_hash, &r->subject_wrapped };
    bool ok = (r->nodes = calloc(TREE_KEPT_MAX + CYCLE_RECORDS_MAX / 128, sizeof(*r->nodes))) != NULL;

    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
        ok &= (*numbers[i] = calloc(CYCLE_RECORDS_MAX, sizeof(int64_t))) != NULL;
    for (size_t i = 0; i < sizeof(runs) / sizeof(*runs); i++)
        ok &= (*runs[i] = calloc(CYCLE_RECORDS_MAX, sizeof(struct bytes))) != NULL;
    for (size_t i = 0; i < sizeof(subject_numbers) / sizeof(*subject_numbers); i++)
        ok &= (*subject_numbers[i] = calloc(SUBJECTS_MAX, sizeof(int64_t))) != NULL;
    for (size_t i = 0; i < sizeof(subject_runs) / sizeof(*subject_runs); i++)
        ok &= (*subject_runs[i] = calloc(SUBJECTS_MAX, sizeof(struct bytes))) != NULL;
    return ok ? RESULT_OK : RESULT_NO_MEMORY;
}

static void rows_free(struct cycle_rows *r)
{
    void *const all[] = { r->seq, r->received, r->time, r->outcome, r->subject, r->src, r->type, r->tag, r->hash, r->sealed,
                          r->user, r->ip, r->seen_id, r->seen_src, r->seen_fingerprint, r->subject_id, r->subject_kind,
                          r->subject_day, r->subject_hash, r->subject_wrapped, r->touched, r->nodes };

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        free(all[i]);
}

enum result cycle_new(const struct audit_keys *keys, struct writer_state *state, const struct watch *watch,
                      const uint8_t seed[16], struct cycle **out)
{
    struct cycle *c = calloc(1, sizeof(*c));
    enum result r;

    if (!c)
        return RESULT_NO_MEMORY;
    c->keys = keys;
    c->state = state;
    c->watch = watch;
    arena_init(&c->arena, NULL, 0, ARENA_MAX);
    buffer_init(&c->scratch, EVENT_PAYLOAD_MAX);
    buffer_init(&c->sealed, SEALED_MAX);
    buffer_init(&c->leaf, 1024);
    c->drafts = calloc(CYCLE_RECORDS_MAX, sizeof(*c->drafts));
    c->subjects = calloc(SUBJECTS_MAX, sizeof(*c->subjects));
    c->conflicts = calloc(FEED_BATCH_MAX, sizeof(*c->conflicts));
    r = c->drafts && c->subjects && c->conflicts ? rows_new(&c->rows) : RESULT_NO_MEMORY;
    if (!r)
        r = secret_new(SUBJECTS_MAX * ENTRY_KEY_LEN, &c->subject_keys);
    if (!r)
        r = hashmap_new(SUBJECT_HASH_LEN, SUBJECTS_MAX, seed, &c->subject_by_hash);
    if (!r)
        r = hashmap_new(SEEN_KEY_LEN, FEED_BATCH_MAX, seed, &c->seen_by_id);
    if (r)
        cycle_free(c);
    else
        *out = c;
    return r;
}

void cycle_free(struct cycle *c)
{
    if (!c)
        return;
    hashmap_free(c->subject_by_hash);
    hashmap_free(c->seen_by_id);
    secret_free(c->subject_keys);
    rows_free(&c->rows);
    free(c->drafts);
    free(c->subjects);
    free(c->conflicts);
    arena_reset(&c->arena);
    buffer_free(&c->scratch);
    buffer_free(&c->sealed);
    buffer_free(&c->leaf);
    free(c);
}

static bool all(void *cookie, const void *key, void *value)
{
    (void)cookie;
    (void)key;
    (void)value;
    return true;
}

static void reset(struct cycle *c)
{
    hashmap_sweep(c->subject_by_hash, all, NULL);
    hashmap_sweep(c->seen_by_id, all, NULL);
    secret_wipe(secret_fill(c->subject_keys), c->subject_count * ENTRY_KEY_LEN);
    buffer_reset(&c->sealed);
    arena_reset(&c->arena);
    c->count = c->events = c->subject_count = c->notice_count = c->queried_count = c->conflict_count = c->uncounted = 0;
    c->items = c->offset_count = 0;
    c->rows.count = c->rows.seen_count = c->rows.subject_count = c->rows.touched_count = c->rows.node_count = 0;
    c->producers = NULL;
    c->offsets = NULL;
    c->batch = NULL;
    c->before = NULL;
    c->rejected = NULL;
    c->tells = false;
}

/* ---- subjects ------------------------------------------------------------------------------------------------- */

/* What the cycle before knows, it knows of what is stored, or it has just made. */
static bool known_before(struct cycle *c, struct cycle_subject *s, uint8_t *key)
{
    const struct cycle *before = c->before;
    const struct cycle_subject *known = before ? hashmap_get(before->subject_by_hash, s->hash.bytes) : NULL;

    if (!known || !known->known)
        return false;
    s->id = known->id;
    s->used_day = known->fresh || known->touched ? cycle_day(before) : known->used_day;
    memcpy(key, secret_bytes(before->subject_keys).data + (size_t)(known - before->subjects) * ENTRY_KEY_LEN, ENTRY_KEY_LEN);
    return true;
}

static bool at_hand(struct cycle *c, struct cycle_subject *s, uint8_t *key)
{
    struct known_subject known;

    if (!subject_cache_get(c->state->cache, &s->hash, &known))
        return false;
    s->id = known.id;
    s->used_day = known.used_day;
    memcpy(key, known.key, ENTRY_KEY_LEN);
    return true;
}

enum result cycle_name(struct cycle *c, struct subject s, size_t *out)
{
    struct subject_hash hash;

    subject_hash(key_bytes(c->keys->lookup), s, &hash);
    struct cycle_subject *at = hashmap_get(c->subject_by_hash, hash.bytes);
    if (!at) {
        if (c->subject_count == SUBJECTS_MAX)
            return RESULT_FULL;
        at = &c->subjects[c->subject_count];
        enum result r = hashmap_put(c->subject_by_hash, hash.bytes, at);
        if (r)
            return r;
        *at = (struct cycle_subject){ .hash = hash, .kind = s.kind };
        uint8_t *key = cycle_key(c, c->subject_count++);
        at->known = known_before(c, at, key) || at_hand(c, at, key);
    }
    *out = (size_t)(at - c->subjects);
    return RESULT_OK;
}

/* Nothing is hashed twice: events of a source come one behind the other, and the subject is the user, else the address. */
enum result cycle_name_subjects(struct cycle *c, struct draft *d)
{
    const struct draft *last = c->count > 0 ? d - 1 : NULL;
    enum result r = cycle_name(c, subject_of(&d->event, d->src), &d->subject);

    if (!r && last && text_equal(last->src, d->src))
        d->source = last->source;
    else if (!r)
        r = cycle_name(c, (struct subject){ SUBJECT_SOURCE, d->src }, &d->source);
    if (r)
        return r;
    d->has_user = d->event.user_id.data != NULL;
    d->has_ip = d->event.ip.data != NULL;
    if (d->has_user)
        d->user = c->subjects[d->subject].hash;
    if (d->has_ip && !d->has_user)
        d->ip = c->subjects[d->subject].hash;
    else if (d->has_ip)
        subject_hash(key_bytes(c->keys->lookup), (struct subject){ SUBJECT_IP, d->event.ip }, &d->ip);
    return RESULT_OK;
}

/* ---- taking in ------------------------------------------------------------------------------------------------ */

static enum result texts_of(struct cycle *c, const struct audit_event *in, struct log_event *out)
{
    char *session = in->has_session_id ? arena_alloc(&c->arena, UUID_TEXT_LEN + 1, 1) : NULL;
    char *ip = in->has_ip ? arena_alloc(&c->arena, IP_TEXT_MAX + 1, 1) : NULL;

    if ((in->has_session_id && !session) || (in->has_ip && !ip))
        return RESULT_NO_MEMORY;
    if (session) {
        uuid_format(&in->session_id, session);
        out->session_id = (struct text){ session, UUID_TEXT_LEN };
    }
    if (ip)
        out->ip = (struct text){ ip, ip_format(&in->ip, ip) };
    return RESULT_OK;
}

static enum result attrs_of(struct cycle *c, const struct audit_event *in, struct log_event *out)
{
    if (!in->has_attrs)
        return RESULT_OK;
    struct event_attr *attrs = arena_alloc(&c->arena, in->attrs.count > 0 ? in->attrs.count : 1, sizeof(*attrs));
    if (!attrs)
        return RESULT_NO_MEMORY;
    for (size_t i = 0; i < in->attrs.count; i++)
        attrs[i] = (struct event_attr){ in->attrs.pairs[i].key, in->attrs.pairs[i].value };
    out->attrs = attrs;
    out->attr_count = in->attrs.count;
    return RESULT_OK;
}

static enum result event_of(struct cycle *c, const struct audit_event *in, uint64_t made, struct log_event *out)
{
    static const enum event_outcome OUTCOMES[] = {
        [AUDIT_SUCCESS] = OUTCOME_SUCCESS, [AUDIT_FAILURE] = OUTCOME_FAILURE, [AUDIT_DENIED] = OUTCOME_DENIED,
    };

    *out = (struct log_event){
        .type = in->type, .time = event_time(in->time, made), .outcome = OUTCOMES[in->outcome], .user_id = in->user_id,
        .user_agent = in->user_agent, .device_id = in->device_id, .endpoint = in->endpoint, .tier = in->tier,
    };
    enum result r = texts_of(c, in, out);
    if (!r)
        r = attrs_of(c, in, out);
    return r ? r : event_clean(out, &c->arena, &c->scratch);
}

void cycle_seen_key(const struct uuid *id, struct text src, uint8_t key[SEEN_KEY_LEN])
{
    memset(key, 0, SEEN_KEY_LEN);
    memcpy(key, id->bytes, sizeof(id->bytes));
    memcpy(key + 16, src.data, src.len);
}

/* Its own, made when it is new; what the cycle before has under the key stands. */
static enum result seen_of(struct cycle *c, const uint8_t key[SEEN_KEY_LEN], struct seen_event **out)
{
    const struct seen_event *before = c->before ? hashmap_get(c->before->seen_by_id, key) : NULL;
    struct seen_event *seen = hashmap_get(c->seen_by_id, key);
    enum result r = RESULT_OK;

    *out = seen;
    if (seen)
        return RESULT_OK;
    *out = seen = arena_alloc(&c->arena, 1, sizeof(*seen));
    if (!seen || hashmap_put(c->seen_by_id, key, seen))
        return RESULT_NO_MEMORY;
    if (!before)
        return RESULT_OK;
    seen->stands = before->stands;
    seen->first = before->first;
    for (const struct fingerprint *f = before->conflicts; f && !r; f = f->next)
        r = cycle_note_conflict(c, seen, f->bytes);
    return r;
}

static enum result take_item(struct cycle *c, const struct feed_item *item)
{
    struct draft *d = &c->drafts[c->count];
    uint8_t key[SEEN_KEY_LEN];

    *d = (struct draft){ .item = item, .src = item->src };
    if (item->src.len > SEEN_KEY_LEN - 16)
        return RESULT_OUT_OF_RANGE;
    enum result r = event_of(c, item->event, uuid_time_ms(&item->id), &d->event);
    if (r)
        return r;
    fingerprint_of(key_bytes(c->keys->fingerprint), item->body, d->fingerprint);
    cycle_seen_key(&item->id, item->src, key);
    r = seen_of(c, key, &d->seen);
    if (!r)
        r = cycle_name_subjects(c, d);
    if (!r)
        c->count++;
    return r;
}

/* What of the batch is needed when it has been given back. */
static enum result take_places(struct cycle *c, const struct feed_batch *batch)
{
    c->items = batch->count;
    if (batch->count > 0)
        c->first = (struct cycle_poison){ true, batch->items[0].partition, batch->items[0].offset };
    c->offsets = arena_alloc(&c->arena, batch->offset_count + 1, sizeof(*c->offsets));
    if (!c->offsets)
        return RESULT_NO_MEMORY;
    c->offset_count = batch->offset_count;
    if (batch->offset_count > 0)
        memcpy(c->offsets, batch->offsets, batch->offset_count * sizeof(*c->offsets));
    return RESULT_OK;
}

enum result cycle_take(struct cycle *c, const struct feed_batch *batch, const struct cycle *before, uint64_t now_ms)
{
    size_t self;

    reset(c);
    c->batch = batch;
    c->before = before;
    c->asks_own = !before || (before->notice_count == 0 && before->queried_count == 0);
    c->now_ms = now_ms;
    enum result r = batch ? take_places(c, batch) : RESULT_OK;
    if (!r)
        r = cycle_name(c, (struct subject){ SUBJECT_SOURCE, TEXT("audit") }, &self);
    for (size_t i = 0; batch && i < batch->count && !r; i++) {
        if (cycle_wants(c, &batch->items[i]))
            r = take_item(c, &batch->items[i]);
        else if (batch->items[i].event)
            c->rejected = &batch->items[i];
    }
    c->events = c->count;
    c->before = NULL;
    return r;
}

/* ---- the end --------------------------------------------------------------------------------------------------- */

bool cycle_empty(const struct cycle *c)
{
    return c->count == 0 && !c->producers && c->offset_count == 0;
}

void cycle_give_back(struct cycle *c)
{
    c->batch = NULL;
}

void cycle_close(struct cycle *c, bool written)
{
    for (size_t i = 0; written && i < c->subject_count; i++) {
        const struct cycle_subject *s = &c->subjects[i];
        if (s->fresh || s->touched)
            subject_cache_put(c->state->cache, &s->hash, &(struct known_subject){ s->id, cycle_day(c), cycle_key(c, i) });
    }
    if (written && c->tells)
        c->watch->written(c->watch->cookie);
    reset(c);
}
