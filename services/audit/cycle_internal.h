/* A cycle from the inside: cycle.c (taking in), cycle_settle.c (what is new), cycle_rows.c (composing). */
#ifndef HLIDKA_CYCLE_INTERNAL_H
#define HLIDKA_CYCLE_INTERNAL_H

#include "cycle.h"

#define SEEN_KEY_LEN 48                 /* id, src padded with zeros */

struct fingerprint {
    uint8_t bytes[FINGERPRINT_LEN];
    struct fingerprint *next;
};

/* All that is known under one (id, src). */
struct seen_event {
    bool stands;                        /* an event stands under it, with fingerprint first */
    struct fingerprint first;
    struct fingerprint *conflicts;      /* others that have been recorded */
};

enum draft_fate { DRAFT_RECORD, DRAFT_REPEAT, DRAFT_CONFLICT };

struct draft {
    enum draft_fate fate;
    const struct feed_item *item;       /* NULL: of the log itself */
    struct text src;
    struct log_event event;
    struct seen_event *seen;
    uint8_t fingerprint[FINGERPRINT_LEN];
    bool has_user, has_ip;
    struct subject_hash user, ip;
    size_t subject;                     /* in subjects[] */
    size_t source;                      /* of the source, whose key is shared */
};

struct cycle_subject {
    struct subject_hash hash;
    enum subject_kind kind;
    bool known;                         /* stored, key at hand */
    bool fresh;                         /* made in this cycle */
    bool touched;                       /* its day is to be written */
    uint64_t id;
    int64_t used_day;
};

static inline uint8_t *cycle_key(struct cycle *c, size_t subject)
{
    return secret_fill(c->subject_keys) + subject * ENTRY_KEY_LEN;
}

static inline int64_t cycle_day(const struct cycle *c)
{
    return (int64_t)(c->now_ms / 86400000);
}

/* Whether the item is to become a record. */
static inline bool cycle_wants(const struct cycle *c, const struct feed_item *item)
{
    return item->event && !(c->poison.any && c->poison.partition == item->partition && c->poison.offset == item->offset);
}

/* The subject's place, made when it is new; its key from the cache where it is there. RESULT_NO_MEMORY, RESULT_FULL. */
MUST_USE enum result cycle_name(struct cycle *c, struct subject s, size_t *out);
/* Names a draft's subject, and its source, which may have to lend its key. */
MUST_USE enum result cycle_name_subjects(struct cycle *c, struct draft *d);

/* Another body that has been recorded under what is seen. RESULT_NO_MEMORY. */
MUST_USE enum result cycle_note_conflict(struct cycle *c, struct seen_event *seen, const uint8_t *fingerprint);

void cycle_seen_key(const struct uuid *id, struct text src, uint8_t key[SEEN_KEY_LEN]);

#endif
