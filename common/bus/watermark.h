/*
 * Per partition: which offsets are in flight, and up to where everything is finished. Bounded ring; pure.
 *
 *     begin 7, 8, 9; finish 8  -> committed position stays 7
 *     finish 7                 -> position 9 (the next to be read again after a crash)
 *
 * Offsets begin in rising order but may have holes (control records, compaction).
 */
#ifndef HLIDKA_WATERMARK_H
#define HLIDKA_WATERMARK_H

#include "bytes.h"
#include "result.h"

struct watermark;

/* window: the most offsets in flight, at least 1 (RESULT_OUT_OF_RANGE); one that waits for an older one counts. */
MUST_USE enum result watermark_new(size_t window, struct watermark **out);
void watermark_free(struct watermark *w);

/* RESULT_FULL at the window, RESULT_OUT_OF_RANGE when not above the last begun. */
MUST_USE enum result watermark_begin(struct watermark *w, int64_t offset);

/* RESULT_NOT_FOUND for an offset that is not in flight (a defect: assert in debug). */
MUST_USE enum result watermark_finish(struct watermark *w, int64_t offset);

/*
 * The offset to store: everything below it is finished. That is the oldest in flight, or, with nothing in flight,
 * the newest begun + 1; -1 while nothing has begun.
 */
int64_t watermark_position(const struct watermark *w);

/* Slots of the window in use: begun, and not everything up to there finished. */
size_t watermark_in_flight(const struct watermark *w);
bool watermark_full(const struct watermark *w);

#endif
