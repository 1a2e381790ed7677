/* Whether topics are set as the contract asks (protocol.md section 1). Blocks: for the thread pool. */
#ifndef HLIDKA_TOPIC_SETTINGS_H
#define HLIDKA_TOPIC_SETTINGS_H

#include <librdkafka/rdkafka.h>
#include <stddef.h>

/*
 * Writes for each topic what is otherwise than it must be, or "". An error (the broker does not tell such things, or
 * not us) leaves all of them "".
 */
rd_kafka_resp_err_t topic_settings(rd_kafka_t *rk, const char *const *topics, size_t count, int timeout_ms, char wrong[][128]);

#endif
