#include "cycle_internal.h"

#include "entropy.h"
#include "entry.h"

struct subject_random {
    uint8_t key[ENTRY_KEY_LEN];
    uint8_t nonce[24];
};

/* ---- subjects ------------------------------------------------------------------------------------------------- */

static enum result make_subject(struct cycle *c, size_t at)
{
    struct cycle_subject *s = &c->subjects[at];
    struct cycle_rows *rows = &c->rows;
    struct subject_random random;
    uint8_t *wrapped = arena_alloc(&c->arena, SUBJECT_WRAPPED_LEN, 1);

    if (!wrapped)
        return RESULT_NO_MEMORY;
    entropy_fill(&random, sizeof(random));
    memcpy(cycle_key(c, at), random.key, ENTRY_KEY_LEN);
    s->id = c->state->subjects++;
    enum result r = subject_wrap(key_bytes(c->keys->wrap), s->id, &s->hash, random.nonce, random.key, wrapped);
    secret_wipe(&random, sizeof(random));
    if (r)
        return r;
    s->known = s->fresh = true;
    rows->subject_id[rows->subject_count] = (int64_t)s->id;
    rows->subject_kind[rows->subject_count] = s->kind;
    rows->subject_day[rows->subject_count] = cycle_day(c);
    rows->subject_hash[rows->subject_count] = (struct bytes){ s->hash.bytes, SUBJECT_HASH_LEN };
    rows->subject_wrapped[rows->subject_count] = (struct bytes){ wrapped, SUBJECT_WRAPPED_LEN };
    rows->subject_count++;
    return RESULT_OK;
}

/* The subject under whose key the draft goes: its own, or, where too many new ones have come, its source's. */
static enum result settle_subject(struct cycle *c, struct draft *d, size_t *out)
{
    enum result r = RESULT_OK;

    *out = d->subject;
    if (!c->subjects[*out].known && d->subject != d->source && !newcomers_admit(c->state->newcomers, d->src, c->now_ms))
        *out = d->source;
    struct cycle_subject *s = &c->subjects[*out];
    if (!s->known) {
        r = make_subject(c, *out);
    } else if (!s->fresh && !s->touched && s->used_day < cycle_day(c)) {
        s->touched = true;
        c->rows.touched[c->rows.touched_count++] = (int64_t)s->id;
    }
    return r;
}

/* ---- records -------------------------------------------------------------------------------------------------- */

struct made {                           /* what a row points to */
    struct entry entry;
    size_t sealed_at, sealed_len;
};

static enum result seal(struct cycle *c, const struct draft *d, size_t subject, const struct entry_random *random, struct made *m)
{
    struct mp_writer w;

    buffer_reset(&c->scratch);
    w = mp_writer_to(&c->scratch);
    enum result r = event_write(&d->event, &w);
    if (r)
        return r;
    m->entry = (struct entry){ .seq = c->state->tree.size, .received = c->now_ms, .time = d->event.time, .src = d->src,
                               .type = d->event.type, .outcome = d->event.outcome };
    m->sealed_at = c->sealed.len;
    r = entry_seal(&m->entry, cycle_key(c, subject), random, buffer_bytes(&c->scratch), &c->sealed);
    secret_wipe(c->scratch.data, c->scratch.len);
    m->sealed_len = c->sealed.len - m->sealed_at;
    return r;
}

static enum result grow_tree(struct cycle *c, const struct entry *e)
{
    struct tree_hash leaf;

    buffer_reset(&c->leaf);
    enum result r = entry_write(e, &c->leaf);
    if (r)
        return r;
    tree_leaf_hash(buffer_bytes(&c->leaf), &leaf);
    c->rows.node_count += tree_append(&c->state->tree, &leaf, c->rows.nodes + c->rows.node_count);
    return RESULT_OK;
}

static void put_row(struct cycle *c, const struct draft *d, const struct made *m, uint64_t subject)
{
    struct cycle_rows *rows = &c->rows;
    size_t at = rows->count++;

    rows->seq[at] = (int64_t)m->entry.seq;
    rows->received[at] = (int64_t)m->entry.received;
    rows->time[at] = (int64_t)m->entry.time;
    rows->src[at] = text_bytes(d->src);
    rows->type[at] = text_bytes(m->entry.type);
    rows->outcome[at] = m->entry.outcome;
    rows->tag[at] = (struct bytes){ m->entry.tag, ENTRY_TAG_LEN };
    rows->hash[at] = (struct bytes){ m->entry.hash, ENTRY_HASH_LEN };
    rows->subject[at] = (int64_t)subject;
    rows->user[at] = d->has_user ? (struct bytes){ d->user.bytes, SUBJECT_HASH_LEN } : (struct bytes){ 0 };
    rows->ip[at] = d->has_ip ? (struct bytes){ d->ip.bytes, SUBJECT_HASH_LEN } : (struct bytes){ 0 };
    if (d->item) {
        rows->seen_id[rows->seen_count] = (struct bytes){ d->item->id.bytes, 16 };
        rows->seen_src[rows->seen_count] = text_bytes(d->src);
        rows->seen_fingerprint[rows->seen_count] = (struct bytes){ d->fingerprint, FINGERPRINT_LEN };
        rows->seen_count++;
    }
}

static enum result compose_one(struct cycle *c, struct draft *d, struct made *m, const struct entry_random *random,
                               struct pg_batch *writes)
{
    size_t subject;
    enum result r = settle_subject(c, d, &subject);

    if (!r)
        r = seal(c, d, subject, random, m);
    if (!r)
        r = grow_tree(c, &m->entry);
    if (r)
        return r;
    put_row(c, d, m, c->subjects[subject].id);
    if (!c->watch)
        return RESULT_OK;
    const struct log_record record = { m->entry.seq, m->entry.received, d->src, d->event };
    return c->watch->feed(c->watch->cookie, &record, writes);
}

enum result cycle_compose(struct cycle *c, struct pg_batch *writes)
{
    struct made *made = arena_alloc(&c->arena, c->count > 0 ? c->count : 1, sizeof(*made));
    struct entry_random *random = arena_alloc(&c->arena, c->count > 0 ? c->count : 1, sizeof(*random));
    enum result r = made && random ? RESULT_OK : RESULT_NO_MEMORY;

    if (r)
        return r;
    entropy_fill(random, c->count * sizeof(*random));
    for (size_t i = 0; i < c->count && !r; i++)
        if (c->drafts[i].fate == DRAFT_RECORD)
            r = compose_one(c, &c->drafts[i], &made[c->rows.count], &random[i], writes);
    if (!r && c->watch && c->rows.count > 0)
        r = c->watch->settle(c->watch->cookie, writes, &c->tells);
    /* Only now does the buffer stay where it is. */
    for (size_t i = 0; i < c->rows.count && !r; i++)
        c->rows.sealed[i] = (struct bytes){ c->sealed.data + made[i].sealed_at, made[i].sealed_len };
    return r;
}
