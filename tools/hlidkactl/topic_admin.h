/*
 * Brings a cluster into agreement with a list of topics: makes what is missing, corrects settings that differ,
 * and never touches what it was not asked about. Doing it again changes nothing.
 */
#ifndef HLIDKA_TOPIC_ADMIN_H
#define HLIDKA_TOPIC_ADMIN_H

#include <librdkafka/rdkafka.h>

#include "buffer.h"
#include "topic_plan.h"

enum topic_outcome {
    TOPIC_OK,                   /* was as it should be */
    TOPIC_CREATED,
    TOPIC_CHANGED,              /* detail: which settings */
    TOPIC_WRONG,                /* detail: what cannot be corrected from here, or what the brokers said */
};

struct topic_report {
    enum topic_outcome outcome;
    char detail[256];
};

/*
 * Blocks, for seconds at most. replication: copies of a new topic, -1 for the brokers' default. reports has one
 * for each topic. RESULT_UNAVAILABLE when the brokers cannot be reached or know no such request, RESULT_NO_MEMORY,
 * with `why`; a single topic's failure is in its report.
 */
MUST_USE enum result topic_admin_apply(rd_kafka_t *rk, const struct topic_list *list, int replication,
                                       struct topic_report *reports, struct buffer *why);

#endif
