#include "log_limit.h"

#include <string.h>

#define SECOND_NS UINT64_C(1000000000)

/* FNV-1a: the names are ours, nobody can choose them to collide. */
static size_t row_of(const char *event)
{
    uint32_t hash = 2166136261u;

    for (; *event; event++)
        hash = (hash ^ (unsigned char)*event) * 16777619u;
    return hash % LOG_LIMIT_ROWS;
}

static struct log_limit_row *find(struct log_limit *l, const char *event)
{
    size_t start = row_of(event);

    for (size_t i = 0; i < LOG_LIMIT_ROWS; i++) {
        struct log_limit_row *row = &l->rows[(start + i) % LOG_LIMIT_ROWS];
        if (!row->event)
            row->event = event;
        if (row->event == event || strcmp(row->event, event) == 0)
            return row;
    }
    return &l->rows[LOG_LIMIT_ROWS - 1];
}

bool log_limit_passes(struct log_limit *l, const char *event, uint64_t now_ns)
{
    struct log_limit_row *row = find(l, event);

    if (row->suppressed == 0 && now_ns - row->since_ns >= SECOND_NS) {
        row->since_ns = now_ns;
        row->passed = 0;
    }
    if (row->passed < LOG_LIMIT_PER_SECOND) {
        row->passed++;
        return true;
    }
    l->suppressing += row->suppressed == 0;
    row->suppressed++;
    return false;
}

bool log_limit_over(struct log_limit *l, uint64_t now_ns, const char **event, uint64_t *suppressed)
{
    for (size_t i = 0; l->suppressing > 0 && i < LOG_LIMIT_ROWS; i++) {
        struct log_limit_row *row = &l->rows[i];
        if (row->suppressed == 0 || now_ns - row->since_ns < SECOND_NS)
            continue;
        *event = row->event;
        *suppressed = row->suppressed;
        row->suppressed = 0;
        row->passed = 0;
        row->since_ns = now_ns;
        l->suppressing--;
        return true;
    }
    return false;
}
