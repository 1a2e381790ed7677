#include "latencies.h"

#include <math.h>
#include <stdlib.h>

#define FIRST 4096u
#define MOST  (1u << 28)

bool latencies_add(struct latencies *l, uint64_t us)
{
    if (l->count == l->cap) {
        size_t cap = l->cap ? 2 * l->cap : FIRST;
        uint32_t *more = cap <= MOST ? realloc(l->us, cap * sizeof(more[0])) : NULL;
        if (!more)
            return false;
        l->us = more;
        l->cap = cap;
    }
    l->us[l->count++] = us < UINT32_MAX ? (uint32_t)us : UINT32_MAX;
    l->sorted = false;
    return true;
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

uint64_t latencies_quantile(struct latencies *l, double share)
{
    if (l->count == 0)
        return 0;
    if (!l->sorted) {
        qsort(l->us, l->count, sizeof(l->us[0]), compare);
        l->sorted = true;
    }
    double rank = ceil(share * (double)l->count);
    size_t index = rank < 1 ? 0 : (size_t)rank - 1;
    return l->us[index < l->count ? index : l->count - 1];
}

void latencies_free(struct latencies *l)
{
    free(l->us);
    *l = (struct latencies){ .us = NULL };
}
