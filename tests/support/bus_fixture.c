#include "bus_fixture.h"

#include "clock.h"
#include "entropy.h"
#include "log.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define EXPECTED_MS 10000

#define must(condition) cr_assert(condition, "%s", #condition)

/* ---- keys and principals ---- */

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    must(file);
    must(fputs(text, file) >= 0 && fclose(file) == 0);
    must(chmod(path, 0600) == 0);
}

static void base64(const uint8_t raw[32], char out[48])
{
    sodium_bin2base64(out, 48, raw, 32, sodium_base64_VARIANT_ORIGINAL);
}

/* %s: the service. */
static const struct {
    const char *name, *may;
} PRINCIPALS[] = {
    { "%s", "event:%s.*\", \"event:bus.*\", \"event:config.*" },
    { "backend", "%s.*\", \"event:app.*" },
    { "edge", "%s.echo" },
    { "audit", "%s.none" },
};

static const char *of_service(const struct fixture *f, const char *form)
{
    static char texts[8][96];
    static unsigned next;
    const char *at = strstr(form, "%s");
    char *out = texts[next++ % 8];

    snprintf(out, sizeof(texts[0]), "%.*s%s%s", (int)(at ? at - form : 0), form, at ? f->service : "", at ? at + 2 : form);
    return out;
}

static void make_principals(struct fixture *f)
{
    char yaml[4096] = "principals:\n", path[128], text[64];
    uint8_t secret[32], public_key[32];

    for (size_t i = 0; i < sizeof(PRINCIPALS) / sizeof(PRINCIPALS[0]); i++) {
        const char *name = of_service(f, PRINCIPALS[i].name);

        entropy_fill(secret, sizeof(secret));
        crypto_scalarmult_base(public_key, secret);
        base64(secret, text);
        snprintf(path, sizeof(path), "%s/%s.key", f->directory, name);
        write_file(path, text);
        base64(public_key, text);
        size_t used = strlen(yaml);
        snprintf(yaml + used, sizeof(yaml) - used, "  %s: { keys: [\"%s\"], may: [\"%s\"] }\n", name, text,
                 of_service(f, PRINCIPALS[i].may));
    }
    snprintf(f->principals_path, sizeof(f->principals_path), "%s/principals.yaml", f->directory);
    write_file(f->principals_path, yaml);
}

/* ---- the cluster ---- */

static rd_kafka_t *handle(struct fixture *f, rd_kafka_type_t type, const char *const *properties)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char error[256];

    must(rd_kafka_conf_set(conf, "log_level", "2", error, sizeof(error)) == RD_KAFKA_CONF_OK);
    if (f->brokers[0])
        must(rd_kafka_conf_set(conf, "bootstrap.servers", f->brokers, error, sizeof(error)) == RD_KAFKA_CONF_OK);
    for (size_t i = 0; properties[i]; i += 2)
        cr_assert(rd_kafka_conf_set(conf, properties[i], properties[i + 1], error, sizeof(error)) == RD_KAFKA_CONF_OK, "%s", error);
    rd_kafka_t *rk = rd_kafka_new(type, conf, error, sizeof(error));
    cr_assert(rk, "%s", error);
    return rk;
}

static const struct {
    const char *name;
    int partitions;
} TOPICS[] = {
    { "%s.requests", FIXTURE_PARTITIONS },     { "%s.dead", 1 },        { "audit.events", 1 },      { "%s.revocations", 1 },
    { "replies.backend", FIXTURE_PARTITIONS }, { "replies.edge", FIXTURE_PARTITIONS },
};

static void make_mock(struct fixture *f)
{
    static const char *const NONE[] = { NULL };

    f->host = handle(f, RD_KAFKA_PRODUCER, NONE);
    f->mock = rd_kafka_mock_cluster_new(f->host, 1);
    must(f->mock);
    snprintf(f->brokers, sizeof(f->brokers), "%s", rd_kafka_mock_cluster_bootstraps(f->mock));
    for (size_t i = 0; i < sizeof(TOPICS) / sizeof(TOPICS[0]); i++)
        must(!rd_kafka_mock_topic_create(f->mock, fixture_topic(f, of_service(f, TOPICS[i].name)), TOPICS[i].partitions, 1));
}

static void make_real_topics(struct fixture *f)
{
    rd_kafka_NewTopic_t *topics[sizeof(TOPICS) / sizeof(TOPICS[0])];
    size_t count = sizeof(TOPICS) / sizeof(TOPICS[0]);
    char error[256];
    rd_kafka_queue_t *answers = rd_kafka_queue_new(f->producer);

    for (size_t i = 0; i < count; i++) {
        topics[i] = rd_kafka_NewTopic_new(fixture_topic(f, of_service(f, TOPICS[i].name)), TOPICS[i].partitions, 1, error, sizeof(error));
        must(topics[i]);
        must(!rd_kafka_NewTopic_set_config(topics[i], "compression.type", "uncompressed"));
        must(!rd_kafka_NewTopic_set_config(topics[i], "max.message.bytes", "1048588"));
    }
    rd_kafka_CreateTopics(f->producer, topics, count, NULL, answers);
    rd_kafka_event_t *event = rd_kafka_queue_poll(answers, 15000);
    must(event && !rd_kafka_event_error(event));
    rd_kafka_event_destroy(event);
    rd_kafka_NewTopic_destroy_array(topics, count);
    rd_kafka_queue_destroy(answers);
}

static rd_kafka_t *reader(struct fixture *f, const char *const *topics, const int *partitions)
{
    const char *properties[] = { "group.id", "none", "enable.auto.commit", "false", "auto.offset.reset", "earliest",
                                 "fetch.wait.max.ms", f->real ? "50" : "1", NULL };
    rd_kafka_t *rk = handle(f, RD_KAFKA_CONSUMER, properties);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(8);

    for (size_t t = 0; topics[t]; t++)
        for (int p = 0; p < partitions[t]; p++)
            rd_kafka_topic_partition_list_add(list, topics[t], p)->offset = RD_KAFKA_OFFSET_BEGINNING;
    must(!rd_kafka_assign(rk, list));
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_poll_set_consumer(rk);
    return rk;
}

static void make_client(struct fixture *f, struct fixture_client *c, const char *name)
{
    char path[128];
    struct buffer why;

    buffer_init(&why, 1024);
    c->f = f;
    snprintf(c->name, sizeof(c->name), "%s", name);
    snprintf(c->reply_topic, sizeof(c->reply_topic), "%sreplies.%s", f->prefix, name);
    snprintf(path, sizeof(path), "%s/%s.key", f->directory, name);
    must(!keyring_load(path, NULL, &c->keyring, &why));
    const char *topics[] = { c->reply_topic, NULL };
    int partitions[] = { FIXTURE_PARTITIONS };
    c->consumer = reader(f, topics, partitions);
    c->partition = 1;
    buffer_free(&why);
}

const char *fixture_topic(struct fixture *f, const char *name)
{
    static char names[8][96];
    static unsigned next;
    char *out = names[next++ % 8];

    snprintf(out, sizeof(names[0]), "%s%s", f->prefix, name);
    return out;
}

const char *fixture_own_topic(struct fixture *f, const char *kind)
{
    char name[64];

    snprintf(name, sizeof(name), "%s.%s", f->service, kind);
    return fixture_topic(f, name);
}

static struct principals *principals;

struct fixture *fixture_new(void)
{
    return fixture_new_of("probe");
}

struct fixture *fixture_new_of(const char *service)
{
    static const char *const PRODUCER[] = { "linger.ms", "1", "queue.buffering.max.messages", "500000", "message.max.bytes", "1048576",
                                            NULL };
    struct fixture *f = calloc(1, sizeof(*f));
    struct buffer why;
    uint32_t random;

    must(f && !entropy_start());
    f->service = service;
    log_start("probe", "probe-test", getenv("FIXTURE_LOG") ? LOG_DEBUG : LOG_ERROR);
    entropy_fill(&random, sizeof(random));
    snprintf(f->prefix, sizeof(f->prefix), "t%08x.", random);
    snprintf(f->directory, sizeof(f->directory), "/tmp/hlidka-bus-XXXXXX");
    must(mkdtemp(f->directory));
    must(!uv_loop_init(&f->loop));
    make_principals(f);
    const char *brokers = getenv("HLIDKA_BROKERS");
    f->real = brokers != NULL;
    if (f->real)
        snprintf(f->brokers, sizeof(f->brokers), "%s", brokers);
    else
        make_mock(f);
    setenv("HLIDKA_KAFKA_FETCH_WAIT_MAX_MS", f->real ? "50" : "1", 1);
    setenv("HLIDKA_KAFKA_SESSION_TIMEOUT_MS", "6000", 1);
    f->producer = handle(f, RD_KAFKA_PRODUCER, PRODUCER);
    if (f->real)
        make_real_topics(f);
    const char *topics[] = { fixture_own_topic(f, "dead"), fixture_topic(f, "audit.events"), NULL };
    int partitions[] = { 1, 1 };
    f->dead_consumer = reader(f, topics, partitions);
    buffer_init(&why, 4096);
    must(!principals_load(f->principals_path, &principals, &why));
    buffer_free(&why);
    make_client(f, &f->backend, "backend");
    make_client(f, &f->edge, "edge");
    f->probe = calloc(1, sizeof(*f->probe));
    must(f->probe);
    f->options = (struct bus_options){
        .brokers = f->brokers, .prefix = f->prefix, .service = service, .principals_path = f->principals_path,
        .routes = probe_routes, .route_count = probe_route_count, .handler_cookie = f->probe,
    };
    return f;
}

/* ---- buses ---- */

void fixture_bus_start(struct fixture *f, unsigned i)
{
    static char instances[FIXTURE_BUSES][32];
    static char key_path[128];
    struct bus_options options = f->options;
    struct buffer why;

    buffer_init(&why, 4096);
    snprintf(instances[i], sizeof(instances[i]), "%s-%u", f->service, i);
    snprintf(key_path, sizeof(key_path), "%s/%s.key", f->directory, f->service);
    must(!metrics_new(&f->metrics[i]));
    options.instance = instances[i];
    options.key_path = key_path;
    options.metrics = f->metrics[i];
    f->stopping[i] = f->stopped[i] = false;
    enum result r = bus_new(&f->loop, &options, &f->buses[i], &why);
    cr_assert(!r, "%s: %.*s", result_text(r), (int)why.len, (const char *)why.data);
    must(!bus_start(f->buses[i], &why));
    buffer_free(&why);
}

bool fixture_ready(struct fixture *f, unsigned i)
{
    struct buffer detail;

    buffer_init(&detail, 1024);
    const char *fault = bus_not_ready(f->buses[i], &detail);
    buffer_free(&detail);
    return !fault;
}

static bool ready(struct fixture *f, void *cookie)
{
    return fixture_ready(f, *(unsigned *)cookie);
}

void fixture_bus(struct fixture *f, unsigned i)
{
    fixture_bus_start(f, i);
    must(fixture_wait(f, ready, &i, 30000));
}

void fixture_two_buses(struct fixture *f)
{
    for (unsigned i = 0; i < 2; i++)
        fixture_bus_start(f, i);
    for (unsigned i = 0; i < 2; i++)
        must(fixture_wait(f, ready, &i, 30000));
}

static void on_stopped(void *cookie)
{
    *(bool *)cookie = true;
}

static bool is_set(struct fixture *f, void *cookie)
{
    (void)f;
    return *(bool *)cookie;
}

void fixture_bus_stop_begin(struct fixture *f, unsigned i, uint32_t drain_ms)
{
    f->stopping[i] = true;
    bus_stop(f->buses[i], drain_ms, on_stopped, &f->stopped[i]);
}

void fixture_bus_stop(struct fixture *f, unsigned i, uint32_t drain_ms)
{
    if (!f->buses[i])
        return;
    if (!f->stopping[i])
        fixture_bus_stop_begin(f, i, drain_ms);
    must(fixture_wait(f, is_set, &f->stopped[i], 20000));
    metrics_free(f->metrics[i]);
    bus_free(f->buses[i]);
    f->buses[i] = NULL;
}

uint64_t fixture_metric(struct fixture *f, unsigned bus, const char *line)
{
    char start[128];
    struct buffer out;
    uint64_t value = 0;

    snprintf(start, sizeof(start), "\n%s", line);
    buffer_init(&out, 4 << 20);
    must(!metrics_print(f->metrics[bus], &out) && !buffer_append(&out, "", 1));
    const char *at = strstr((char *)out.data, start);
    if (at)
        value = strtoull(at + strlen(start), NULL, 10);
    buffer_free(&out);
    return value;
}

/* ---- turning ---- */

uint32_t fixture_hash(struct bytes value)
{
    uint32_t hash = 2166136261u;

    for (size_t i = 0; i < value.len; i++)
        hash = (hash ^ value.data[i]) * 16777619u;
    return hash;
}

static struct arrived *arrive(struct arrivals *a, const rd_kafka_message_t *m)
{
    if (!a->items)
        a->items = calloc(FIXTURE_ARRIVED, sizeof(*a->items));
    must(a->items && a->count < FIXTURE_ARRIVED);
    struct arrived *out = &a->items[a->count++];
    out->partition = m->partition;
    out->len = m->len;
    out->hash = fixture_hash((struct bytes){ m->payload, m->len });
    out->key_len = m->key_len;
    if (m->key_len > 0)
        memcpy(out->key, m->key, m->key_len < sizeof(out->key) ? m->key_len : sizeof(out->key));
    return out;
}

static void take_reply(struct fixture_client *c, const rd_kafka_message_t *m)
{
    struct arrived *out = arrive(&c->replies, m);
    struct envelope e;
    struct buffer body;
    struct arena arena;
    struct reply reply;

    buffer_init(&body, ENVELOPE_VALUE_MAX);
    arena_init(&arena, NULL, 0, 1 << 20);
    if (!envelope_frame((struct bytes){ m->payload, m->len }, &e) && !envelope_parse(&e, ENVELOPE_REPLY)) {
        const struct principal *peer = principals_find(principals, e.header.src);
        const struct principal_key *key = peer ? principal_key_find(peer, &e.header.skid) : NULL;
        out->re = e.header.re;
        snprintf(out->trace, sizeof(out->trace), "%.*s", TEXT_ARG(e.header.trace));
        if (key && !open_box(c->keyring, SEAL_INITIATOR, key, &e, &body) && !reply_decode(buffer_bytes(&body), &arena, &reply)) {
            out->status = reply.status;
            if (reply.has_error)
                snprintf(out->code, sizeof(out->code), "%.*s", TEXT_ARG(reply.error.code));
            else if (c->f->take_result)
                c->f->take_result(&out->re, reply.result);
        }
    }
    arena_reset(&arena);
    buffer_free(&body);
}

static void take_dead(struct fixture *f, const rd_kafka_message_t *m)
{
    bool dead = strcmp(rd_kafka_topic_name(m->rkt), fixture_own_topic(f, "dead")) == 0;
    struct arrived *out = arrive(dead ? &f->dead : &f->events, m);
    rd_kafka_headers_t *headers;
    const void *reason;
    size_t len;

    if (!rd_kafka_message_headers(m, &headers) && !rd_kafka_header_get_last(headers, "reason", &reason, &len))
        snprintf(out->reason, sizeof(out->reason), "%.*s", (int)len, (const char *)reason);
}

static bool read_all(rd_kafka_t *rk, struct fixture *f, struct fixture_client *c)
{
    bool any = false;
    rd_kafka_message_t *m;

    while ((m = rd_kafka_consumer_poll(rk, 0))) {
        if (!m->err && c)
            take_reply(c, m);
        else if (!m->err)
            take_dead(f, m);
        any = any || !m->err;
        rd_kafka_message_destroy(m);
    }
    return any;
}

/* Until the loop has something to do, and no longer than clients may wait for what has come. */
static void rest(struct fixture *f)
{
    struct pollfd loop = { .fd = uv_backend_fd(&f->loop), .events = POLLIN };

    if (uv_backend_timeout(&f->loop) != 0)
        poll(&loop, 1, 1);
}

void fixture_turn(struct fixture *f)
{
    bool any;

    uv_run(&f->loop, UV_RUN_NOWAIT);
    rd_kafka_poll(f->producer, 0);
    any = read_all(f->backend.consumer, f, &f->backend);
    any |= read_all(f->edge.consumer, f, &f->edge);
    any |= read_all(f->dead_consumer, f, NULL);
    if (!any)
        rest(f);
}

bool fixture_wait(struct fixture *f, bool (*holds)(struct fixture *f, void *cookie), void *cookie, uint32_t ms)
{
    uint64_t until = clock_boot_ns() + ms * UINT64_C(1000000);

    while (!holds(f, cookie)) {
        if (clock_boot_ns() >= until)
            return false;
        fixture_turn(f);
    }
    return true;
}

static bool never(struct fixture *f, void *cookie)
{
    (void)f;
    (void)cookie;
    return false;
}

void fixture_sleep(struct fixture *f, uint32_t ms)
{
    fixture_wait(f, never, NULL, ms);
}

/* ---- messages ---- */

struct envelope_header client_header(struct fixture_client *c, const char *op)
{
    uint8_t random[10];
    const struct principal *probe = principals_find(principals, text_of(c->f->service));
    struct envelope_header h = {
        .op = text_of(op), .src = text_of(c->name), .dst = text_of(c->f->service), .skid = keyring_own(c->keyring)->id,
        .dkid = probe->keys[0].id, .ts = clock_unix_ms(), .ttl = 30000, .reply_topic = text_of(c->reply_topic),
        .reply_partition = (uint64_t)c->partition,
    };

    entropy_fill(random, sizeof(random));
    entropy_fill(h.nonce, sizeof(h.nonce));
    h.id = uuid_v7(h.ts, random);
    return h;
}

void probe_body(struct buffer *out, const char *text, uint64_t size)
{
    struct probe_request body = { .text = text ? text_of(text) : (struct text){ 0 }, .size = size };
    struct mp_writer w = mp_writer_to(out);

    must(!body_encode(&schema_probe_request, &body, &w));
}

void client_seal(struct fixture_client *c, const struct envelope_header *h, struct bytes body, struct buffer *value)
{
    const struct principal *probe = principals_find(principals, text_of(c->f->service));
    struct buffer header;

    buffer_init(&header, 4096);
    must(!envelope_write_header(h, ENVELOPE_REQUEST, &header));
    /* Honestly sealed, whatever the header says of keys. */
    struct envelope_header keys = *h;
    keys.skid = keyring_own(c->keyring)->id;
    keys.dkid = probe->keys[0].id;
    must(!seal_value(c->keyring, SEAL_INITIATOR, &probe->keys[0], &keys, buffer_bytes(&header), body, false, value));
    buffer_free(&header);
}

void client_send(struct fixture_client *c, const char *topic, int32_t partition, struct bytes key, struct bytes value)
{
    rd_kafka_resp_err_t err;

    do {
        err = rd_kafka_producev(c->f->producer, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(partition),
                                RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_VALUE((void *)(uintptr_t)value.data, value.len),
                                RD_KAFKA_V_KEY((void *)(uintptr_t)key.data, key.len), RD_KAFKA_V_END);
        if (err == RD_KAFKA_RESP_ERR__QUEUE_FULL)
            fixture_turn(c->f);
    } while (err == RD_KAFKA_RESP_ERR__QUEUE_FULL);
    cr_assert(!err, "%s", rd_kafka_err2str(err));
}

struct uuid client_ask(struct fixture_client *c, const char *op, const char *text, int32_t partition)
{
    struct envelope_header h = client_header(c, op);
    struct buffer body, value;

    buffer_init(&body, 2000000);
    buffer_init(&value, 2000000);
    probe_body(&body, text, 0);
    client_seal(c, &h, buffer_bytes(&body), &value);
    client_send(c, fixture_own_topic(c->f, "requests"), partition, (struct bytes){ h.id.bytes, 16 }, buffer_bytes(&value));
    buffer_free(&body);
    buffer_free(&value);
    return h.id;
}

void client_flush(struct fixture_client *c)
{
    must(!rd_kafka_flush(c->f->producer, 15000));
}

const struct arrived *client_reply(const struct fixture_client *c, const struct uuid *id, size_t i)
{
    for (size_t at = 0; at < c->replies.count; at++)
        if (memcmp(&c->replies.items[at].re, id, sizeof(*id)) == 0 && i-- == 0)
            return &c->replies.items[at];
    return NULL;
}

size_t client_replies(const struct fixture_client *c, const struct uuid *id)
{
    size_t n = 0;

    while (client_reply(c, id, n))
        n++;
    return n;
}

struct awaited {
    struct fixture_client *c;
    const struct uuid *id;
};

static bool answered(struct fixture *f, void *cookie)
{
    struct awaited *a = cookie;

    (void)f;
    return client_reply(a->c, a->id, 0) != NULL;
}

const struct arrived *client_await(struct fixture_client *c, const struct uuid *id, uint32_t ms)
{
    struct awaited a = { c, id };

    fixture_wait(c->f, answered, &a, ms);
    return client_reply(c, id, 0);
}

/* ---- offsets ---- */

static rd_kafka_t *of_group(struct fixture *f)
{
    char group[64];

    snprintf(group, sizeof(group), "%s%s", f->prefix, f->service);
    const char *properties[] = { "group.id", group, "enable.auto.commit", "false", "session.timeout.ms", "6000",
                                 "partition.assignment.strategy", "range", NULL };
    return handle(f, RD_KAFKA_CONSUMER, properties);
}

int64_t fixture_committed(struct fixture *f, int32_t partition)
{
    rd_kafka_t *rk = of_group(f);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);

    rd_kafka_topic_partition_list_add(list, fixture_own_topic(f, "requests"), partition);
    must(!rd_kafka_committed(rk, list, 10000));
    int64_t offset = list->elems[0].offset;
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_destroy(rk);
    return offset;
}

/* As a member of the group: the mock takes commits of no other. */
void fixture_commit(struct fixture *f, int32_t partition, int64_t offset)
{
    rd_kafka_t *rk = of_group(f);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1), *assigned = NULL;
    uint64_t until = clock_boot_ns() + UINT64_C(20000000000);

    rd_kafka_poll_set_consumer(rk);
    rd_kafka_topic_partition_list_add(list, fixture_own_topic(f, "requests"), partition)->offset = offset;
    must(!rd_kafka_subscribe(rk, list));
    do {
        rd_kafka_message_t *m = rd_kafka_consumer_poll(rk, 50);
        if (m)
            rd_kafka_message_destroy(m);
        if (assigned)
            rd_kafka_topic_partition_list_destroy(assigned);
        must(!rd_kafka_assignment(rk, &assigned));
    } while (assigned->cnt == 0 && clock_boot_ns() < until);
    rd_kafka_topic_partition_list_destroy(assigned);
    rd_kafka_resp_err_t err = rd_kafka_commit(rk, list, 0);
    cr_assert(!err, "%s", rd_kafka_err2str(err));
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_consumer_close(rk);
    rd_kafka_destroy(rk);
}

/* ---- what is to be seen in time ---- */

void fixture_expect_metric(struct fixture *f, unsigned bus, const char *line, uint64_t value)
{
    uint64_t until = clock_boot_ns() + EXPECTED_MS * UINT64_C(1000000), found;

    while ((found = fixture_metric(f, bus, line)) != value && clock_boot_ns() < until)
        fixture_sleep(f, 10);
    cr_expect_eq(found, value, "%s%llu, not %llu", line, (unsigned long long)found, (unsigned long long)value);
}

void fixture_expect_committed(struct fixture *f, int32_t partition, int64_t offset)
{
    uint64_t until = clock_boot_ns() + EXPECTED_MS * UINT64_C(1000000);
    int64_t found;

    while ((found = fixture_committed(f, partition)) != offset && clock_boot_ns() < until)
        fixture_sleep(f, 100);
    cr_expect_eq(found, offset, "committed: %lld, not %lld", (long long)found, (long long)offset);
}

/* ---- the end ---- */

static void remove_files(struct fixture *f)
{
    char path[128];

    for (size_t i = 0; i < sizeof(PRINCIPALS) / sizeof(PRINCIPALS[0]); i++) {
        const char *name = of_service(f, PRINCIPALS[i].name);

        snprintf(path, sizeof(path), "%s/%s.key", f->directory, name);
        unlink(path);
    }
    unlink(f->principals_path);
    rmdir(f->directory);
}

static void free_client(struct fixture_client *c)
{
    rd_kafka_destroy_flags(c->consumer, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    keyring_free(c->keyring);
    free(c->replies.items);
}

void fixture_free(struct fixture *f)
{
    for (unsigned i = 0; i < FIXTURE_BUSES; i++)
        fixture_bus_stop(f, i, 100);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    must(uv_loop_close(&f->loop) == 0);
    free_client(&f->backend);
    free_client(&f->edge);
    rd_kafka_destroy_flags(f->dead_consumer, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    rd_kafka_purge(f->producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    rd_kafka_destroy(f->producer);
    if (f->mock) {
        rd_kafka_mock_cluster_destroy(f->mock);
        rd_kafka_destroy(f->host);
    }
    principals_drop(principals);
    probe_free(f->probe);
    free(f->dead.items);
    free(f->events.items);
    remove_files(f);
    free(f);
}
