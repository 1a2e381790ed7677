/*
 * One transaction of the writer, from what comes in to the rows that go out:
 *
 *     cycle_take       events of a batch become drafts: cleaned, fingerprinted, their subjects named
 *     (log_store_look)     asks what is stored of them, and tells it through cycle_seen … cycle_queried
 *     cycle_settle     which are new; what the log has to say of itself: conflicts, gaps, notices
 *     cycle_compose    seq, tree, sealing: the rows; each record to the watch
 *     (log_store_compose)  … and the statements, with offsets and all that has changed; nothing is borrowed of the batch now
 *     (log_store_commit)   one transaction
 *     cycle_close      what was written is known from now on
 *
 * While one is committed the next may be taken in and composed: it is told of the one before, and takes what that one has
 * made (records seen, subjects, seq, tree, counts) for stored. It is committed after it or never.
 *
 * Everything that a cycle changes of the writer's state is only right if its transaction commits. When it does not,
 * the state is thrown away and read again (leader.h); nothing here is undone.
 */
#ifndef HLIDKA_CYCLE_H
#define HLIDKA_CYCLE_H

#include "audit_keys.h"
#include "feed.h"
#include "producers.h"
#include "subject_cache.h"
#include "tree.h"
#include "watch.h"

#define CYCLE_NOTICES_MAX 64            /* taken at once, as are queried minutes */
#define CYCLE_RECORDS_MAX (2 * FEED_BATCH_MAX + 512)

/* What the writer knows beside what is stored. */
struct writer_state {
    struct tree tree;
    uint64_t subjects;                  /* the number of the next new one */
    uint64_t minute;                    /* of the newest record, since 1970 */
    struct producers *producers;
    struct subject_cache *cache;
    struct newcomers *newcomers;
};

struct draft;
struct cycle_subject;
struct seen_event;

/* An event's place: of one that the store has refused alone. */
struct cycle_poison {
    bool any;
    int32_t partition;
    int64_t offset;
};

struct cycle_conflict {
    struct bytes id, fingerprint;
    struct text src;
};

struct cycle_queried {
    struct text src;
    uint64_t minute, count, filters;
};

/* The rows in columns, as they are written. */
struct cycle_rows {
    size_t count;
    int64_t *seq, *received, *time, *outcome, *subject;
    struct bytes *src, *type, *tag, *hash, *sealed, *user, *ip;
    size_t seen_count;
    struct bytes *seen_id, *seen_src, *seen_fingerprint;
    size_t subject_count;
    int64_t *subject_id, *subject_kind, *subject_day;
    struct bytes *subject_hash, *subject_wrapped;
    size_t touched_count;               /* subjects used for the first time today */
    int64_t *touched;
    size_t node_count;
    struct tree_node *nodes;
};

struct cycle {
    const struct audit_keys *keys;
    struct writer_state *state;
    const struct watch *watch;          /* or NULL */
    uint64_t now_ms;

    const struct feed_batch *batch;     /* or NULL: none, or given back */
    size_t items;                       /* of the batch */
    struct cycle_poison first;          /* where its first item is */
    struct feed_offset *offsets;        /* of the batch */
    size_t offset_count;
    const struct cycle *before;         /* under way when this one was taken; NULL from then on */
    bool asks_own;                      /* for notices and minutes: the one before has taken none that it would see again */
    bool tells;                         /* the watch is to hear that it has committed */
    struct cycle_poison poison;         /* left out */
    const struct feed_item *rejected;   /* … and here it is, if it came; NULL */
    struct arena arena;                 /* of this cycle */
    struct buffer scratch, sealed, leaf;
    struct secret *subject_keys;        /* of subjects[], in their order */

    struct draft *drafts;               /* the batch's events first, in their order; then what the log says itself */
    size_t count, events;
    struct cycle_subject *subjects;
    size_t subject_count;
    struct hashmap *subject_by_hash, *seen_by_id;

    int64_t notices[CYCLE_NOTICES_MAX]; /* numbers of those taken in */
    size_t notice_count;
    struct cycle_queried queried[CYCLE_NOTICES_MAX];
    size_t queried_count;
    struct cycle_conflict *conflicts;
    size_t conflict_count;
    struct producer *producers;         /* those that changed */
    size_t uncounted;                   /* events whose `n` had no room */

    struct cycle_rows rows;
};

MUST_USE enum result cycle_new(const struct audit_keys *keys, struct writer_state *state, const struct watch *watch,
                               const uint8_t seed[16], struct cycle **out);
void cycle_free(struct cycle *c);

/*
 * batch NULL: only what the log has to say of itself. It is borrowed until cycle_give_back. before: composed, and not yet
 * known to be committed; or NULL. RESULT_NO_MEMORY.
 */
MUST_USE enum result cycle_take(struct cycle *c, const struct feed_batch *batch, const struct cycle *before, uint64_t now_ms);

/* Composed: the batch may go. */
void cycle_give_back(struct cycle *c);

/* What log_store_look asks for: (id, src) of the events, the hashes of the subjects whose keys are not at hand. */
size_t cycle_ids(struct cycle *c, struct bytes *ids);
size_t cycle_unknown(struct cycle *c, struct bytes *hashes);

/* … and what it was told. Errors: RESULT_NOT_AUTHENTIC (a row was changed by somebody else), RESULT_NO_MEMORY. */
MUST_USE enum result cycle_seen(struct cycle *c, struct bytes id, struct text src, struct bytes fingerprint);
MUST_USE enum result cycle_conflicting(struct cycle *c, struct bytes id, struct text src, struct bytes fingerprint);
MUST_USE enum result cycle_subject(struct cycle *c, struct bytes hash, uint64_t id, struct bytes wrapped, int64_t used_day);
MUST_USE enum result cycle_notice(struct cycle *c, int64_t n, struct bytes sealed);
MUST_USE enum result cycle_queried(struct cycle *c, const struct cycle_queried *q);

MUST_USE enum result cycle_settle(struct cycle *c);

/* Whether there is anything to write. */
bool cycle_empty(const struct cycle *c);

/* writes: where the watch adds its statements. Errors also of the watch. */
MUST_USE enum result cycle_compose(struct cycle *c, struct pg_batch *writes);

/* written: the transaction has committed. The cycle is free for the next. */
void cycle_close(struct cycle *c, bool written);

#endif
