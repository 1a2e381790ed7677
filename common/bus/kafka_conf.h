/*
 * The properties of our two Kafka handles. What is set here is ours to choose; `pass through` properties of the
 * environment (env.h) come last and win, on whichever of the handles knows them.
 */
#ifndef HLIDKA_KAFKA_CONF_H
#define HLIDKA_KAFKA_CONF_H

#include "buffer.h"

#include <librdkafka/rdkafka.h>

struct kafka_identity {
    const char *brokers;
    const char *instance;               /* client.id */
    const char *group;                  /* consumers only */
};

/*
 * A configuration for rd_kafka_new, with `opaque` for all callbacks and librdkafka's log lines routed to ours.
 * RESULT_BAD_CONFIG with `why` naming the property, RESULT_NO_MEMORY.
 */
MUST_USE enum result kafka_conf_new(rd_kafka_type_t type, const struct kafka_identity *who, void *opaque,
                                    rd_kafka_conf_t **out, struct buffer *why);

struct kafka_property {
    const char *name;
    const char *value;
};

/* What one handle must have whatever passes through. Errors as above. */
MUST_USE enum result kafka_conf_insist(rd_kafka_conf_t *conf, const struct kafka_property *properties, size_t count, struct buffer *why);

/* rd_kafka_new, which takes conf whatever becomes of it, with the log served by its main queue. */
MUST_USE enum result kafka_handle_new(rd_kafka_type_t type, rd_kafka_conf_t *conf, rd_kafka_t **out, struct buffer *why);

/*
 * A consumer that joins no group and assigns for itself, with what it insists on: of topics that every instance reads.
 * *queue, which wakes the loop, is destroyed before *rk. On failure what has been made is the caller's to destroy
 * (NULL: nothing). Errors as above, and RESULT_INTERNAL.
 */
MUST_USE enum result kafka_reader_new(const struct kafka_identity *who, void *opaque,
                                      void (*on_error)(rd_kafka_t *rk, int code, const char *reason, void *opaque),
                                      const struct kafka_property *properties, size_t count, rd_kafka_t **rk,
                                      rd_kafka_queue_t **queue, struct buffer *why);

#endif
