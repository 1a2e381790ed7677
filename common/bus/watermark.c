#include "watermark.h"

#include <stdlib.h>

struct slot {
    int64_t offset;
    bool finished;
};

struct watermark {
    size_t window;
    size_t head;                /* the oldest in flight */
    size_t count;               /* begun and not yet passed by the mark */
    int64_t last;               /* the newest begun; -1 before the first */
    struct slot slots[];
};

enum result watermark_new(size_t window, struct watermark **out)
{
    if (window == 0 || window > (SIZE_MAX - sizeof(struct watermark)) / sizeof(struct slot))
        return RESULT_OUT_OF_RANGE;

    struct watermark *w = calloc(1, sizeof(*w) + window * sizeof(struct slot));
    if (!w)
        return RESULT_NO_MEMORY;
    w->window = window;
    w->last = -1;
    *out = w;
    return RESULT_OK;
}

void watermark_free(struct watermark *w)
{
    free(w);
}

static struct slot *slot_at(struct watermark *w, size_t i)
{
    return &w->slots[(w->head + i) % w->window];
}

enum result watermark_begin(struct watermark *w, int64_t offset)
{
    if (w->count == w->window)
        return RESULT_FULL;
    if (offset <= w->last)
        return RESULT_OUT_OF_RANGE;

    *slot_at(w, w->count) = (struct slot){ .offset = offset };
    w->count++;
    w->last = offset;
    return RESULT_OK;
}

/* Offsets rise along the ring, so the one that is sought is found by halving. */
static struct slot *slot_of(struct watermark *w, int64_t offset)
{
    size_t low = 0, high = w->count;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        struct slot *s = slot_at(w, mid);

        if (s->offset == offset)
            return s;
        if (s->offset < offset)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

enum result watermark_finish(struct watermark *w, int64_t offset)
{
    struct slot *s = slot_of(w, offset);

    if (!s || s->finished)
        return RESULT_NOT_FOUND;
    s->finished = true;

    while (w->count > 0 && w->slots[w->head].finished) {
        w->head = (w->head + 1) % w->window;
        w->count--;
    }
    return RESULT_OK;
}

int64_t watermark_position(const struct watermark *w)
{
    if (w->count > 0)
        return w->slots[w->head].offset;
    return w->last < 0 ? -1 : w->last + 1;
}

size_t watermark_in_flight(const struct watermark *w)
{
    return w->count;
}

bool watermark_full(const struct watermark *w)
{
    return w->count == w->window;
}
