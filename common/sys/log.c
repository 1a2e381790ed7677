#include "log.h"

#include "buffer.h"
#include "clock.h"
#include "entropy.h"
#include "log_limit.h"
#include "log_line.h"
#include "redact.h"
#include "utf8.h"

#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define VALUE_MAX 512           /* bytes of a string that are shown */
#define SEARCHED_MAX 8192       /* bytes of it that are looked at */
#define HEX_MAX 32
#define PII_HASH_LEN 8
#define TRACE_MAX 64

static const char *const LEVEL_NAMES[] = { "debug", "info", "warn", "error" };

/* One log a process, as there is one stderr. Thread pool and loop both write: the lock guards all of it. */
static struct {
    pthread_mutex_t lock;
    const char *service;
    const char *instance;
    enum log_level least;
    char trace[TRACE_MAX];
    size_t trace_len;
    bool keyed;
    uint8_t pii_key[crypto_generichash_KEYBYTES];
    struct log_limit limit;
    struct buffer scratch;      /* a string without its secrets; its memory is kept */
} the_log = {
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .service = "-",
    .instance = "-",
    .least = LOG_INFO,
    .scratch = { .limit = 4 * SEARCHED_MAX },
};

void log_start(const char *service, const char *instance, enum log_level least)
{
    pthread_mutex_lock(&the_log.lock);
    the_log.service = service;
    the_log.instance = instance;
    the_log.least = least;
    pthread_mutex_unlock(&the_log.lock);
}

/* A trace is [0-9a-f-] by the contract; anything else is not repeated. */
static bool is_trace(struct text t)
{
    for (size_t i = 0; i < t.len; i++) {
        char c = t.data[i];
        if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f') && c != '-')
            return false;
    }
    return t.len <= TRACE_MAX;
}

void log_trace(struct text trace)
{
    pthread_mutex_lock(&the_log.lock);
    the_log.trace_len = is_trace(trace) ? trace.len : 0;
    if (the_log.trace_len > 0)
        memcpy(the_log.trace, trace.data, the_log.trace_len);
    pthread_mutex_unlock(&the_log.lock);
}

bool log_enabled(enum log_level level)
{
    return level >= the_log.least;
}

/* At most max bytes, and no half character at the end. */
static struct text cut(struct text t, size_t max)
{
    if (t.len <= max)
        return t;
    while (max > 0 && ((unsigned char)t.data[max] & 0xc0) == 0x80)
        max--;
    return (struct text){ t.data, max };
}

/* Searched before it is cut, or half a token would pass for none. */
static void put_redacted(struct log_line *line, const char *name, struct text value)
{
    buffer_reset(&the_log.scratch);
    if (redact_text(cut(value, SEARCHED_MAX), &the_log.scratch)) {
        log_line_text(line, name, TEXT("[not shown: no memory to search it for secrets]"));
        return;
    }
    struct text clean = { (const char *)the_log.scratch.data, the_log.scratch.len };
    log_line_text(line, name, cut(clean, VALUE_MAX));
}

/* Stable within the process, so that lines can be told to concern the same person; of no use outside it. */
static void put_pii(struct log_line *line, const char *name, struct bytes value)
{
    uint8_t hash[crypto_generichash_BYTES_MIN];

    if (!the_log.keyed) {
        entropy_fill(the_log.pii_key, sizeof(the_log.pii_key));
        the_log.keyed = true;
    }
    crypto_generichash(hash, sizeof(hash), value.data, value.len, the_log.pii_key, sizeof(the_log.pii_key));
    log_line_hex(line, name, (struct bytes){ hash, PII_HASH_LEN });
}

static void put_field(struct log_line *line, const struct log_field *f)
{
    struct text text = { (const char *)f->bytes.data, f->bytes.len };
    bool borrowed = f->kind == LOG_FIELD_STR || f->kind == LOG_FIELD_HEX || f->kind == LOG_FIELD_PII;

    if (borrowed && !f->bytes.data) {
        log_line_null(line, f->name);
        return;
    }
    switch (f->kind) {
    case LOG_FIELD_STR:
        put_redacted(line, f->name, text);
        return;
    case LOG_FIELD_INT:
        log_line_int(line, f->name, f->sint);
        return;
    case LOG_FIELD_UINT:
        log_line_uint(line, f->name, f->uint);
        return;
    case LOG_FIELD_BOOL:
        log_line_bool(line, f->name, f->uint != 0);
        return;
    case LOG_FIELD_HEX:
        log_line_hex(line, f->name, (struct bytes){ f->bytes.data, f->bytes.len < HEX_MAX ? f->bytes.len : HEX_MAX });
        return;
    case LOG_FIELD_PII:
        put_pii(line, f->name, f->bytes);
        return;
    }
}

static void put_time(struct log_line *line)
{
    char text[40];
    struct tm tm;
    uint64_t now_ms = clock_unix_ms();
    time_t seconds = (time_t)(now_ms / 1000);

    gmtime_r(&seconds, &tm);
    size_t len = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(text + len, sizeof(text) - len, ".%03uZ", (unsigned)(now_ms % 1000));
    log_line_text(line, "ts", text_of(text));
}

/* One write for one line. There is nobody to tell when stderr does not take it. */
static void write_line(const struct log_line *line)
{
    ssize_t n;

    do
        n = write(STDERR_FILENO, line->data, line->len);
    while (n < 0 && errno == EINTR);
}

static void write_event(enum log_level level, const char *event, const struct log_field *fields, size_t count)
{
    struct log_line line;

    log_line_begin(&line);
    put_time(&line);
    log_line_text(&line, "level", text_of(LEVEL_NAMES[level]));
    log_line_text(&line, "service", text_of(the_log.service));
    log_line_text(&line, "instance", text_of(the_log.instance));
    log_line_text(&line, "event", text_of(event));
    if (the_log.trace_len > 0)
        log_line_text(&line, "trace", (struct text){ the_log.trace, the_log.trace_len });
    for (size_t i = 0; i < count; i++) {
        if (fields[i].name)
            put_field(&line, &fields[i]);
    }
    log_line_end(&line);
    write_line(&line);
}

static void tell_suppressed(uint64_t now_ns)
{
    const char *event;
    uint64_t suppressed;

    while (log_limit_over(&the_log.limit, now_ns, &event, &suppressed)) {
        const struct log_field fields[] = { LOG_STR("of", event), LOG_UINT("lines", suppressed) };
        write_event(LOG_WARN, "log.suppressed", fields, 2);
    }
}

void log_write(enum log_level level, const char *event, const struct log_field *fields, size_t count)
{
    uint64_t now_ns = clock_boot_ns();
    int error = errno;

    pthread_mutex_lock(&the_log.lock);
    tell_suppressed(now_ns);
    if (log_limit_passes(&the_log.limit, event, now_ns))
        write_event(level, event, fields, count);
    pthread_mutex_unlock(&the_log.lock);
    errno = error;
}

void log_tick(void)
{
    pthread_mutex_lock(&the_log.lock);
    tell_suppressed(clock_boot_ns());
    pthread_mutex_unlock(&the_log.lock);
}
