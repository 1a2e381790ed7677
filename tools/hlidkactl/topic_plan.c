#include "topic_plan.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define MINUTE INT64_C(60000)
#define DAY    (24 * 60 * MINUTE)

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
static void want_settings(struct topic *t, const struct channel_info *c)
{
    int64_t kept_ms = (int64_t)c->kept_ms;

    want_text(t, "compression.type", CHANNEL_COMPRESSION);
    want_number(t, "max.message.bytes", CHANNEL_MESSAGE_BYTES_MAX);
    want_number(t, "retention.ms", kept_ms);
    want_number(t, "segment.ms", kept_ms / 4 < 7 * DAY ? kept_ms / 4 : 7 * DAY);
    if (c->kept_bytes) {
        want_number(t, "retention.bytes", (int64_t)c->kept_bytes);
        want_number(t, "segment.bytes", (int64_t)c->kept_bytes / 16);
    }
}

/* The channel's name with `name` for the part in braces, if it has one. */
static enum result add(struct topic_list *list, const struct channel_info *c, struct text prefix, struct text name, int partitions)
{
    struct topic *t = &list->items[list->count];
    size_t before = strcspn(c->name, "{");
    const char *after = strchr(c->name, '}');
    int len = snprintf(t->name, sizeof(t->name), "%.*s%.*s%.*s%s", TEXT_ARG(prefix), (int)before, c->name, TEXT_ARG(name),
                       after ? after + 1 : "");

    if (len < 0 || (size_t)len >= sizeof(t->name))
        return RESULT_TOO_LARGE;
    t->ordered = c->ordered;
    t->partitions = c->ordered ? 1 : partitions;
    want_settings(t, c);
    list->count++;
    return RESULT_OK;
}

enum result topics_list(struct text prefix, const struct text *principals, size_t principal_count, int partitions,
                        struct topic_list *out)
{
    static const struct text SERVICES[] = { TEXT("auth"), TEXT("crypto"), TEXT("ratelimit"), TEXT("audit") }, NOBODY[1];
    enum result r = RESULT_OK;

    out->count = 0;
    out->items = calloc(CHANNEL_COUNT + sizeof(SERVICES) / sizeof(SERVICES[0]) + principal_count, sizeof(out->items[0]));
    if (!out->items)
        return RESULT_NO_MEMORY;
    for (size_t c = 0; c < CHANNEL_COUNT; c++) {
        const struct text *names = c == CHANNEL_replies ? principals : c == CHANNEL_dead ? SERVICES : NOBODY;
        size_t count = c == CHANNEL_replies ? principal_count : c == CHANNEL_dead ? sizeof(SERVICES) / sizeof(SERVICES[0]) : 1;

        for (size_t i = 0; i < count && !r; i++)
            r = add(out, &channels[c], prefix, names[i], partitions);
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
