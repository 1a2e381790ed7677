#include "parts.h"

unsigned part_faults(uint64_t size, struct part p)
{
    unsigned faults = PART_SOUND;

    if (p.offset % PART_UNIT != 0)
        faults |= PART_OFFSET_BROKEN;
    if (p.offset >= size)
        return faults | PART_OFFSET_BEYOND;
    if (p.length > size - p.offset)
        return faults | PART_LENGTH_BEYOND;
    if (p.length % PART_UNIT != 0 && p.length != size - p.offset)
        faults |= PART_LENGTH_BROKEN;
    return faults;
}

enum part_place part_place(struct part p, struct part there)
{
    if (p.offset == there.offset && p.length == there.length)
        return PART_SAME;
    return part_common(p, there).length > 0 ? PART_OVERLAPS : PART_FREE;
}

struct part part_common(struct part p, struct part there)
{
    uint64_t from = p.offset > there.offset ? p.offset : there.offset;
    uint64_t p_end = p.length > UINT64_MAX - p.offset ? UINT64_MAX : p.offset + p.length;
    uint64_t end = there.offset + there.length;

    if (p_end < end)
        end = p_end;
    return (struct part){ from, end > from ? end - from : 0 };
}
