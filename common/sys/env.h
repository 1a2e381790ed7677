/*
 * Settings from the environment. A program states all its HLIDKA_* names in one table; env_load fills a
 * struct from it and refuses what it does not know, naming the culprit (and the nearest known name). A name
 * that ends in _FILE is a path; secrets come only so.
 *
 *     static const struct env_setting SETTINGS[] = {
 *         { "HLIDKA_BROKERS", ENV_TEXT, offsetof(struct settings, brokers), .required = true,
 *           .help = "host:port list of the Kafka brokers" },
 *         { "HLIDKA_WINDOW", ENV_UINT, offsetof(struct settings, window), .fallback = "256", .min = 1, .max = 10000,
 *           .help = "messages in flight per partition" },
 *     };
 */
#ifndef HLIDKA_ENV_H
#define HLIDKA_ENV_H

#include "buffer.h"

enum env_kind {
    ENV_TEXT,                   /* const char *, borrowed from the environment, not empty */
    ENV_UINT,                   /* uint64_t within min … max */
    ENV_BOOL,                   /* bool: true/false/1/0 */
    ENV_CHOICE,                 /* const char *, one of choices */
};

struct env_setting {
    const char *name;
    enum env_kind kind;
    size_t offset;
    bool required;
    const char *fallback;       /* NULL: stays as it was */
    uint64_t min, max;          /* ENV_UINT; bytes of ENV_TEXT where max > 0 */
    const char *const *choices; /* ENV_CHOICE, NULL-terminated */
    const char *help;
};

/* Properties that pass through to librdkafka: HLIDKA_KAFKA_FETCH_WAIT_MAX_MS=1 is fetch.wait.max.ms=1. */
#define ENV_KAFKA_PREFIX "HLIDKA_KAFKA_"

/*
 * Fills `out`. RESULT_BAD_CONFIG with every mistake in `why`, a line each: an unknown HLIDKA_* name, a missing
 * required one, a value out of range. Names under ENV_KAFKA_PREFIX are left to env_kafka.
 */
MUST_USE enum result env_load(const struct env_setting *settings, size_t count, void *out, struct buffer *why);

/* Calls back with each pass-through property, its name in librdkafka's spelling. Stops at the first failure. */
MUST_USE enum result env_kafka(enum result (*property)(void *cookie, const char *name, const char *value), void *cookie);

/* What --help prints: a line per setting. */
MUST_USE enum result env_describe(const struct env_setting *settings, size_t count, struct buffer *out);

#endif
