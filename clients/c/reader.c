#include "client.h"

#include <stdio.h>
#include <stdlib.h>

#include "entropy.h"

#define LOOK_MS        1500             /* for each question to the brokers, on a thread of the pool */
#define BACKOFF_MIN_MS 100u
#define BACKOFF_MAX_MS 2000u
#define STUCK_MS       10000u
#define PARTITIONS_MAX 1024

enum result reader_open(struct reader *r, struct hlidka *c, const char *topic, bool every)
{
    int len = snprintf(r->topic, sizeof(r->topic), "%s", topic);

    if (len < 0 || (size_t)len >= sizeof(r->topic))
        return RESULT_TOO_LARGE;
    r->handle = rd_kafka_topic_new(c->consumer, topic, NULL);
    if (!r->handle)
        return RESULT_BAD_CONFIG;
    r->client = c;
    r->every = every;
    entropy_fill(&r->draw, sizeof(r->draw));
    r->backoff_ms = BACKOFF_MIN_MS;
    snprintf(r->why, sizeof(r->why), "%s: not asked for yet", r->topic);
    return RESULT_OK;
}

/* ---- on the pool ------------------------------------------------------------------------------------------------ */

static bool look_failed(struct reader *r, rd_kafka_resp_err_t err)
{
    if (err)
        snprintf(r->why, sizeof(r->why), "%s: %s", r->topic, rd_kafka_err2str(err));
    return err != RD_KAFKA_RESP_ERR_NO_ERROR;
}

static bool find_partitions(struct reader *r)
{
    const struct rd_kafka_metadata *m;
    int32_t have;

    if (look_failed(r, rd_kafka_metadata(r->client->consumer, 0, r->handle, &m, LOOK_MS)))
        return false;
    rd_kafka_resp_err_t err = m->topic_cnt == 1 ? m->topics[0].err : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    have = m->topic_cnt == 1 ? m->topics[0].partition_cnt : 0;
    rd_kafka_metadata_destroy(m);
    if (!err && (have < 1 || have > PARTITIONS_MAX))
        err = RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    if (look_failed(r, err))
        return false;
    r->first = r->every ? 0 : (int32_t)(r->draw % (uint32_t)have);
    r->count = r->every ? have : 1;
    return true;
}

/* The leaders of the topics that we shall send to; that one of them is missing is not our matter here. */
static bool acquaint_producer(struct reader *r)
{
    const struct rd_kafka_metadata *m;

    if (look_failed(r, rd_kafka_metadata(r->client->producer, 0, NULL, &m, LOOK_MS)))
        return false;
    rd_kafka_metadata_destroy(m);
    return true;
}

/* Before the first request leaves: an answer can then only come to a place that is being read. */
static void look(uv_work_t *work)
{
    struct reader *r = work->data;
    int64_t low;

    if (!find_partitions(r) || !acquaint_producer(r))
        return;
    int64_t *ends = calloc((size_t)r->count, sizeof(ends[0]));
    if (!ends) {
        snprintf(r->why, sizeof(r->why), "out of memory");
        return;
    }
    for (int32_t i = 0; i < r->count; i++) {
        if (look_failed(r, rd_kafka_query_watermark_offsets(r->client->consumer, r->topic, r->first + i, &low, &ends[i],
                                                            LOOK_MS))) {
            free(ends);
            return;
        }
    }
    r->ends = ends;
}

/* ---- on the loop ------------------------------------------------------------------------------------------------ */

static bool attach(struct reader *r)
{
    for (int32_t i = 0; i < r->count; i++) {
        if (rd_kafka_consume_start_queue(r->handle, r->first + i, r->ends[i], r->client->messages)) {
            look_failed(r, rd_kafka_last_error());
            while (i-- > 0)
                rd_kafka_consume_stop(r->handle, r->first + i);
            return false;
        }
    }
    return true;
}

static void looked(uv_work_t *work, int status)
{
    struct reader *r = work->data;
    struct hlidka *c = r->client;

    (void)status;                       /* never cancelled */
    r->looking = false;
    if (c->state != CLIENT_OPEN)
        return;
    r->attached = r->ends && attach(r);
    free(r->ends);
    r->ends = NULL;
    if (!r->attached) {
        client_notice(c, "%s", r->why);
        r->next_look_ms = client_now_ms() + r->backoff_ms;
        r->backoff_ms = 2 * r->backoff_ms < BACKOFF_MAX_MS ? 2 * r->backoff_ms : BACKOFF_MAX_MS;
        client_arm(c);
        return;
    }
    if (r != &c->replies)
        return;
    call_send_waiting(c);
    client_arm(c);
    if (c->ready)
        c->ready(c->cookie);
}

void reader_tick(struct reader *r, uint64_t now_ms)
{
    if (!r->client || r->attached || r->looking || now_ms < r->next_look_ms)
        return;
    r->work.data = r;
    r->looking = uv_queue_work(r->client->loop, &r->work, look, looked) == 0;
}

/*
 * What cannot be read (a batch that does not decode, say) would be asked for again and again. Past it, at the cost of
 * the answers between here and the end, which asking again brings back.
 */
void reader_failed(struct reader *r, const rd_kafka_message_t *m)
{
    uint64_t now_ms = client_now_ms();

    if (!r->failing_since_ms) {
        r->failing_since_ms = now_ms;
        client_notice(r->client, "%s: %s", r->topic, rd_kafka_message_errstr(m));
    }
    if (now_ms - r->failing_since_ms < STUCK_MS)
        return;
    rd_kafka_seek(r->handle, m->partition, RD_KAFKA_OFFSET_END, 0);
    r->failing_since_ms = 0;
}

void reader_destroy(struct reader *r)
{
    if (!r->client)
        return;
    for (int32_t i = 0; r->attached && i < r->count; i++)
        rd_kafka_consume_stop(r->handle, r->first + i);
    rd_kafka_topic_destroy(r->handle);
    free(r->ends);
}
