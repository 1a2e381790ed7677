/*
 * Inside of log: how many lines of one event may be written. Time is a parameter.
 *
 * The first 20 lines of an event in a second (counted from its first line) pass, the rest is counted. The
 * count is handed out once, when the second is over. Event names are static text of ours, so they are few;
 * those that find the table full share its last row.
 */
#ifndef HLIDKA_LOG_LIMIT_H
#define HLIDKA_LOG_LIMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOG_LIMIT_ROWS 256
#define LOG_LIMIT_PER_SECOND 20

struct log_limit {
    struct log_limit_row {
        const char *event;      /* borrowed, static; NULL: free */
        uint64_t since_ns;
        uint32_t passed;
        uint64_t suppressed;
    } rows[LOG_LIMIT_ROWS];
    size_t suppressing;         /* rows with a count to tell */
};

bool log_limit_passes(struct log_limit *l, const char *event, uint64_t now_ns);

/* Takes out one count whose second is over; false when there is none. */
bool log_limit_over(struct log_limit *l, uint64_t now_ns, const char **event, uint64_t *suppressed);

#endif
