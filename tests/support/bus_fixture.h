/*
 * Everything that a test of the bus needs, in its own process and on its own thread: a cluster (librdkafka's mock, or
 * a real one when HLIDKA_BROKERS says where), topics under a prefix of the test's own, principals with fresh keys,
 * buses that serve a probe, and clients that seal by hand and so may do wrong what they like.
 *
 * Nothing runs unless the test pumps: fixture_wait turns the loop and reads what clients have got until a condition
 * holds.
 */
#ifndef HLIDKA_TEST_BUS_FIXTURE_H
#define HLIDKA_TEST_BUS_FIXTURE_H

#include "bus.h"
#include "probe.h"
#include "seal.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <uv.h>

#define FIXTURE_PARTITIONS 4
#define FIXTURE_BUSES 4
#define FIXTURE_ARRIVED 200000

struct arrived {                        /* a message that a client has read */
    int32_t partition;
    struct uuid re;                     /* of a reply */
    uint64_t status;                    /* of a reply that opens; 0: does not open */
    char code[40];
    char reason[32];                    /* of a dead letter */
    uint32_t hash;                      /* of the value */
    size_t len;
    uint8_t key[16];
    size_t key_len;
    char trace[65];
};

struct arrivals {
    struct arrived *items;
    size_t count;
};

struct fixture_client {
    struct fixture *f;
    char name[33];
    struct keyring *keyring;
    rd_kafka_t *consumer;               /* assigned to its reply topic, all partitions */
    char reply_topic[96];
    int32_t partition;                  /* where it wants its replies */
    struct arrivals replies;
};

struct fixture {
    uv_loop_t loop;
    const char *service;                /* whom the buses are */
    bool real;                          /* no mock */
    char brokers[256], prefix[32], directory[64], principals_path[128];
    rd_kafka_t *host;                   /* what the mock hangs on */
    rd_kafka_mock_cluster_t *mock;
    rd_kafka_t *producer;               /* of all clients */
    rd_kafka_t *dead_consumer;          /* reads <prefix>probe.dead and <prefix>audit.events */
    struct fixture_client backend, edge;
    struct probe *probe;
    struct bus *buses[FIXTURE_BUSES];
    struct metrics *metrics[FIXTURE_BUSES];
    bool stopping[FIXTURE_BUSES], stopped[FIXTURE_BUSES];
    struct arrivals dead, events;
    struct bus_options options;         /* for the next bus */
    void (*take_result)(const struct uuid *re, struct bytes result);    /* the test's, of each 200 that opens; or NULL */
    uint64_t now_shift_ms;
};

/* Until setup returns: cluster, topics, principals and clients. No bus yet. */
struct fixture *fixture_new(void);
/* The same with a service in place of the probe, whose routes and cookie the test puts into options. Static text. */
struct fixture *fixture_new_of(const char *service);
void fixture_free(struct fixture *f);

/* A bus at that place (0 …), ready: it has partitions. wait: until it has. */
void fixture_bus(struct fixture *f, unsigned i);
/* 0 and 1 at once: the group waits seconds for whoever joins it later. */
void fixture_two_buses(struct fixture *f);
void fixture_bus_start(struct fixture *f, unsigned i);
void fixture_bus_stop(struct fixture *f, unsigned i, uint32_t drain_ms);
/* Only begins it; fixture_bus_stop waits for the end. */
void fixture_bus_stop_begin(struct fixture *f, unsigned i, uint32_t drain_ms);
bool fixture_ready(struct fixture *f, unsigned i);

/* Turns the loop until the condition holds; false when it has not within ms. */
bool fixture_wait(struct fixture *f, bool (*holds)(struct fixture *f, void *cookie), void *cookie, uint32_t ms);
void fixture_turn(struct fixture *f);
void fixture_sleep(struct fixture *f, uint32_t ms);
uint64_t fixture_metric(struct fixture *f, unsigned bus, const char *line);

/* ---- messages ---- */

/* A header filled in for that op: a fresh id, ts now, ttl 30 s, dst probe, the client's reply address. */
struct envelope_header client_header(struct fixture_client *c, const char *op);
/* {"text": …} of a probe request. */
void probe_body(struct buffer *out, const char *text, uint64_t size);
/* Sealed with the header as it is (skid and dkid included, which client_header has set). */
void client_seal(struct fixture_client *c, const struct envelope_header *h, struct bytes body, struct buffer *value);
/* partition -1: by key. */
void client_send(struct fixture_client *c, const char *topic, int32_t partition, struct bytes key, struct bytes value);
/* All of that: an honest request; its id. */
struct uuid client_ask(struct fixture_client *c, const char *op, const char *text, int32_t partition);
void client_flush(struct fixture_client *c);

/* Replies to that id so far; the i-th of them. */
size_t client_replies(const struct fixture_client *c, const struct uuid *id);
const struct arrived *client_reply(const struct fixture_client *c, const struct uuid *id, size_t i);
/* Waits for one reply and returns it; NULL after ms. */
const struct arrived *client_await(struct fixture_client *c, const struct uuid *id, uint32_t ms);

/* Turns the loop until it is that, 10 s at most: counts and commits come when their thread has the processor. */
void fixture_expect_metric(struct fixture *f, unsigned bus, const char *line, uint64_t value);
void fixture_expect_committed(struct fixture *f, int32_t partition, int64_t offset);

/* The topic's committed offset of the probe's group in that partition; -1001 when there is none. */
int64_t fixture_committed(struct fixture *f, int32_t partition);
void fixture_commit(struct fixture *f, int32_t partition, int64_t offset);

/* "<prefix>name", in one of a few static buffers. */
const char *fixture_topic(struct fixture *f, const char *name);
/* "<prefix><service>.<kind>". */
const char *fixture_own_topic(struct fixture *f, const char *kind);
uint32_t fixture_hash(struct bytes value);

#endif
