/*
 * The counts that producers give their events (`n`, PROTOCOL.md section 2): from 0 without gaps for each producing
 * instance, so that what was lost on the way is noticed. Events of one instance come over many partitions, of which one
 * may be read far ahead of another: a number may come long before a lower one, and is a gap when it has stayed away for
 * 60 s. Gaps of one time are told together, by the first number that is missing.
 *
 *     0 1 2 5      low = 3, next = 6: 3 and 4 are missing
 *     3            low = 4
 *     (60 s later) gaps_due: 4 is lost, told once; low = 6
 *     4            late after all: GAPS_NEW, nothing to tell
 *     4            GAPS_REPEATED
 *
 * Pure; of fixed size: a bit for each of the GAPS_WINDOW numbers below next. What falls out of the window unseen is told
 * as lost at once.
 */
#ifndef HLIDKA_GAPS_H
#define HLIDKA_GAPS_H

#include "buffer.h"

#define GAPS_WINDOW  (1u << 18)
#define GAPS_STAY_MS 60000
#define GAPS_MARKS   72                 /* one a second, for longer than they are waited for */
#define GAPS_LOST    16                 /* runs of lost numbers that are known as such if they come late */

struct gaps {                           /* of one instance; zeroed: nothing has come yet */
    uint64_t low;                       /* the first that is missing, or next */
    uint64_t next;                      /* above everything that has come */
    struct gaps_mark {
        uint64_t next;                  /* what next was … */
        uint64_t begin_ms, end_ms;      /* … within this second: what was missing below is missing since */
    } marks[GAPS_MARKS];
    size_t mark_count;
    struct gaps_run {
        uint64_t from, to;
    } lost[GAPS_LOST];                  /* the newest last */
    size_t lost_count;
    uint64_t overdue, overdue_n;        /* numbers that fell out of the window, and the first of them */
    uint8_t seen[GAPS_WINDOW / 8];      /* a ring: the bit of n is at n mod GAPS_WINDOW */
};

enum gaps_said { GAPS_NEW, GAPS_REPEATED };

enum gaps_said gaps_see(struct gaps *g, uint64_t n, uint64_t now_ms);

/* What has stayed away for long enough and was not told: its first number and how many they are; now it is told. */
bool gaps_due(struct gaps *g, uint64_t now_ms, uint64_t *n, uint64_t *count);

/* When there may be something due; UINT64_MAX: not before another number has come. */
uint64_t gaps_next_due_ms(const struct gaps *g);

/* How it is stored: as long as the window in use. Errors as buffer_append; RESULT_MALFORMED. */
MUST_USE enum result gaps_save(const struct gaps *g, struct buffer *out);
MUST_USE enum result gaps_load(struct bytes saved, struct gaps *out);

#endif
