/*
 * The raw limit of a round trip: a bare librdkafka echo, a server process and a client process, no event loop, no
 * work. Both ends poll as tightly as librdkafka allows; its settings are the arguments, so that the bench can take the
 * best of several. Sealed, each message is a box (XChaCha20-Poly1305 of libsodium) that is sealed by one end and opened
 * by the other, both ways: what the contract asks of every round trip, and nothing else of it.
 *
 *     echo BROKERS IN_FLIGHT COUNT BYTES[:REPLY_BYTES] [sealed] [name=value …]     (topics are made, used and left behind)
 *
 * REPLY_BYTES: the answers' length where it is another than the questions'.
 *
 * Prints one JSON line: {"per_s":…,"p50_ms":…,"p99_ms":…}.
 */
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define REQUESTS "bench.echo.requests"
#define REPLIES  "bench.echo.replies"
#define TAG      crypto_aead_xchacha20poly1305_ietf_ABYTES

struct run {
    const char *brokers;
    unsigned in_flight, count;
    unsigned bytes, reply_bytes;                /* of a message there and back, with its tag when sealed */
    int sealed;
    char **properties;
    int property_count;
};

static void die(const char *what, const char *why)
{
    fprintf(stderr, "echo: %s: %s\n", what, why);
    exit(1);
}

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* A nonce is used again and again here: nothing is protected. */
static const uint8_t NONCE[crypto_aead_xchacha20poly1305_ietf_NPUBBYTES], KEY[crypto_aead_xchacha20poly1305_ietf_KEYBYTES];

/* In place: plain text and room for the tag become a box … */
static void seal(uint8_t *box, size_t len)
{
    crypto_aead_xchacha20poly1305_ietf_encrypt(box, NULL, box, len - TAG, NULL, 0, NULL, NONCE, KEY);
}

/* … and the other way round. */
static void open_box(uint8_t *box, size_t len)
{
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(box, NULL, NULL, box, len, NULL, 0, NONCE, KEY))
        die("open", "not authentic");
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char why[256];
    if (rd_kafka_conf_set(conf, name, value, why, sizeof(why)) != RD_KAFKA_CONF_OK)
        die(name, why);
}

static rd_kafka_t *handle(const struct run *r, rd_kafka_type_t type)
{
    static const char *const PRODUCER_ONLY[] = { "linger.ms", "max.in.flight.requests.per.connection", "enable.idempotence" };
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set(conf, "bootstrap.servers", r->brokers);
    set(conf, "socket.nagle.disable", "true");
    if (type == RD_KAFKA_CONSUMER) {
        set(conf, "group.id", "bench-echo");
        set(conf, "enable.auto.commit", "false");
        set(conf, "fetch.wait.max.ms", "100");
        set(conf, "fetch.error.backoff.ms", "10");
    }
    for (int i = 0; i < r->property_count; i++) {
        char name[128];
        const char *equals = strchr(r->properties[i], '=');
        if (!equals || (size_t)(equals - r->properties[i]) >= sizeof(name))
            die(r->properties[i], "not name=value");
        snprintf(name, sizeof(name), "%.*s", (int)(equals - r->properties[i]), r->properties[i]);
        int producers = 0;
        for (size_t k = 0; k < sizeof(PRODUCER_ONLY) / sizeof(PRODUCER_ONLY[0]); k++)
            producers |= strcmp(name, PRODUCER_ONLY[k]) == 0;
        if (type == RD_KAFKA_PRODUCER || !producers)
            set(conf, name, equals + 1);
    }
    char why[256];
    rd_kafka_t *rk = rd_kafka_new(type, conf, why, sizeof(why));
    if (!rk)
        die("rd_kafka_new", why);
    if (type == RD_KAFKA_CONSUMER)
        rd_kafka_poll_set_consumer(rk);
    return rk;
}

static void create_topics(const struct run *r)
{
    rd_kafka_t *rk = handle(r, RD_KAFKA_PRODUCER);
    char why[256];
    rd_kafka_NewTopic_t *topics[2] = { rd_kafka_NewTopic_new(REQUESTS, 1, 1, why, sizeof(why)), rd_kafka_NewTopic_new(REPLIES, 1, 1, why, sizeof(why)) };
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_CreateTopics(rk, topics, 2, NULL, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, 15000);
    if (!event || rd_kafka_event_error(event))
        die("create topics", event ? rd_kafka_event_error_string(event) : "no answer");
    rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
    rd_kafka_NewTopic_destroy_array(topics, 2);
    rd_kafka_destroy(rk);
}

static rd_kafka_t *consume_from_end(const struct run *r, const char *topic)
{
    rd_kafka_t *rk = handle(r, RD_KAFKA_CONSUMER);
    int64_t low, high;
    rd_kafka_resp_err_t err;
    /* A topic just made has no leader yet. */
    for (int tries = 0; (err = rd_kafka_query_watermark_offsets(rk, topic, 0, &low, &high, 15000)) && tries < 100; tries++)
        usleep(100000);
    if (err)
        die(topic, rd_kafka_err2str(err));
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, 0)->offset = high;
    if ((err = rd_kafka_assign(rk, list)))
        die(topic, rd_kafka_err2str(err));
    rd_kafka_topic_partition_list_destroy(list);
    return rk;
}

static void deliver(rd_kafka_t *producer, const char *topic, const void *value, size_t len)
{
    rd_kafka_resp_err_t err;
    while ((err = rd_kafka_producev(producer, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(0), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                                    RD_KAFKA_V_VALUE((void *)(uintptr_t)value, len), RD_KAFKA_V_END)) == RD_KAFKA_RESP_ERR__QUEUE_FULL)
        rd_kafka_poll(producer, 10);
    if (err)
        die("produce", rd_kafka_err2str(err));
    rd_kafka_poll(producer, 0);
}

static _Noreturn void serve(const struct run *r, int ready)
{
    rd_kafka_t *consumer = consume_from_end(r, REQUESTS), *producer = handle(r, RD_KAFKA_PRODUCER);
    uint8_t *value = calloc(1, r->reply_bytes);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (!value)
        die("calloc", "out of memory");
    if (write(ready, "r", 1) != 1)
        die("server", "nobody waits for it");
    for (;;) {
        rd_kafka_message_t *m = rd_kafka_consumer_poll(consumer, 100);
        if (m && !m->err && m->len == r->bytes) {
            uint8_t *answer = r->reply_bytes == r->bytes ? m->payload : value;
            if (r->sealed)
                open_box(m->payload, m->len);
            if (answer == value)
                memcpy(value, m->payload, sizeof(uint64_t));    /* when it was asked */
            if (r->sealed)
                seal(answer, r->reply_bytes);
            deliver(producer, REPLIES, answer, r->reply_bytes);
        }
        if (m)
            rd_kafka_message_destroy(m);
        rd_kafka_poll(producer, 0);
    }
}

static int by_size(const void *a, const void *b)
{
    uint64_t x, y;
    memcpy(&x, a, sizeof(x));
    memcpy(&y, b, sizeof(y));
    return (x > y) - (x < y);
}

/* Sends `count` messages with at most in_flight unanswered; returns the wall time and fills the latencies. */
static uint64_t drive(const struct run *r, rd_kafka_t *consumer, rd_kafka_t *producer, unsigned count, uint64_t *took)
{
    uint8_t *value = calloc(1, r->bytes);
    unsigned sent = 0, got = 0;
    if (!value)
        die("calloc", "out of memory");
    uint64_t begun = now_ns(), give_up = begun + 60 * UINT64_C(1000000000);
    while (got < count) {
        for (; sent < count && sent - got < r->in_flight; sent++) {
            uint64_t at = now_ns();
            memcpy(value, &at, sizeof(at));
            if (r->sealed)
                seal(value, r->bytes);
            deliver(producer, REQUESTS, value, r->bytes);
        }
        rd_kafka_message_t *m = rd_kafka_consumer_poll(consumer, 100);
        rd_kafka_poll(producer, 0);
        uint64_t at, now = now_ns();
        if (now > give_up)
            die("drive", "not finished in 60 s");
        if (m && !m->err && m->len == r->reply_bytes) {
            if (r->sealed)
                open_box(m->payload, m->len);
            memcpy(&at, m->payload, sizeof(at));
            took[got++] = now - at;
        }
        if (m)
            rd_kafka_message_destroy(m);
    }
    free(value);
    return now_ns() - begun;
}

int main(int argc, char **argv)
{
    if (argc < 5)
        die("usage", "echo BROKERS IN_FLIGHT COUNT BYTES[:REPLY_BYTES] [sealed] [name=value …]");
    const char *colon = strchr(argv[4], ':');
    int sealed = argc > 5 && strcmp(argv[5], "sealed") == 0, first = 5 + sealed;
    struct run r = { .brokers = argv[1], .in_flight = (unsigned)strtoul(argv[2], NULL, 10), .count = (unsigned)strtoul(argv[3], NULL, 10),
                     .bytes = (unsigned)strtoul(argv[4], NULL, 10),
                     .reply_bytes = (unsigned)strtoul(colon ? colon + 1 : argv[4], NULL, 10),
                     .sealed = sealed, .properties = argv + first, .property_count = argc - first };
    if (r.in_flight == 0 || r.count == 0 || r.bytes < sizeof(uint64_t) + TAG || r.reply_bytes < sizeof(uint64_t) + TAG)
        die("usage", "IN_FLIGHT and COUNT at least 1, BYTES at least 24");
    create_topics(&r);
    int ready[2];
    if (pipe(ready))
        die("pipe", "failed");
    pid_t server = fork();
    if (server == 0)
        serve(&r, ready[1]);
    char go;
    close(ready[1]);
    if (server < 0 || read(ready[0], &go, 1) != 1)
        die("server", "did not start");
    rd_kafka_t *consumer = consume_from_end(&r, REPLIES), *producer = handle(&r, RD_KAFKA_PRODUCER);
    uint64_t *took = calloc(r.count, sizeof(*took));
    if (!took)
        die("calloc", "out of memory");
    unsigned warm = r.count / 10 + 1;
    drive(&r, consumer, producer, warm > r.count ? r.count : warm, took);
    uint64_t ns = drive(&r, consumer, producer, r.count, took);
    qsort(took, r.count, sizeof(*took), by_size);
    printf("{\"per_s\":%.0f,\"p50_ms\":%.3f,\"p99_ms\":%.3f}\n", r.count * 1e9 / (double)ns, (double)took[r.count / 2] / 1e6,
           (double)took[(size_t)r.count * 99 / 100] / 1e6);
    fflush(stdout);
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    _exit(0);       /* no clean-up: the figures are out */
}
