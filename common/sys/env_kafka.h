/* Inside of env: which names pass through to librdkafka. An entry is "NAME=value" as in environ. */
#ifndef HLIDKA_ENV_KAFKA_H
#define HLIDKA_ENV_KAFKA_H

#include <stdbool.h>

bool env_kafka_is_property(const char *entry);

/* A password or key as a value instead of as a file. */
bool env_kafka_is_bare_secret(const char *entry);

#endif
