#include "log_line.h"

#include "utf8.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define TAIL ",\"cut\":true}\n"
#define ROOM (LOG_LINE_MAX - (sizeof(TAIL) - 1))    /* the end always fits */

static void put(struct log_line *l, const char *data, size_t len)
{
    if (l->over || len > ROOM - l->len) {
        l->over = true;
        return;
    }
    memcpy(l->data + l->len, data, len);
    l->len += len;
}

__attribute__((format(printf, 2, 3)))
static void put_format(struct log_line *l, const char *format, ...)
{
    char piece[96];
    va_list args;

    va_start(args, format);
    int len = vsnprintf(piece, sizeof(piece), format, args);
    va_end(args);
    if (len < 0 || (size_t)len >= sizeof(piece))
        l->over = true;
    else
        put(l, piece, (size_t)len);
}

/* One character of the text, escaped; returns how many bytes of it were taken. */
static size_t put_character(struct log_line *l, struct text rest)
{
    unsigned char c = (unsigned char)rest.data[0];

    if (c == '"' || c == '\\') {
        put(l, (const char[]){ '\\', (char)c }, 2);
        return 1;
    }
    if (c < 0x20 || c == 0x7f) {
        put_format(l, "\\u%04x", c);
        return 1;
    }
    if (c < 0x80) {
        put(l, rest.data, 1);
        return 1;
    }
    for (size_t len = 2; len <= 4 && len <= rest.len; len++) {
        if (utf8_valid((struct text){ rest.data, len })) {
            put(l, rest.data, len);
            return len;
        }
    }
    put(l, "\\ufffd", 6);
    return 1;
}

static void put_string(struct log_line *l, struct text t)
{
    put(l, "\"", 1);
    for (size_t i = 0; i < t.len && !l->over;)
        i += put_character(l, (struct text){ t.data + i, t.len - i });
    put(l, "\"", 1);
}

static size_t begin_field(struct log_line *l, const char *name)
{
    size_t before = l->len;

    if (l->len > 1)
        put(l, ",", 1);
    put_string(l, text_of(name));
    put(l, ":", 1);
    return before;
}

static void end_field(struct log_line *l, size_t before)
{
    if (!l->over)
        return;
    l->len = before;
    l->over = false;
    l->cut = true;
}

void log_line_begin(struct log_line *l)
{
    l->len = 0;
    l->over = l->cut = false;
    put(l, "{", 1);
}

void log_line_text(struct log_line *l, const char *name, struct text value)
{
    size_t before = begin_field(l, name);

    put_string(l, value);
    end_field(l, before);
}

void log_line_null(struct log_line *l, const char *name)
{
    size_t before = begin_field(l, name);

    put(l, "null", 4);
    end_field(l, before);
}

void log_line_int(struct log_line *l, const char *name, int64_t value)
{
    size_t before = begin_field(l, name);

    put_format(l, "%" PRId64, value);
    end_field(l, before);
}

void log_line_uint(struct log_line *l, const char *name, uint64_t value)
{
    size_t before = begin_field(l, name);

    put_format(l, "%" PRIu64, value);
    end_field(l, before);
}

void log_line_bool(struct log_line *l, const char *name, bool value)
{
    size_t before = begin_field(l, name);

    put_format(l, "%s", value ? "true" : "false");
    end_field(l, before);
}

void log_line_hex(struct log_line *l, const char *name, struct bytes value)
{
    size_t before = begin_field(l, name);

    put(l, "\"", 1);
    for (size_t i = 0; i < value.len; i++)
        put_format(l, "%02x", value.data[i]);
    put(l, "\"", 1);
    end_field(l, before);
}

void log_line_end(struct log_line *l)
{
    const char *tail = l->cut ? TAIL : "}\n";

    memcpy(l->data + l->len, tail, strlen(tail));
    l->len += strlen(tail);
}
