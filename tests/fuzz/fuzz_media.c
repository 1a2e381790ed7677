/* A recording's first bytes, and where its parts lie: nothing that is read beyond its end, no sum that wraps. */
#include "media.h"
#include "parts.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void containers(struct bytes first)
{
    unsigned claimed = 0;

    for (unsigned m = MEDIA_OGG; m <= MEDIA_WEBM; m++)
        claimed += media_matches((enum media)m, first);
    /* `ftyp` at 4 may come after another's mark; no others share their bytes. */
    if (claimed > 2)
        abort();
}

static void places(struct bytes in)
{
    if (in.len < 32)
        return;
    struct part p = { bytes_get_u64(in.data), bytes_get_u64(in.data + 8) };
    uint64_t length = bytes_get_u64(in.data + 16), size = bytes_get_u64(in.data + 24);
    struct part there = { 0, length % RECORDING_MAX + 1 }, common = part_common(p, there);

    if (common.length > 0 && (common.offset + common.length > there.length || common.offset < p.offset || common.length > p.length))
        abort();
    if (p.length > 0 && part_faults(size, p) == PART_SOUND && (p.offset >= size || p.length > size - p.offset))
        abort();
    if ((part_place(p, there) == PART_FREE) != (common.length == 0))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes in = { data, size };
    enum media m;

    containers(in);
    places(in);
    if (!media_of((struct text){ (const char *)data, size }, &m) && size > 10)
        abort();
    return 0;
}
