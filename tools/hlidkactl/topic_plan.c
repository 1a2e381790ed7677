#include "topic_plan.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define MINUTE INT64_C(60000)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)
#define MIB    (INT64_C(1) << 20)

struct contract {
    const char *name;                   /* after the prefix */
    bool ordered;
    int64_t kept_ms;
    int64_t kept_bytes;                 /* per partition; 0: no bound */
};

static const struct contract FIXED[] = {
    { "auth.requests", false, HOUR, 0 },
    { "crypto.requests", false, HOUR, 0 },
    { "ratelimit.requests", false, 10 * MINUTE, 0 },
    { "audit.requests", false, HOUR, 0 },
    { "audit.events", false, 7 * DAY, 0 },
    { "audit.alerts", false, 30 * DAY, 0 },
    { "audit.checkpoints", true, 365 * DAY, 0 },
    { "auth.revocations", true, HOUR, 0 },
    { "auth.dead", false, 3 * DAY, 1024 * MIB },
    { "crypto.dead", false, 3 * DAY, 1024 * MIB },
    { "ratelimit.dead", false, 3 * DAY, 1024 * MIB },
    { "audit.dead", false, 3 * DAY, 1024 * MIB },
};
#define FIXED_COUNT (sizeof(FIXED) / sizeof(FIXED[0]))

static const struct contract REPLIES = { "replies.", false, 10 * MINUTE, 0 };

static void want_text(struct topic *t, const char *name, const char *value)
{
    struct topic_setting *s = &t->settings[t->setting_count++];

    s->name = name;
    snprintf(s->value, sizeof(s->value), "%s", value);
}

static void want_number(struct topic *t, const char *name, int64_t value)
{
    struct topic_setting *s = &t->settings[t->setting_count++];

    s->name = name;
    snprintf(s->value, sizeof(s->value), "%" PRId64, value);
}

/*
 * Kafka forgets whole segments, and never the one that is written to: with its default of a week to a segment,
 * ten minutes would be a week. A quarter of the time (a sixteenth of the bytes) to a segment keeps the promise to within that.
 */
static void want_settings(struct topic *t, const struct contract *c)
{
    want_text(t, "compression.type", "uncompressed");
    want_number(t, "max.message.bytes", 1048588);
    want_number(t, "retention.ms", c->kept_ms);
    want_number(t, "segment.ms", c->kept_ms / 4 < 7 * DAY ? c->kept_ms / 4 : 7 * DAY);
    if (c->kept_bytes) {
        want_number(t, "retention.bytes", c->kept_bytes);
        want_number(t, "segment.bytes", c->kept_bytes / 16);
    }
}

static enum result fill(struct topic *t, const struct contract *c, struct text prefix, struct text suffix, int partitions)
{
    int len = snprintf(t->name, sizeof(t->name), "%.*s%s%.*s", TEXT_ARG(prefix), c->name, TEXT_ARG(suffix));

    if (len < 0 || (size_t)len >= sizeof(t->name))
        return RESULT_TOO_LARGE;
    t->ordered = c->ordered;
    t->partitions = c->ordered ? 1 : partitions;
    want_settings(t, c);
    return RESULT_OK;
}

enum result topics_list(struct text prefix, const struct text *principals, size_t principal_count, int partitions,
                        struct topic_list *out)
{
    enum result r = RESULT_OK;

    out->count = FIXED_COUNT + principal_count;
    out->items = calloc(out->count, sizeof(out->items[0]));
    if (!out->items)
        return RESULT_NO_MEMORY;
    for (size_t i = 0; i < out->count && !r; i++) {
        if (i < FIXED_COUNT)
            r = fill(&out->items[i], &FIXED[i], prefix, TEXT(""), partitions);
        else
            r = fill(&out->items[i], &REPLIES, prefix, principals[i - FIXED_COUNT], partitions);
    }
    if (r)
        topics_free(out);
    return r;
}

void topics_free(struct topic_list *list)
{
    free(list->items);
    *list = (struct topic_list){ NULL, 0 };
}

const char *topic_wants(const struct topic *t, const char *setting)
{
    for (unsigned i = 0; i < t->setting_count; i++) {
        if (strcmp(t->settings[i].name, setting) == 0)
            return t->settings[i].value;
    }
    return NULL;
}
