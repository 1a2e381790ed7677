/*
 * Inside of log: one line of JSON in a fixed buffer. A field that does not fit is left out whole and the line
 * says `"cut":true`; a line is always one valid object, and never longer than a pipe takes in one piece.
 */
#ifndef HLIDKA_LOG_LINE_H
#define HLIDKA_LOG_LINE_H

#include "bytes.h"

#include <limits.h>

#define LOG_LINE_MAX PIPE_BUF

struct log_line {
    char data[LOG_LINE_MAX];
    size_t len;
    bool over;                  /* the field being written did not fit */
    bool cut;                   /* some field did not */
};

void log_line_begin(struct log_line *l);

/* name is ours. The text may be anything: what is not UTF-8 becomes U+FFFD. */
void log_line_text(struct log_line *l, const char *name, struct text value);
void log_line_null(struct log_line *l, const char *name);
void log_line_int(struct log_line *l, const char *name, int64_t value);
void log_line_uint(struct log_line *l, const char *name, uint64_t value);
void log_line_bool(struct log_line *l, const char *name, bool value);
void log_line_hex(struct log_line *l, const char *name, struct bytes value);

/* Closes the object and ends the line. */
void log_line_end(struct log_line *l);

#endif
