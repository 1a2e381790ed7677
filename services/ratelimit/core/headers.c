#include "headers.h"

#include <stdarg.h>
#include <stdio.h>

static uint64_t seconds_up(uint64_t ms)
{
    return (ms + 999) / 1000;
}

/* Appends to a field of HEADER_MAX, as long as it fits. */
static void put(char *field, size_t *len, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void put(char *field, size_t *len, const char *format, ...)
{
    size_t room = *len < HEADER_MAX ? HEADER_MAX - *len : 0;
    va_list args;

    va_start(args, format);
    int n = vsnprintf(room ? field + *len : NULL, room, format, args);
    va_end(args);
    *len += n > 0 ? (size_t)n : 0;
}

enum result headers_format(const struct judgement *j, struct headers *out)
{
    bool later = !j->allowed && j->retry_ms > 0 && j->retry_ms < RETRY_NEVER_MS;
    uint64_t wait = seconds_up(j->retry_ms);
    size_t policy = 0, limit = 0;

    out->policy[0] = out->limit[0] = out->retry_after[0] = '\0';
    for (size_t i = 0; i < j->count; i++) {
        const struct row *row = &j->rows[i];
        const char *comma = policy ? ", " : "";
        uint64_t t = seconds_up(row->reset_ms);

        if (row->shadow)
            continue;
        put(out->policy, &policy, "%s\"%.*s\";q=%llu", comma, TEXT_ARG(row->policy), (unsigned long long)row->capacity);
        if (row->window_ms >= 1000)
            put(out->policy, &policy, ";w=%llu", (unsigned long long)(row->window_ms / 1000));
        put(out->limit, &limit, "%s\"%.*s\";r=%llu;t=%llu", comma, TEXT_ARG(row->policy),
            (unsigned long long)row->remaining, (unsigned long long)(later && wait < t ? wait : t));
    }
    if (later)
        (void)snprintf(out->retry_after, sizeof(out->retry_after), "%llu", (unsigned long long)wait);
    return policy < HEADER_MAX && limit < HEADER_MAX ? RESULT_OK : RESULT_TOO_LARGE;
}
