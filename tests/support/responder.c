#include "responder.h"

#include <criterion/criterion.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "codec.h"
#include "entropy.h"

#define must(condition) cr_assert(condition, "%s", #condition)

static const char *const NAMES[] = { "backend", "ratelimit", "crypto", "audit", "mallory" };
static const char *const TOPICS[] = { "ratelimit.requests", "crypto.requests", "audit.events", "replies.backend", "audit.alerts" };
#define HEARD_TOPICS 3u                 /* of them; the rest is for clients */
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* ---- keys -------------------------------------------------------------------------------------------------------- */

static void path_of(const struct responder *r, const char *name, const char *ending, char out[128])
{
    snprintf(out, 128, "%s/%s.%s", r->directory, name, ending);
}

/* The new key first, before those that are there. */
static void prepend_key(const char *path)
{
    char text[48], old[512];
    uint8_t secret[32];
    size_t len = 0;
    FILE *file = fopen(path, "r");

    if (file) {
        len = fread(old, 1, sizeof(old), file);
        fclose(file);
    }
    entropy_fill(secret, sizeof(secret));
    sodium_bin2base64(text, sizeof(text), secret, 32, sodium_base64_VARIANT_ORIGINAL);
    file = fopen(path, "w");
    must(file && fprintf(file, "%s\n", text) > 0 && fwrite(old, 1, len, file) == len);
    must(fclose(file) == 0 && chmod(path, 0600) == 0);
}

static void new_key(const struct responder *r, const char *name)
{
    char path[128];

    path_of(r, name, "key", path);
    prepend_key(path);
    path_of(r, name, "sign", path);
    if (access(path, F_OK))
        prepend_key(path);
}

static void load(const struct responder *r, const char *name, struct keyring **out)
{
    char key[128], sign[128];
    struct buffer why;

    buffer_init(&why, 1024);
    path_of(r, name, "key", key);
    path_of(r, name, "sign", sign);
    must(!keyring_load(key, sign, out, &why));
    buffer_free(&why);
}

/* Both lines of a key file, newest first, as the file lists them. */
static void write_publics(const struct responder *r, const char *name, FILE *to)
{
    char path[128], line[64], text[48];
    uint8_t secret[32], public_key[32];
    size_t len, count = 0;

    path_of(r, name, "key", path);
    FILE *file = fopen(path, "r");
    must(file);
    while (fgets(line, sizeof(line), file)) {
        must(!sodium_base642bin(secret, 32, line, 44, NULL, &len, NULL, sodium_base64_VARIANT_ORIGINAL) && len == 32);
        crypto_scalarmult_base(public_key, secret);
        sodium_bin2base64(text, sizeof(text), public_key, 32, sodium_base64_VARIANT_ORIGINAL);
        fprintf(to, "%s\"%s\"", count++ ? ", " : "", text);
    }
    fclose(file);
}

void responder_principals(struct responder *r, bool fresh)
{
    char beside[140], text[48];
    struct buffer why;

    for (size_t i = 0; i < COUNT_OF(NAMES); i++) {
        if (!fresh || i == 1 || i == 2)
            new_key(r, NAMES[i]);
    }
    snprintf(beside, sizeof(beside), "%s.new", r->principals_path);
    FILE *file = fopen(beside, "w");
    must(file && fputs("principals:\n", file) >= 0);
    for (size_t i = 0; i < COUNT_OF(NAMES); i++) {
        struct keyring *k;
        load(r, NAMES[i], &k);
        sodium_bin2base64(text, sizeof(text), keyring_signer(k)->public_key, 32, sodium_base64_VARIANT_ORIGINAL);
        fprintf(file, "  %s: { keys: [", NAMES[i]);
        write_publics(r, NAMES[i], file);
        fprintf(file, "], signs: [\"%s\"], may: [\"*\"] }\n", text);
        keyring_free(k);
    }
    must(fclose(file) == 0 && rename(beside, r->principals_path) == 0);
    struct keyring **const rings[] = { NULL, &r->ratelimit, &r->crypto, &r->audit, &r->mallory };
    for (size_t i = 1; i < COUNT_OF(NAMES); i++) {
        keyring_free(*rings[i]);
        load(r, NAMES[i], rings[i]);
    }
    if (r->principals)
        principals_drop(r->principals);
    buffer_init(&why, 4096);
    enum result loaded = principals_load(r->principals_path, &r->principals, &why);
    cr_assert(!loaded, "%.*s", (int)why.len, (const char *)why.data);
    buffer_free(&why);
}

/* ---- the cluster ------------------------------------------------------------------------------------------------- */

static rd_kafka_t *handle(const struct responder *r, rd_kafka_type_t type)
{
    const struct hlidka_property properties[] = {
        { "log_level", "2" }, { "bootstrap.servers", r->brokers }, { "linger.ms", "0" }, { "group.id", "none" },
        { "enable.auto.commit", "false" }, { "fetch.wait.max.ms", r->real ? "50" : "1" },
    };
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char error[256];

    for (size_t i = 0; i < COUNT_OF(properties); i++) {
        if (i == 1 && !r->brokers[0])
            continue;
        must(rd_kafka_conf_set(conf, properties[i].name, properties[i].value, error, sizeof(error)) == RD_KAFKA_CONF_OK);
    }
    rd_kafka_t *rk = rd_kafka_new(type, conf, error, sizeof(error));
    must(rk);
    return rk;
}

static void make_mock(struct responder *r)
{
    char name[96];

    r->host = handle(r, RD_KAFKA_PRODUCER);
    r->mock = rd_kafka_mock_cluster_new(r->host, 1);
    must(r->mock);
    snprintf(r->brokers, sizeof(r->brokers), "%s", rd_kafka_mock_cluster_bootstraps(r->mock));
    for (size_t i = 0; i < COUNT_OF(TOPICS); i++) {
        snprintf(name, sizeof(name), "%s%s", r->prefix, TOPICS[i]);
        must(!rd_kafka_mock_topic_create(r->mock, name, RESPONDER_PARTITIONS, 1));
    }
}

static void make_real(struct responder *r)
{
    rd_kafka_NewTopic_t *topics[COUNT_OF(TOPICS)];
    rd_kafka_queue_t *answers = rd_kafka_queue_new(r->producer);
    char name[96], error[256];

    for (size_t i = 0; i < COUNT_OF(TOPICS); i++) {
        snprintf(name, sizeof(name), "%s%s", r->prefix, TOPICS[i]);
        topics[i] = rd_kafka_NewTopic_new(name, RESPONDER_PARTITIONS, 1, error, sizeof(error));
        must(topics[i]);
    }
    rd_kafka_CreateTopics(r->producer, topics, COUNT_OF(TOPICS), NULL, answers);
    rd_kafka_event_t *event = rd_kafka_queue_poll(answers, 15000);
    must(event && !rd_kafka_event_error(event));
    rd_kafka_event_destroy(event);
    rd_kafka_NewTopic_destroy_array(topics, COUNT_OF(TOPICS));
    rd_kafka_queue_destroy(answers);
}

static void listen_all(struct responder *r)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(16);
    char name[96];

    for (size_t t = 0; t < HEARD_TOPICS; t++) {
        snprintf(name, sizeof(name), "%s%s", r->prefix, TOPICS[t]);
        for (int p = 0; p < RESPONDER_PARTITIONS; p++)
            rd_kafka_topic_partition_list_add(list, name, p)->offset = RD_KAFKA_OFFSET_BEGINNING;
    }
    must(!rd_kafka_assign(r->consumer, list));
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_poll_set_consumer(r->consumer);
}

/* A producer that meets a topic for the first time looks for its leaders once a second: no test should wait for that. */
static void acquaint(struct responder *r)
{
    const struct rd_kafka_metadata *m;
    char name[96];

    for (size_t t = HEARD_TOPICS; t < COUNT_OF(TOPICS); t++) {
        snprintf(name, sizeof(name), "%s%s", r->prefix, TOPICS[t]);
        r->topics[t - HEARD_TOPICS] = rd_kafka_topic_new(r->producer, name, NULL);
    }
    must(!rd_kafka_metadata(r->producer, 0, NULL, &m, 10000));
    rd_kafka_metadata_destroy(m);
}

struct responder *responder_new(void)
{
    struct responder *r = calloc(1, sizeof(*r));
    const char *brokers = getenv("HLIDKA_BROKERS");
    uint32_t random;

    must(r && !entropy_start());
    entropy_fill(&random, sizeof(random));
    snprintf(r->prefix, sizeof(r->prefix), "c%08x.", random);
    snprintf(r->directory, sizeof(r->directory), "/tmp/hlidka-client-XXXXXX");
    must(mkdtemp(r->directory));
    snprintf(r->principals_path, sizeof(r->principals_path), "%s/principals.yaml", r->directory);
    path_of(r, "backend", "key", r->key_path);
    path_of(r, "backend", "sign", r->sign_path);
    buffer_init(&r->body, ENVELOPE_VALUE_MAX);
    buffer_init(&r->value, ENVELOPE_VALUE_MAX);
    must(!uv_loop_init(&r->loop));
    responder_principals(r, false);
    r->real = brokers != NULL;
    if (r->real)
        snprintf(r->brokers, sizeof(r->brokers), "%s", brokers);
    else
        make_mock(r);
    r->producer = handle(r, RD_KAFKA_PRODUCER);
    r->consumer = handle(r, RD_KAFKA_CONSUMER);
    if (r->real)
        make_real(r);
    listen_all(r);
    acquaint(r);
    r->properties[0] = (struct hlidka_property){ "fetch.wait.max.ms", r->real ? "50" : "1" };
    r->options = (struct hlidka_options){
        .brokers = r->brokers, .prefix = r->prefix, .principal = "backend", .principals_path = r->principals_path,
        .key_path = r->key_path, .sign_path = r->sign_path, .properties = r->properties, .property_count = 1,
    };
    return r;
}

void responder_free(struct responder *r)
{
    char path[128];

    rd_kafka_consumer_close(r->consumer);
    rd_kafka_destroy(r->consumer);
    rd_kafka_flush(r->producer, 1000);
    rd_kafka_topic_destroy(r->topics[0]);
    rd_kafka_topic_destroy(r->topics[1]);
    rd_kafka_destroy(r->producer);
    if (r->mock) {
        rd_kafka_mock_cluster_destroy(r->mock);
        rd_kafka_destroy(r->host);
    }
    for (size_t i = 0; i < COUNT_OF(NAMES); i++) {
        path_of(r, NAMES[i], "key", path);
        unlink(path);
        path_of(r, NAMES[i], "sign", path);
        unlink(path);
    }
    unlink(r->principals_path);
    rmdir(r->directory);
    principals_drop(r->principals);
    keyring_free(r->ratelimit);
    keyring_free(r->crypto);
    keyring_free(r->audit);
    keyring_free(r->mallory);
    buffer_free(&r->body);
    buffer_free(&r->value);
    must(uv_loop_close(&r->loop) == 0);
    free(r);
}

/* ---- hearing and answering --------------------------------------------------------------------------------------- */

static struct keyring *ring_of(const struct responder *r, struct text name)
{
    return text_equal(name, TEXT("ratelimit")) ? r->ratelimit : text_equal(name, TEXT("crypto")) ? r->crypto : r->audit;
}

static void hear(struct responder *r, const rd_kafka_message_t *m)
{
    struct heard heard = { .key = { m->key, m->key_len }, .topic = rd_kafka_topic_name(m->rkt) + strlen(r->prefix) };
    struct envelope *e = &heard.envelope;
    enum envelope_kind kind = strcmp(heard.topic, "audit.events") == 0 ? ENVELOPE_EVENT : ENVELOPE_REQUEST;

    must(!envelope_frame((struct bytes){ m->payload, m->len }, e) && !envelope_parse(e, kind));
    const struct principal *from = principals_find(r->principals, e->header.src);
    must(from);
    buffer_reset(&r->body);
    must(!open_box(ring_of(r, e->header.dst), SEAL_RESPONDER, principal_key_find(from, &e->header.skid), e, &r->body));
    if (e->sig.data)
        must(!seal_verify(from, e));
    heard.body = buffer_bytes(&r->body);
    r->heard++;
    if (r->hear)
        r->hear(r, &heard);
}

bool responder_wait(struct responder *r, const volatile unsigned *flag, uint32_t ms)
{
    uint64_t until_ns = clock_boot_ns() + (uint64_t)ms * 1000000;

    while (!(flag && *flag) && clock_boot_ns() < until_ns) {
        uv_run(&r->loop, UV_RUN_NOWAIT);
        rd_kafka_poll(r->producer, 0);
        rd_kafka_message_t *m = rd_kafka_consumer_poll(r->consumer, 1);
        if (!m)
            continue;
        if (!m->err)
            hear(r, m);
        rd_kafka_message_destroy(m);
    }
    return flag && *flag;
}

void responder_produce(struct responder *r, const char *topic, int32_t partition, struct bytes value)
{
    char name[96];

    snprintf(name, sizeof(name), "%s%s", r->prefix, topic);
    must(!rd_kafka_producev(r->producer, RD_KAFKA_V_TOPIC(name), RD_KAFKA_V_PARTITION(partition),
                            RD_KAFKA_V_VALUE((void *)(uintptr_t)value.data, value.len),
                            RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END));
}

void responder_send_raw(struct responder *r, const struct heard *m, struct bytes value)
{
    responder_produce(r, "replies.backend", (int32_t)m->envelope.header.reply_partition, value);
}

struct envelope_header responder_header(const struct heard *m)
{
    const struct envelope_header *q = &m->envelope.header;
    struct envelope_header h = { .re = q->id, .op = q->op, .src = q->dst, .dst = q->src, .ts = clock_unix_ms(), .trace = q->trace };

    entropy_fill(&h.id, sizeof(h.id));
    entropy_fill(h.nonce, sizeof(h.nonce));
    return h;
}

static void seal_body(struct responder *r, struct keyring *with, const struct heard *m, struct envelope_header *h,
                      struct bytes body)
{
    const struct principal *to = principals_find(r->principals, m->envelope.header.src);

    buffer_reset(&r->value);
    must(!seal_message(with, ENVELOPE_REPLY, principal_key_find(to, &m->envelope.header.skid), h, body, false, &r->value));
}

void responder_seal(struct responder *r, struct keyring *with, const struct heard *m, struct envelope_header h, const char *text)
{
    struct buffer body;

    buffer_init(&body, 4096);
    struct mp_writer w = mp_writer_to(&body);
    mp_put_map(&w, 2);
    mp_put_text(&w, TEXT("status"));
    mp_put_uint(&w, 200);
    mp_put_text(&w, TEXT("result"));
    mp_put_map(&w, 1);
    mp_put_text(&w, TEXT("text"));
    mp_put_text(&w, text_of(text));
    must(!w.status);
    seal_body(r, with, m, &h, buffer_bytes(&body));
    buffer_free(&body);
}

void responder_send(struct responder *r, struct keyring *with, const struct heard *m, struct envelope_header h, const char *text)
{
    responder_seal(r, with, m, h, text);
    responder_send_raw(r, m, buffer_bytes(&r->value));
}

void responder_answer(struct responder *r, const struct heard *m, const char *text)
{
    responder_send(r, ring_of(r, m->envelope.header.dst), m, responder_header(m), text);
}

void responder_result(struct responder *r, const struct heard *m, const struct schema *of, const void *result)
{
    struct envelope_header h = responder_header(m);
    struct buffer body;

    buffer_init(&body, 4096);
    struct mp_writer w = mp_writer_to(&body);
    must(!reply_encode_ok(of, result, &w));
    seal_body(r, ring_of(r, m->envelope.header.dst), m, &h, buffer_bytes(&body));
    responder_send_raw(r, m, buffer_bytes(&r->value));
    buffer_free(&body);
}

void responder_refuse(struct responder *r, const struct heard *m, enum fault_code code, int64_t retry_after_ms)
{
    struct fault fault = { .code = code, .retry_after_ms = retry_after_ms };
    struct envelope_header h = responder_header(m);
    struct field_errors errors = { .count = 0 };
    struct buffer body;

    if (code == FAULT_INVALID_REQUEST) {
        field_errors_add(&errors, TEXT("/endpoint"), FIELD_REQUIRED);
        fault.errors = &errors;
    }
    buffer_init(&body, 4096);
    struct mp_writer w = mp_writer_to(&body);
    must(!reply_encode_fault(&fault, &w));
    seal_body(r, ring_of(r, m->envelope.header.dst), m, &h, buffer_bytes(&body));
    responder_send_raw(r, m, buffer_bytes(&r->value));
    buffer_free(&body);
}

/* ---- clients ----------------------------------------------------------------------------------------------------- */

static volatile unsigned became_ready, has_closed;

static void on_ready(void *cookie)
{
    (void)cookie;
    became_ready = 1;
}

static void on_closed(void *cookie)
{
    (void)cookie;
    has_closed = 1;
}

struct hlidka *responder_client(struct responder *r)
{
    struct hlidka *client;
    char why[HLIDKA_WHY_LEN];

    became_ready = 0;
    r->options.ready = on_ready;
    cr_assert(hlidka_open(&r->loop, &r->options, &client, why) == HLIDKA_OK, "%s", why);
    must(responder_wait(r, &became_ready, 15000));
    return client;
}

void responder_close(struct responder *r, struct hlidka *client)
{
    has_closed = 0;
    hlidka_close(client, on_closed, NULL);
    must(responder_wait(r, &has_closed, 15000));
}
