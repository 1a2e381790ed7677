#include "log_store_internal.h"

#include "log.h"

#include <stdlib.h>

static const struct pg_statement LOG = { "audit_load_log", "SELECT size, roots, subjects FROM log", "" };
static const struct pg_statement OFFSETS = { "audit_load_offsets", "SELECT partition, next FROM offsets", "" };
static const struct pg_statement PRODUCERS = { "audit_load_producers",
    "SELECT src, instance, state, seen FROM"
    " (SELECT *, row_number() OVER (PARTITION BY src ORDER BY seen DESC) AS place FROM producers) p"
    " WHERE place <= $2 ORDER BY seen DESC LIMIT $1", "ii" };
/* At each height the nodes that no higher one covers. */
static const struct pg_statement NODES = { "audit_load_nodes",
    "SELECT n.height, n.index, n.hash FROM unnest($1::int8[], $2::int8[]) AS w(height, low)"
    " JOIN nodes n ON n.height = w.height AND n.index >= w.low ORDER BY n.height DESC, n.index", "II" };
static const struct pg_statement TAIL = { "audit_load_tail",
    "SELECT " STORE_ENTRY_COLUMNS " FROM records r WHERE r.seq >= $1 ORDER BY r.seq", "i" };

enum { AT_LOG, AT_OFFSETS, AT_PRODUCERS };
enum { AT_NODES, AT_TAIL };

struct load {
    struct log_store *store;
    struct writer_state *state;
    struct tree stored;                 /* as the log's row has it */
    struct feed_offset *offsets;
    size_t offset_count;
    void (*done)(void *cookie, enum store_outcome o, const struct feed_offset *offsets, size_t count);
    void *cookie;
};

static void finish(struct load *l, enum store_outcome o)
{
    l->done(l->cookie, o, l->offsets, o == STORE_DONE ? l->offset_count : 0);
    free(l->offsets);
    free(l);
}

/* ---- the tree ------------------------------------------------------------------------------------------------- */

static enum result add_nodes(struct tree *t, struct pg_batch *b)
{
    for (size_t i = 0; i < pg_rows(b, AT_NODES); i++) {
        uint64_t height = (uint64_t)pg_int(b, AT_NODES, i, 0), index = (uint64_t)pg_int(b, AT_NODES, i, 1);
        struct bytes hash = pg_bytes(b, AT_NODES, i, 2);
        struct tree_hash node;

        if (hash.len != TREE_HASH_LEN || height >= TREE_HEIGHTS || index != t->size >> height) {
            log_error("audit.node_tampered", LOG_UINT("height", height), LOG_UINT("index", index));
            return RESULT_NOT_AUTHENTIC;
        }
        memcpy(node.bytes, hash.data, TREE_HASH_LEN);
        enum result r = tree_append_node(t, (unsigned)height, &node);
        if (r)
            return r;
    }
    return RESULT_OK;
}

static enum result add_tail(struct tree *t, struct pg_batch *b)
{
    struct tree_node kept[TREE_KEPT_MAX];
    struct buffer record;
    enum result r = RESULT_OK;

    buffer_init(&record, 1024);
    for (size_t i = 0; i < pg_rows(b, AT_TAIL) && !r; i++) {
        struct tree_hash leaf;
        struct entry e;

        r = log_store_read_entry(b, AT_TAIL, i, &e);
        if (r || e.seq != t->size) {
            log_error("audit.record_tampered", LOG_UINT("seq", t->size));
            r = RESULT_NOT_AUTHENTIC;
            break;
        }
        buffer_reset(&record);
        r = entry_write(&e, &record);
        tree_leaf_hash(buffer_bytes(&record), &leaf);
        (void)tree_append(t, &leaf, kept);
    }
    buffer_free(&record);
    return r;
}

static void on_tree(void *cookie, struct pg_batch *b)
{
    struct load *l = cookie;
    enum store_outcome o = log_store_outcome_of(b);
    struct tree t = { 0 };
    struct tree_hash is, should;

    if (o == STORE_DONE && (add_nodes(&t, b) || add_tail(&t, b)))
        o = STORE_TAMPERED;
    pg_batch_free(b);
    if (o == STORE_DONE) {
        tree_root(&t, &is);
        tree_root(&l->stored, &should);
        if (t.size != l->stored.size || memcmp(&is, &should, sizeof(is)) != 0) {
            log_error("audit.log_tampered", LOG_UINT("size", l->stored.size), LOG_UINT("hashed", t.size),
                      LOG_UINT("from", l->stored.size & ~UINT64_C(255)));
            o = STORE_TAMPERED;
        }
    }
    if (o == STORE_DONE)
        l->state->tree = l->stored;
    finish(l, o);
}

static enum result ask_tree(struct load *l)
{
    int64_t heights[TREE_KEPT_MAX], lows[TREE_KEPT_MAX];
    size_t count = 0;
    struct pg_batch *b;
    enum result r = pg_batch_new(8192, &b);

    if (r)
        return r;
    for (unsigned height = TREE_STRIDE; height < TREE_HEIGHTS; height += TREE_STRIDE, count++) {
        uint64_t index = l->stored.size >> height;
        heights[count] = height;
        lows[count] = (int64_t)(index & ~UINT64_C(255));
    }
    r = pg_add(b, &NODES, PG_INTS(heights, count), PG_INTS(lows, count));
    if (!r)
        r = pg_add(b, &TAIL, PG_INT((int64_t)(l->stored.size & ~UINT64_C(255))));
    return log_store_submit(l->store, b, r, on_tree, l);
}

/* ---- the rest ------------------------------------------------------------------------------------------------- */

static enum result read_producers(struct load *l, struct pg_batch *b)
{
    for (size_t i = pg_rows(b, AT_PRODUCERS); i-- > 0;) {
        struct bytes instance = pg_bytes(b, AT_PRODUCERS, i, 1);
        struct producer *p;

        if (instance.len != PRODUCER_INSTANCE_LEN)
            return RESULT_MALFORMED;
        enum result r = producers_get(l->state->producers, pg_text(b, AT_PRODUCERS, i, 0), instance.data,
                                      (uint64_t)pg_int(b, AT_PRODUCERS, i, 3), &p);
        if (!r)
            r = gaps_load(pg_bytes(b, AT_PRODUCERS, i, 2), &p->gaps);
        if (r)
            return r;
        producers_changed(l->state->producers, p);      /* so that what has become due is noticed */
    }
    (void)producers_take_changed(l->state->producers);
    return RESULT_OK;
}

static enum result read_state(struct load *l, struct pg_batch *b)
{
    if (pg_rows(b, AT_LOG) != 1)
        return RESULT_MALFORMED;
    enum result r = tree_load((uint64_t)pg_int(b, AT_LOG, 0, 0), pg_bytes(b, AT_LOG, 0, 1), &l->stored);
    if (r)
        return r;
    l->state->subjects = (uint64_t)pg_int(b, AT_LOG, 0, 2);
    l->offset_count = pg_rows(b, AT_OFFSETS);
    l->offsets = calloc(l->offset_count + 1, sizeof(*l->offsets));
    if (!l->offsets)
        return RESULT_NO_MEMORY;
    for (size_t i = 0; i < l->offset_count; i++)
        l->offsets[i] = (struct feed_offset){ (int32_t)pg_int(b, AT_OFFSETS, i, 0), pg_int(b, AT_OFFSETS, i, 1) };
    r = read_producers(l, b);
    return r ? r : pg_misread(b) ? RESULT_MALFORMED : RESULT_OK;
}

static void on_state(void *cookie, struct pg_batch *b)
{
    struct load *l = cookie;
    enum store_outcome o = log_store_outcome_of(b);
    enum result r = RESULT_OK;

    if (o == STORE_DONE && (r = read_state(l, b))) {
        log_error("audit.state_tampered", LOG_RESULT(r));
        o = r == RESULT_NO_MEMORY ? STORE_AWAY : STORE_TAMPERED;
    }
    pg_batch_free(b);
    if (o == STORE_DONE && ask_tree(l))
        o = STORE_AWAY;
    else if (o == STORE_DONE)
        return;
    finish(l, o);
}

enum result log_store_load(struct log_store *s, struct writer_state *state,
                       void (*done)(void *cookie, enum store_outcome o, const struct feed_offset *offsets, size_t count),
                       void *cookie)
{
    struct load *l = calloc(1, sizeof(*l));
    struct pg_batch *b;

    if (!l)
        return RESULT_NO_MEMORY;
    *l = (struct load){ .store = s, .state = state, .done = done, .cookie = cookie };
    enum result r = pg_batch_new(8192, &b);
    if (!r) {
        r = pg_add(b, &LOG);
        if (!r)
            r = pg_add(b, &OFFSETS);
        if (!r)
            r = pg_add(b, &PRODUCERS, PG_INT(PRODUCERS_MAX), PG_INT(PRODUCERS_EACH));
        r = log_store_submit(s, b, r, on_state, l);
    }
    if (r)
        free(l);
    return r;
}
