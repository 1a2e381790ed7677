/*
 * A message of the bus as one line of JSON. What can be opened with the keys at hand is; what cannot is shown from the
 * outside: on this bus the header is in clear and the body is not.
 */
#ifndef HLIDKA_TAIL_VIEW_H
#define HLIDKA_TAIL_VIEW_H

#include <jansson.h>
#include <librdkafka/rdkafka.h>

#include "principals.h"
#include "seal.h"
#include "settings.h"

#define TAIL_TOPIC_MAX 250u

struct tail_view {
    struct text self;
    const char *prefix;
    struct principals *principals;      /* NULL: nothing is known, only shown */
    struct keyring *keyring;            /* NULL: nothing can be opened */
    struct buffer body;                 /* scratch */
};

/* Keys and principals are used where there are any. RESULT_BAD_CONFIG, RESULT_DENIED with `why` when they are bad. */
MUST_USE enum result tail_view_open(struct tail_view *v, const struct settings *s, struct buffer *why);
void tail_view_close(struct tail_view *v);

/* The message as JSON, for the topic's name; the caller decrefs. NULL without memory. */
json_t *tail_view_json(struct tail_view *v, const char *topic, struct bytes value);

/* A line on stdout. False when it could not be written. */
bool tail_view_print(struct tail_view *v, const rd_kafka_message_t *m);

#endif
