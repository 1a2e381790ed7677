/*
 * The counts of all producing instances that are remembered (gaps.h): by source and instance, bounded; where there is no
 * room for one more, the one that was silent for longest is forgotten. A source has a share of that room and forgets its
 * own beyond it: else who may send events of any kind could invent instances until what others have lost is forgotten.
 */
#ifndef HLIDKA_PRODUCERS_H
#define HLIDKA_PRODUCERS_H

#include "gaps.h"

#define PRODUCERS_MAX 1024             /* of 36 KiB each */
#define PRODUCERS_EACH 256             /* of one source */
#define PRODUCER_INSTANCE_LEN 8

struct producer {
    char src[33];
    uint8_t instance[PRODUCER_INSTANCE_LEN];
    uint64_t seen_ms;
    struct gaps gaps;
    bool changed;                       /* since it was last stored */
    struct producer *next;              /* in the list of those that changed */
};

struct producers;

MUST_USE enum result producers_new(const uint8_t seed[16], struct producers **out);
void producers_free(struct producers *ps);

/*
 * Made when it is new. RESULT_FULL: as many as a source, or all, may have are yet to be stored; RESULT_NO_MEMORY,
 * RESULT_OUT_OF_RANGE.
 */
MUST_USE enum result producers_get(struct producers *ps, struct text src, const uint8_t instance[PRODUCER_INSTANCE_LEN],
                                   uint64_t now_ms, struct producer **out);

/* It is to be stored. */
void producers_changed(struct producers *ps, struct producer *p);
/* The list of those, which is empty afterwards. */
struct producer *producers_take_changed(struct producers *ps);

/* One gap that has become due (gaps_due): true, with whose it is; p is marked as changed. */
bool producers_due(struct producers *ps, uint64_t now_ms, struct producer **p, uint64_t *n, uint64_t *count);

size_t producers_count(const struct producers *ps);

#endif
