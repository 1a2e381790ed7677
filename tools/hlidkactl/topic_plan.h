/*
 * The topics of the wire (PROTOCOL.md, section 1): their names, partitions and settings, as a list for a given
 * set of principals. Pure: topic_admin.h brings a cluster into agreement with it.
 */
#ifndef HLIDKA_TOPICS_H
#define HLIDKA_TOPICS_H

#include "channels.h"
#include "result.h"

#define TOPIC_NAME_MAX 249u             /* Kafka's own bound */
#define TOPIC_SETTINGS_MAX 6u

struct topic_setting {
    const char *name;                   /* Kafka's spelling */
    char value[24];
};

struct topic {
    char name[TOPIC_NAME_MAX + 1];
    int partitions;
    bool ordered;                       /* has one partition, and must not have more */
    struct topic_setting settings[TOPIC_SETTINGS_MAX];
    unsigned setting_count;
};

struct topic_list {
    struct topic *items;                /* owned */
    size_t count;
};

/* principals: names, one reply topic each. RESULT_TOO_LARGE (a name over Kafka's bound), RESULT_NO_MEMORY. */
MUST_USE enum result topics_list(struct text prefix, const struct text *principals, size_t principal_count,
                                 int partitions, struct topic_list *out);
void topics_free(struct topic_list *list);

/* What the topic wants that setting to be, or NULL when it does not care. */
const char *topic_wants(const struct topic *t, const char *setting);

#endif
