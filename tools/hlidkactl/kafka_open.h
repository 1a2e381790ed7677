/* A bare librdkafka handle for the commands that need no client: topics, tail. */
#ifndef HLIDKA_KAFKA_OPEN_H
#define HLIDKA_KAFKA_OPEN_H

#include <librdkafka/rdkafka.h>

#include "settings.h"

#define KAFKA_PATIENCE_MS 10000

/* With the brokers and properties of s. RESULT_BAD_CONFIG with `why`. */
MUST_USE enum result kafka_open(const struct settings *s, rd_kafka_type_t type, rd_kafka_t **out, struct buffer *why);

/* What the cluster has, all topics or one; free with rd_kafka_metadata_destroy. RESULT_UNAVAILABLE with `why`. */
MUST_USE enum result kafka_metadata(rd_kafka_t *rk, const char *only_topic, const struct rd_kafka_metadata **out,
                                    struct buffer *why);

/* Complains in `why`; RESULT_NO_MEMORY if that cannot be, else r. */
enum result kafka_fail(enum result r, struct buffer *why, const char *what, const char *problem);

#endif
