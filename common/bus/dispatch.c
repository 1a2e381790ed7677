#include "dispatch.h"

#include "bus_internal.h"
#include "clock.h"
#include "log.h"

enum {
    SLOW_BYTES = 64 * 1024,             /* from here on a message is slow, whatever its op */
    SLOW_SHARE = 4,                     /* slow ones hold at most this part of a window */
    SLOW_RETRY_MS = 500,
};

static const struct op *find_op(void *cookie, struct text name)
{
    struct bus *b = cookie;

    for (unsigned i = 0; i < b->options.route_count; i++)
        if (text_equal(b->options.routes[i].op->name, name))
            return b->options.routes[i].op;
    return NULL;
}

/* 0 for what is not known to exist; whether that is known well enough is the topics' to say. */
static uint32_t partitions(void *cookie, struct text topic)
{
    struct bus *b = cookie;
    struct peer *peer = peers_by_topic(&b->peers, topic);

    b->asked = peer;
    return peer && topics_peer_open(b, peer) ? peer->partitions : 0;
}

void dispatch_init(struct bus *b)
{
    b->postponed.last = &b->postponed.first;
    b->receiver = (struct receiver){
        .self = b->self,
        .service = b->self,
        .prefix = b->prefix,
        .kind = ENVELOPE_REQUEST,
        .find_op = find_op,
        .partitions = partitions,
        .cookie = b,
        .ahead_ms = b->options.ahead_ms,
        .age_ms = b->options.age_ms,
        .ttl_max_ms = b->options.ttl_max_ms,
    };
    dispatch_identity(b);
}

void dispatch_identity(struct bus *b)
{
    b->receiver.principals = b->identity->principals;
    b->receiver.keyring = b->identity->keyring;
}

/* ---- postponed ---- */

/* For its next delivery: to us, or to others. */
static void abandon(struct bus *b, struct request *rq)
{
    struct partition *p = rq->partition;

    request_release(rq);
    partition_abandon(b, p);
}

static void postpone(struct bus *b, struct request *rq)
{
    /* Nobody will judge it any more, and the consumer is not destroyed while a message of it is held. */
    if (b->state > BUS_RUNNING) {
        abandon(b, rq);
        return;
    }
    *b->postponed.last = rq;
    b->postponed.last = &rq->link;
    b->postponed.total++;
    topics_refresh(b);
}

static struct request *take_postponed(struct bus *b)
{
    struct request *all = b->postponed.first;

    b->postponed.first = NULL;
    b->postponed.last = &b->postponed.first;
    return all;
}

static void judge(struct bus *b, struct request *rq);

void dispatch_postponed(struct bus *b)
{
    for (struct request *rq = take_postponed(b), *next; rq; rq = next) {
        next = rq->link;
        rq->link = NULL;
        judge(b, rq);
    }
}

void dispatch_abandon_postponed(struct bus *b)
{
    for (struct request *rq = take_postponed(b), *next; rq; rq = next) {
        next = rq->link;
        abandon(b, rq);
    }
}

/* ---- verdicts ---- */

static unsigned route_of(const struct bus *b, struct text name)
{
    unsigned i = 0;

    while (i < b->options.route_count && !text_equal(b->options.routes[i].op->name, name))
        i++;
    return i;
}

/* What the request needs of the message to be answered after that is gone. */
static void keep(struct bus *b, struct request *rq, const struct verdict *v)
{
    const struct envelope_header *h = &v->envelope.header;
    int64_t left_ms = (int64_t)(h->ts + h->ttl - rq->now_ms);

    rq->identity = identity_hold(b->identity);
    rq->source = v->source;
    rq->reply_to = b->identity->peers[v->source->index];
    rq->reply_partition = (int32_t)h->reply_partition;
    rq->id = h->id;
    rq->skid = h->skid;
    rq->dkid = h->dkid;
    rq->trace_len = h->trace.len;
    if (h->trace.len > 0)
        memcpy(rq->trace, h->trace.data, h->trace.len);
    rq->op_name = h->op;
    rq->route = route_of(b, h->op);
    rq->deadline_ns = clock_boot_ns() + (left_ms > 0 ? (uint64_t)left_ms : 0) * NS_PER_MS;
}

static void watch_clock(struct bus *b, const struct request *rq, uint64_t ts)
{
    if (!partition_waited(b, rq->partition, rq->offset))
        clock_watch_add(&rq->reply_to->clock, rq->now_ms, ts, clock_boot_ns() / NS_PER_MS);
}

static void serve(struct bus *b, struct request *rq, const struct verdict *v)
{
    rq->op = v->op;
    rq->op_name = v->op->name;
    rq->decoded = v->decoded;
    rq->slow = (v->op->flags & OP_SLOW) || rq->message->len > SLOW_BYTES;
    /* From here on nothing borrows from the message. */
    rd_kafka_message_destroy(rq->message);
    rq->message = NULL;
    if (v->op->flags & OP_ONCE) {
        enum result r = copies_enter(b, rq);
        if (r == RESULT_EXISTS)
            return;
        if (r) {
            request_fail_retry(rq, FAULT_UNAVAILABLE, SLOW_RETRY_MS, NULL);
            return;
        }
    }
    dispatch_serve(b, rq);
}

/* Whether there is a place for one more slow op; if so it is taken. */
static bool take_slow_place(struct bus *b, struct request *rq)
{
    size_t share = b->options.window / SLOW_SHARE;

    if (rq->partition->slow >= (share > 0 ? share : 1) || b->requests.slow >= b->options.slow_max)
        return false;
    rq->partition->slow++;
    b->requests.slow++;
    rq->slow_taken = true;
    return true;
}

void dispatch_serve(struct bus *b, struct request *rq)
{
    if (rq->slow && !take_slow_place(b, rq)) {
        b->requests.slow_refused++;
        request_fail_retry(rq, FAULT_UNAVAILABLE, SLOW_RETRY_MS, NULL);
        return;
    }
    rq->now_ms = clock_unix_ms();
    bus_trace(b, request_trace(rq));
    b->options.routes[rq->route].handle(b->options.handler_cookie, rq);
    bus_trace(b, (struct text){ 0 });
}

/* Whether an address was called bad only because the metadata is too old to say so. */
static bool address_uncertain(struct bus *b, const struct verdict *v)
{
    return v->reason == DEAD_BAD_REPLY_ADDRESS && b->asked && !topics_fresh(b, b->asked);
}

static void judge(struct bus *b, struct request *rq)
{
    struct verdict *v = &b->verdict;
    struct bytes value = { rq->message->payload, rq->message->payload ? rq->message->len : 0 };

    buffer_reset(&rq->body);
    arena_reset(&rq->arena);
    rq->now_ms = clock_unix_ms();
    b->asked = NULL;
    receive(&b->receiver, value, rq->now_ms, &rq->body, &rq->arena, v);
    if (v->kind == VERDICT_FAILED || (v->kind == VERDICT_DEAD && address_uncertain(b, v))) {
        postpone(b, rq);
        return;
    }
    if (v->kind == VERDICT_DEAD) {
        dead_queue_put(b, rq, v);
        return;
    }
    keep(b, rq, v);
    switch (v->kind) {
    case VERDICT_DROP:
        rq->reply_to->expired++;
        request_dismiss(rq);
        break;
    case VERDICT_REFUSE:
        watch_clock(b, rq, v->envelope.header.ts);
        bus_trace(b, request_trace(rq));
        request_refuse(rq, &v->fault);
        bus_trace(b, (struct text){ 0 });
        break;
    case VERDICT_SERVE:
        watch_clock(b, rq, v->envelope.header.ts);
        serve(b, rq, v);
        break;
    case VERDICT_EVENT:                 /* none on a topic of requests */
    case VERDICT_DEAD:
    case VERDICT_FAILED:
        log_error("bus.verdict", LOG_INT("kind", v->kind));
        request_dismiss(rq);
        break;
    }
}

void dispatch(struct bus *b, struct request *rq, struct partition *p, rd_kafka_message_t *m)
{
    rq->partition = p;
    rq->offset = m->offset;
    rq->message = m;
    rq->received_ns = clock_boot_ns();
    judge(b, rq);
}
