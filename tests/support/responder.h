/*
 * The other side of libhlidka's tests, in the test's own process and on its own thread: a cluster (librdkafka's mock,
 * or a real one when HLIDKA_BROKERS says where), principals with fresh keys, and a service that reads every request
 * and lets the test say what becomes of it. Nothing moves unless the test turns the loop (responder_wait).
 */
#ifndef HLIDKA_TEST_RESPONDER_H
#define HLIDKA_TEST_RESPONDER_H

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <uv.h>

#include "codec.h"
#include "codes.h"
#include "hlidka.h"
#include "seal.h"

#define RESPONDER_PARTITIONS 4

struct responder;

struct heard {                          /* a message that was sent to us, opened */
    struct envelope envelope;
    struct bytes body;
    struct bytes key;                   /* Kafka's */
    const char *topic;
};

struct responder {
    uv_loop_t loop;
    bool real;
    char brokers[256], prefix[32], directory[64], principals_path[128], key_path[128], sign_path[128];
    rd_kafka_t *host;
    rd_kafka_mock_cluster_t *mock;
    rd_kafka_t *producer, *consumer;
    rd_kafka_topic_t *topics[2];        /* that we send to */
    struct principals *principals;
    struct keyring *ratelimit, *crypto, *audit, *mallory;
    void (*hear)(struct responder *r, const struct heard *m);   /* the test's */
    void *cookie;
    unsigned heard;                     /* messages */
    struct buffer body, value;
    struct hlidka_options options;      /* for hlidka_open, as `backend` */
    struct hlidka_property properties[2];
};

struct responder *responder_new(void);
void responder_free(struct responder *r);

/* Turns the loop and the service until *flag (may be NULL) is not 0; false when it is not within ms. */
bool responder_wait(struct responder *r, const volatile unsigned *flag, uint32_t ms);

/* An honest answer: 200 with `{"text": text}`, or with that result struct, or that refusal. */
void responder_answer(struct responder *r, const struct heard *m, const char *text);
void responder_result(struct responder *r, const struct heard *m, const struct schema *of, const void *result);
void responder_refuse(struct responder *r, const struct heard *m, enum fault_code code, int64_t retry_after_ms);

/* What a liar would change of the header of an honest answer; keys and peer follow from `with`. */
struct envelope_header responder_header(const struct heard *m);
void responder_send(struct responder *r, struct keyring *with, const struct heard *m, struct envelope_header h, const char *text);
/* The same, left in r->value unsent. */
void responder_seal(struct responder *r, struct keyring *with, const struct heard *m, struct envelope_header h, const char *text);
/* Any bytes, where m wants its answer. */
void responder_send_raw(struct responder *r, const struct heard *m, struct bytes value);
void responder_produce(struct responder *r, const char *topic, int32_t partition, struct bytes value);

/* Writes principals.yaml again; `fresh`: crypto's and ratelimit's keys are new ones, first of two. */
void responder_principals(struct responder *r, bool fresh);

/* A client, ready. */
struct hlidka *responder_client(struct responder *r);
void responder_close(struct responder *r, struct hlidka *client);

#endif
