/*
 * The fault-injection commands of hlidka-devbus: one line of text in, one line out. No I/O here.
 *
 *   down BROKER|all                  refuse connections and drop those there are
 *   up BROKER|all                    accept them again
 *   rtt BROKER|all MS                answer every request that much later
 *   leader TOPIC PARTITION BROKER|none
 *   errors API ERROR [COUNT]         fail the next COUNT (1) requests of that kind with librdkafka's ERROR,
 *                                    e.g. `errors produce NOT_LEADER_FOR_PARTITION 3`; `_TRANSPORT` drops the
 *                                    connection instead; `errors produce none` forgets what is still to come
 *   topic NAME PARTITIONS            make a topic
 *
 * Brokers count from 1.
 */
#ifndef HLIDKA_CONTROL_H
#define HLIDKA_CONTROL_H

#include <stddef.h>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

/*
 * Carry out the command in line, which is cut into words in place. Writes "ok", or "error: " and what is
 * wrong, to answer (size > 0, always terminated).
 */
void control_execute(rd_kafka_mock_cluster_t *cluster, char *line, char *answer, size_t size);

#endif
