/*
 * The log: one JSON object a line on stderr, quiet and redacted.
 *
 *     log_warn("bus.clock_skew", LOG_STR("src", name), LOG_INT("skew_ms", skew));
 *     {"ts":"2026-11-24T08:35:00.123Z","level":"warn","service":"ratelimit","instance":"ratelimit-1",
 *      "event":"bus.clock_skew","src":"backend","skew_ms":1204}
 *
 * Redaction is by type and by pattern. By type: there is no field type for a secret, and addresses and
 * Telegram ids have LOG_PII, which writes a keyed hash that is stable for one process only. By pattern: every
 * string is searched for what looks like a secret (tokens, bot tokens, JWTs, bearer and API keys, private
 * keys, card numbers, e-mail addresses; protocol.md section 8) and that part becomes [redacted:KIND].
 * Strings are cut at 512 bytes. Of one event at most 20 lines a second are written; the rest is counted and
 * told in one line when it is over, so a flood from a peer is not a flood in the log.
 */
#ifndef HLIDKA_LOG_H
#define HLIDKA_LOG_H

#include "bytes.h"
#include "result.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

enum log_field_kind { LOG_FIELD_STR, LOG_FIELD_INT, LOG_FIELD_UINT, LOG_FIELD_BOOL, LOG_FIELD_HEX, LOG_FIELD_PII };

struct log_field {
    const char *name;           /* static; NULL is "no field" */
    enum log_field_kind kind;
    struct bytes bytes;         /* STR, HEX, PII */
    int64_t sint;
    uint64_t uint;
};

#define LOG_TEXT(n, t)   ((struct log_field){ .name = (n), .kind = LOG_FIELD_STR, .bytes = text_bytes(t) })
#define LOG_STR(n, s)    LOG_TEXT(n, text_of(s))
#define LOG_INT(n, v)    ((struct log_field){ .name = (n), .kind = LOG_FIELD_INT, .sint = (v) })
#define LOG_UINT(n, v)   ((struct log_field){ .name = (n), .kind = LOG_FIELD_UINT, .uint = (v) })
#define LOG_BOOL(n, v)   ((struct log_field){ .name = (n), .kind = LOG_FIELD_BOOL, .uint = (v) })
/* Public ids only, at most 32 bytes. */
#define LOG_HEX(n, p, l) ((struct log_field){ .name = (n), .kind = LOG_FIELD_HEX, .bytes = { (p), (l) } })
#define LOG_PII(n, t)    ((struct log_field){ .name = (n), .kind = LOG_FIELD_PII, .bytes = text_bytes(t) })
#define LOG_RESULT(r)    LOG_STR("result", result_text(r))

/* Once, before the first line. service and instance are borrowed for the life of the process. */
void log_start(const char *service, const char *instance, enum log_level least);

/* Carried on every line until cleared with an empty text: the `trace` of the message being worked on. */
void log_trace(struct text trace);

bool log_enabled(enum log_level level);
/* event: static text of [a-z0-9_.], at most 64. */
void log_write(enum log_level level, const char *event, const struct log_field *fields, size_t count);

/* Once a second, by whoever has a timer: tells what was suppressed even if nothing is logged any more. */
void log_tick(void);

#define LOG_AT(level, event, ...)                                                                          \
    do {                                                                                                   \
        if (log_enabled(level)) {                                                                          \
            const struct log_field log_fields_[] = { { .name = NULL }, ##__VA_ARGS__ };                    \
            log_write(level, event, log_fields_ + 1, sizeof(log_fields_) / sizeof(log_fields_[0]) - 1);        \
        }                                                                                                  \
    } while (0)

#define log_debug(...) LOG_AT(LOG_DEBUG, __VA_ARGS__)
#define log_info(...)  LOG_AT(LOG_INFO, __VA_ARGS__)
#define log_warn(...)  LOG_AT(LOG_WARN, __VA_ARGS__)
#define log_error(...) LOG_AT(LOG_ERROR, __VA_ARGS__)

#endif
