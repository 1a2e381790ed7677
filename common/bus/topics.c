#include "topics.h"

#include "bus_internal.h"
#include "clock.h"
#include "log.h"
#include "topic_settings.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    ROUND_TIMEOUT_MS = 2000,            /* of one question; the first that goes unanswered ends the round */
    FRESH_MS = 1000,
    IDLE_MS = 30000,                    /* between rounds that nobody asked for */
    CONFIGS_MS = 60000,
};

struct question {
    const char *topic;                  /* borrowed from a peer or an own topic: neither goes away */
    struct peer *peer;                  /* or NULL: own[index] */
    unsigned own;
    uint32_t partitions;
};

struct topics_round {
    uv_work_t work;
    struct bus *bus;
    rd_kafka_t *rk;
    bool configs;                       /* look at the settings of ours too */
    rd_kafka_resp_err_t err;            /* what ended it early */
    rd_kafka_resp_err_t configs_err;
    char wrong[OWN_REQUIRED][128];
    size_t count;
    struct question questions[];
};

enum result topics_init(struct bus *b)
{
    static const char *const SUFFIX[OWN_TOPICS] = { ".requests", ".dead", ".revocations", ".events", ".alerts", ".checkpoints" };
    bool audits = text_equal(b->self, TEXT("audit"));

    for (unsigned i = 0; i < OWN_TOPICS; i++) {
        if ((i == OWN_REVOCATIONS && !b->options.listener) || (i > OWN_EVENTS && !audits))
            continue;
        struct text whose = i == OWN_EVENTS ? TEXT("audit") : b->self;
        if (asprintf(&b->topics.own[i].name, "%.*s%.*s%s", TEXT_ARG(b->prefix), TEXT_ARG(whose), SUFFIX[i]) < 0) {
            b->topics.own[i].name = NULL;
            return RESULT_NO_MEMORY;
        }
    }
    b->request_topic = b->topics.own[OWN_REQUESTS].name;
    return RESULT_OK;
}

void topics_release(struct bus *b)
{
    for (unsigned i = 0; i < OWN_TOPICS; i++)
        if (b->topics.own[i].handle) {
            rd_kafka_topic_destroy(b->topics.own[i].handle);
            b->topics.own[i].handle = NULL;
        }
}

void topics_free(struct bus *b)
{
    for (unsigned i = 0; i < OWN_TOPICS; i++) {
        free(b->topics.own[i].name);
        b->topics.own[i].name = NULL;
    }
}

/* ---- on the thread pool ---- */

static rd_kafka_resp_err_t ask(rd_kafka_t *rk, struct question *q)
{
    const struct rd_kafka_metadata *md;
    /* The consumer's handle: its requests never make a topic by asking for it. */
    rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, q->topic, NULL);

    if (!topic)
        return rd_kafka_last_error();
    rd_kafka_resp_err_t err = rd_kafka_metadata(rk, 0, topic, &md, ROUND_TIMEOUT_MS);
    rd_kafka_topic_destroy(topic);
    if (err)
        return err;
    q->partitions = 0;
    for (int i = 0; i < md->topic_cnt; i++)
        if (strcmp(md->topics[i].topic, q->topic) == 0 && md->topics[i].partition_cnt > 0)
            q->partitions = (uint32_t)md->topics[i].partition_cnt;
    rd_kafka_metadata_destroy(md);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static void work(uv_work_t *work_handle)
{
    struct topics_round *round = work_handle->data;

    for (size_t i = 0; i < round->count && !round->err; i++)
        round->err = ask(round->rk, &round->questions[i]);
    if (round->err || !round->configs)
        return;
    const char *names[OWN_REQUIRED];
    size_t count = 0;
    while (count < OWN_REQUIRED && round->bus->topics.own[count].name) {
        names[count] = round->bus->topics.own[count].name;
        count++;
    }
    round->configs_err = topic_settings(round->rk, names, count, ROUND_TIMEOUT_MS, round->wrong);
}

/* ---- on the loop ---- */

static rd_kafka_topic_t *open_handle(struct bus *b, const char *name)
{
    rd_kafka_topic_t *handle = rd_kafka_topic_new(b->producer.rk, name, NULL);

    if (!handle)
        log_error("bus.topic", LOG_STR("topic", name), LOG_STR("error", rd_kafka_err2name(rd_kafka_last_error())));
    return handle;
}

bool topics_peer_open(struct bus *b, struct peer *peer)
{
    if (!peer->handle && peer->partitions > 0)
        peer->handle = open_handle(b, peer->reply_topic);
    return peer->handle != NULL;
}

static void learn(struct bus *b, const struct topics_round *round)
{
    uint64_t now = clock_boot_ns();

    for (size_t i = 0; i < round->count; i++) {
        const struct question *q = &round->questions[i];
        if (q->peer) {
            q->peer->partitions = q->partitions;
            q->peer->checked_ns = now;
        } else {
            struct own_topic *own = &b->topics.own[q->own];
            own->partitions = q->partitions;
            if (own->partitions > 0 && !own->handle)
                own->handle = open_handle(b, own->name);
        }
    }
    b->topics.ended_ns = now;
    b->consumer.down = false;
    if (!round->configs)
        return;
    b->topics.configs_ns = now;
    if (round->configs_err) {           /* the broker does not tell; what was seen before stands */
        log_debug("bus.topic_settings", LOG_STR("error", rd_kafka_err2name(round->configs_err)));
        return;
    }
    for (unsigned i = 0; i < OWN_REQUIRED; i++)
        memcpy(b->topics.own[i].wrong, round->wrong[i], sizeof(round->wrong[i]));
}

static void after(uv_work_t *work_handle, int status)
{
    struct topics_round *round = work_handle->data;
    struct bus *b = round->bus;
    bool learned = status == 0 && !round->err;

    b->topics.round = NULL;
    b->topics.rounds++;
    if (learned) {
        learn(b, round);
    } else {
        b->topics.failures++;
        b->topics.wanted = true;
        log_warn("bus.metadata", LOG_STR("error", status ? uv_err_name(status) : rd_kafka_err2name(round->err)));
    }
    free(round);
    if (!learned || b->state != BUS_RUNNING)
        return;
    if (!b->topics.known) {
        b->topics.known = true;
        bus_join(b);
    }
    dispatch_postponed(b);
}

/* NULL, or what is the matter with one that we need. */
static const char *fault_of(const struct topics *ts, enum own_topic_kind kind)
{
    const struct own_topic *t = &ts->own[kind];

    if (!t->name)
        return NULL;
    if (t->partitions == 0)
        return "missing";
    if (kind == OWN_REVOCATIONS && t->partitions != 1)
        return "must have one partition";
    return t->wrong[0] ? t->wrong : NULL;
}

static bool amiss(const struct topics *ts)
{
    for (unsigned i = 0; i < OWN_REQUIRED; i++)
        if (fault_of(ts, i))
            return true;
    return ts->configs_ns == 0;
}

static bool settings_wrong(const struct topics *ts)
{
    for (unsigned i = 0; i < OWN_REQUIRED; i++)
        if (ts->own[i].wrong[0])
            return true;
    return false;
}

static enum result start(struct bus *b)
{
    struct topics *ts = &b->topics;
    uint64_t now = clock_boot_ns();
    struct topics_round *round = calloc(1, sizeof(*round) + (b->peers.count + OWN_TOPICS) * sizeof(round->questions[0]));

    if (!round)
        return RESULT_NO_MEMORY;
    round->work.data = round;
    round->bus = b;
    round->rk = b->consumer.rk;
    /* Not in the first: a broker that does not tell its settings is waited for, and messages are not to wait too. */
    round->configs = ts->known && (ts->configs_ns == 0 || settings_wrong(ts) ||
                                   now - ts->configs_ns >= CONFIGS_MS * NS_PER_MS);
    for (unsigned i = 0; i < OWN_TOPICS; i++)
        if (ts->own[i].name)
            round->questions[round->count++] = (struct question){ .topic = ts->own[i].name, .own = i };
    for (struct peer *p = b->peers.first; p; p = p->next)
        round->questions[round->count++] = (struct question){ .topic = p->reply_topic, .peer = p };
    int err = uv_queue_work(b->loop, &round->work, work, after);
    if (err) {
        log_error("bus.metadata", LOG_STR("error", uv_err_name(err)));
        free(round);
        return RESULT_INTERNAL;
    }
    ts->round = round;
    ts->wanted = false;
    ts->started_ns = now;
    return RESULT_OK;
}

void topics_tick(struct bus *b)
{
    struct topics *ts = &b->topics;
    uint64_t since = (clock_boot_ns() - ts->started_ns) / NS_PER_MS;

    if (ts->round || b->state != BUS_RUNNING || (ts->started_ns && since < FRESH_MS))
        return;
    if ((ts->wanted || amiss(ts) || b->consumer.down || since >= IDLE_MS) && start(b))
        ts->wanted = true;
}

void topics_refresh(struct bus *b)
{
    b->topics.wanted = true;
    topics_tick(b);
    /* Too soon after the last: a timer of the bus' own, so that nobody waits a whole tick for it. */
    if (b->topics.wanted && !b->topics.round)
        bus_hurry(b);
}

bool topics_fresh(const struct bus *b, const struct peer *peer)
{
    (void)b;
    return peer->checked_ns > 0 && clock_boot_ns() - peer->checked_ns <= FRESH_MS * NS_PER_MS;
}

const char *topics_fault(const struct bus *b, struct buffer *detail)
{
    const char *fault = NULL;

    for (unsigned i = 0; i < OWN_TOPICS; i++) {
        bool needed = i < OWN_REQUIRED || b->options.feed;
        const char *what = needed ? fault_of(&b->topics, i) : NULL;
        if (!what)
            continue;
        fault = "topics";
        if (buffer_printf(detail, "%s%s: %s", detail->len > 0 ? "; " : "", b->topics.own[i].name, what))
            break;                      /* the detail is cut, the fault stands */
    }
    return fault;
}
