/*
 * Which bytes of a recording a part may be, and what it is to those that are there. Offsets are multiples of 16 KiB, and so
 * is a part's length unless it ends the recording, so that parts meet at chunk borders and never in one.
 */
#ifndef HLIDKA_PARTS_H
#define HLIDKA_PARTS_H

#include "bytes.h"

#define PART_UNIT 16384
#define RECORDING_MAX (10 * 1024 * 1024)

struct part {
    uint64_t offset;
    uint64_t length;
};

/* What is wrong with a part of a recording of that size, whatever else there is. */
enum part_fault {
    PART_SOUND = 0,
    PART_OFFSET_BROKEN = 1,             /* no multiple of PART_UNIT */
    PART_OFFSET_BEYOND = 2,             /* at or past the end */
    PART_LENGTH_BROKEN = 4,             /* no multiple of PART_UNIT, and not at the end */
    PART_LENGTH_BEYOND = 8,             /* reaches past the end */
};

/* All faults, together. length > 0. Any numbers. */
unsigned part_faults(uint64_t size, struct part p);

enum part_place { PART_FREE, PART_SAME, PART_OVERLAPS };

/* What p is to one that is there: the very same range, a range that shares a byte with it, or neither. */
enum part_place part_place(struct part p, struct part there);

/* The range of the recording [offset, offset + length) as far as it lies within `there`; length 0: not at all. */
struct part part_common(struct part p, struct part there);

#endif
