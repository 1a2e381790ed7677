/* One message of the feed into the batch being filled. */
#ifndef HLIDKA_FEED_TAKE_H
#define HLIDKA_FEED_TAKE_H

#include <librdkafka/rdkafka.h>

struct bus;

/* Takes m. There is room for one more item. */
void feed_take(struct bus *b, rd_kafka_message_t *m);

/* Gives back the messages of both batches: before the consumer goes. */
void feed_drop_messages(struct bus *b);

/* The feed ends; its listener is told from the loop. */
void feed_break(struct bus *b, const char *why);

#endif
