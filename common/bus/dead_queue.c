#include "dead_queue.h"

#include "audit.h"
#include "bus_internal.h"
#include "clock.h"
#include "log.h"

static uint64_t boot_ms(void)
{
    return clock_boot_ns() / NS_PER_MS;
}

static void tell(void *cookie, const struct episode_report *report)
{
    struct bus *b = cookie;
    const char *reason = dead_reason_text(report->reason), *phase = episode_phase_text(report->phase);
    struct scalar_pair attrs[] = {
        { TEXT("reason"), { .type = MP_STR, .str = text_of(reason) } },
        { TEXT("src"), { .type = MP_STR, .str = report->src } },
        { TEXT("count"), { .type = MP_UINT, .uint = report->count } },
        { TEXT("phase"), { .type = MP_STR, .str = text_of(phase) } },
    };
    struct audit_event event = {
        .type = TEXT("bus.rejected"),
        .time = clock_unix_ms(),
        .outcome = AUDIT_DENIED,
        .attrs = { attrs, sizeof(attrs) / sizeof(attrs[0]) },
        .has_attrs = true,
    };

    log_warn("bus.rejected", LOG_STR("reason", reason), LOG_TEXT("src", report->src), LOG_UINT("count", report->count),
             LOG_STR("phase", phase));
    bus_event(b, &event, text_bytes(b->self));
}

enum result dead_queue_init(struct bus *b)
{
    return episodes_new(tell, b, &b->dead.episodes);
}

void dead_queue_tick(struct bus *b)
{
    episodes_tick(b->dead.episodes, boot_ms());
}

void dead_queue_end(struct bus *b)
{
    episodes_end(b->dead.episodes);
}

void dead_queue_free(struct bus *b)
{
    episodes_free(b->dead.episodes);
    b->dead.episodes = NULL;
}

static rd_kafka_headers_t *headers_for(const rd_kafka_message_t *m, enum dead_reason reason)
{
    struct dead_letter_headers told;
    rd_kafka_headers_t *headers = rd_kafka_headers_new(DEAD_LETTER_HEADERS);

    if (!headers)
        return NULL;
    dead_letter_describe(dead_reason_text(reason), text_of(rd_kafka_topic_name(m->rkt)), m->partition, m->offset, &told);
    for (size_t i = 0; i < DEAD_LETTER_HEADERS; i++) {
        const struct dead_letter_header *h = &told.items[i];
        if (rd_kafka_header_add(headers, h->name, -1, h->value.data, (ssize_t)h->value.len)) {
            rd_kafka_headers_destroy(headers);
            return NULL;
        }
    }
    return headers;
}

/* RESULT_FULL over the allowance. */
static enum result compose(struct bus *b, const rd_kafka_message_t *m, const struct verdict *v, struct delivery *d)
{
    struct bytes value = { m->payload, m->payload ? m->len : 0 }, kept;
    enum result r = dead_letter_value(value, v->unframed, &d->value, &kept);

    if (r)
        return r;
    if (!dead_allowance_take(&b->dead.allowance, boot_ms(), kept.len + m->key_len))
        return RESULT_FULL;
    if (kept.data != d->value.data && (r = buffer_append(&d->value, kept.data, kept.len)))
        return r;
    if (m->key && (r = buffer_append(&d->key, m->key, m->key_len)))
        return r;
    d->headers = headers_for(m, v->reason);
    return d->headers ? RESULT_OK : RESULT_NO_MEMORY;
}

/* Counts it, and writes the letter, which is not sent yet; NULL when there is to be none. */
static struct delivery *letter(struct bus *b, const rd_kafka_message_t *m, const struct verdict *v)
{
    rd_kafka_topic_t *topic = b->topics.own[OWN_DEAD].handle;
    struct delivery *d = topic ? delivery_new(b, DELIVERY_DEAD) : NULL;

    b->dead.counts[v->reason]++;
    episodes_add(b->dead.episodes, v->reason, v->source ? v->source->name : (struct text){ 0 }, boot_ms());
    enum result r = d ? compose(b, m, v, d) : RESULT_NOT_FOUND;
    if (!r) {
        d->topic = topic;
        return d;
    }
    b->dead.only_counted++;
    if (r != RESULT_FULL)
        log_warn("bus.dead_letter", LOG_STR("reason", dead_reason_text(v->reason)), LOG_RESULT(r));
    if (d)
        delivery_drop(b, d);
    return NULL;
}

void dead_queue_put(struct bus *b, struct request *rq, const struct verdict *v)
{
    struct delivery *d = letter(b, rq->message, v);

    if (!d) {
        request_dismiss(rq);
        return;
    }
    d->partition = rq->partition;
    d->offset = rq->offset;
    request_release(rq);
    delivery_send(b, d);
}

bool dead_queue_note(struct bus *b, const rd_kafka_message_t *m, const struct verdict *v, bool of_feed)
{
    struct delivery *d = letter(b, m, v);

    if (!d)
        return false;
    d->of_feed = of_feed;
    delivery_send(b, d);
    return true;
}

void dead_queue_unreadable(struct bus *b)
{
    b->dead.counts[DEAD_MALFORMED]++;
    b->dead.only_counted++;
    episodes_add(b->dead.episodes, DEAD_MALFORMED, (struct text){ 0 }, boot_ms());
}
