/* How a request is answered: encode, seal to the key that asked, send; its report will finish the offset. */
#include "bus_internal.h"
#include "clock.h"
#include "entropy.h"
#include "log.h"

enum { KEEP_BYTES = 64 * 1024 };        /* of scratch */

static void forget(struct buffer *b)
{
    if (b->cap > KEEP_BYTES)
        buffer_free(b);
    else if (b->len > 0)
        secret_wipe(b->data, b->len);
    buffer_reset(b);
}

/* Everything of its end that may need its partition. */
static void count(struct request *rq)
{
    stats_answered(rq->bus, rq);
    if (rq->slow_taken) {
        rq->partition->slow--;
        rq->bus->requests.slow--;
    }
}

/* Lets its copies go on, and it is gone. */
static void end(struct request *rq)
{
    struct bus *b = rq->bus;

    if (rq->first)
        copies_pass_on(b, rq);
    request_release(rq);
    copies_run(b);
}

/* Nobody can be told: no key any more, no memory, no bus. The client's deadline ends it. */
static void give_up(struct request *rq, enum result r)
{
    struct bus *b = rq->bus;
    struct partition *p = rq->partition;
    int64_t offset = rq->offset;

    b->requests.unsealed++;
    log_error("bus.unanswered", LOG_TEXT("op", rq->op_name), LOG_TEXT("src", rq->source->name), LOG_RESULT(r));
    count(rq);
    end(rq);
    partition_finish(b, p, offset);
}

static enum result seal(struct request *rq, struct bytes body, struct buffer *value)
{
    struct requests *rs = &rq->bus->requests;
    const struct principal_key *peer = principal_key_find(rq->source, &rq->skid);
    uint8_t random[10];
    enum result r;

    entropy_public(random, sizeof(random));
    struct envelope_header h = {
        .re = rq->id,
        .op = rq->op_name,
        .src = rq->bus->self,
        .dst = rq->source->name,
        .skid = rq->dkid,
        .dkid = rq->skid,
        .ts = clock_unix_ms(),
        .trace = request_trace(rq),
    };
    h.id = uuid_v7(h.ts, random);
    entropy_public(h.nonce, sizeof(h.nonce));

    buffer_reset(&rs->header);
    buffer_reset(value);
    if (!peer)
        r = RESULT_NOT_FOUND;
    else if (!(r = envelope_write_header(&h, ENVELOPE_REPLY, &rs->header)))
        r = seal_value(rq->identity->keyring, SEAL_RESPONDER, peer, &h, buffer_bytes(&rs->header), body, false, value);
    return r;
}

static enum result reply_buffer(struct request *rq)
{
    if (!rq->reply)
        rq->reply = delivery_new(rq->bus, DELIVERY_REPLY);
    return rq->reply ? RESULT_OK : RESULT_NO_MEMORY;
}

/* Seals what has been encoded, if it has been; the plain text is forgotten in any case. */
static enum result seal_encoded(struct request *rq, enum result encoded, unsigned status)
{
    struct buffer *plain = &rq->bus->requests.plain;
    enum result r = encoded ? encoded : reply_buffer(rq);

    if (!r)
        r = seal(rq, buffer_bytes(plain), &rq->reply->value);
    forget(plain);
    if (!r)
        rq->status = status;
    return r;
}

static enum result seal_result(struct request *rq, const void *result)
{
    struct mp_writer w = mp_writer_to(&rq->bus->requests.plain);

    return seal_encoded(rq, reply_encode_ok(rq->op->result, result, &w), 200);
}

static enum result seal_fault(struct request *rq, const struct fault *fault)
{
    struct mp_writer w = mp_writer_to(&rq->bus->requests.plain);

    return seal_encoded(rq, reply_encode_fault(fault, &w), fault_info(fault->code)->status);
}

static void send_reply(struct request *rq)
{
    struct delivery *d = rq->reply;

    rq->reply = NULL;
    if (rq->bus->state >= BUS_CLOSED) {
        delivery_drop(rq->bus, d);
        give_up(rq, RESULT_CLOSED);
        return;
    }
    d->topic = rq->reply_to->handle;
    d->to = rq->reply_partition;
    d->partition = rq->partition;
    d->offset = rq->offset;
    count(rq);
    delivery_send(rq->bus, d);
    end(rq);
}

void request_refuse(struct request *rq, const struct fault *fault)
{
    enum result r = seal_fault(rq, fault);

    if (r)
        give_up(rq, r);
    else
        send_reply(rq);
}

void request_reply(struct request *rq, const void *result)
{
    enum result r = seal_result(rq, result);

    if (r == RESULT_TOO_LARGE)
        request_fail(rq, FAULT_TOO_LARGE, NULL);
    else if (r == RESULT_INTERNAL)
        request_fail(rq, FAULT_INTERNAL, NULL);
    else if (r)
        give_up(rq, r);
    else
        send_reply(rq);
}

static struct fault fault_of(enum fault_code code, const char *detail)
{
    return (struct fault){
        .code = code, .detail = detail ? text_of(detail) : (struct text){ 0 }, .retry_after_ms = -1
    };
}

void request_fail(struct request *rq, enum fault_code code, const char *detail)
{
    struct fault fault = fault_of(code, detail);

    request_refuse(rq, &fault);
}

static int64_t retry_after(uint64_t ms)
{
    return ms <= INT64_MAX ? (int64_t)ms : INT64_MAX;
}

void request_fail_retry(struct request *rq, enum fault_code code, uint64_t retry_after_ms, const char *detail)
{
    struct fault fault = fault_of(code, detail);

    fault.retry_after_ms = retry_after(retry_after_ms);
    request_refuse(rq, &fault);
}

void request_fail_fields(struct request *rq, const struct field_errors *errors)
{
    struct fault fault = fault_of(FAULT_INVALID_REQUEST, NULL);

    fault.errors = errors;
    request_refuse(rq, &fault);
}

enum result request_seal(struct request *rq, const void *result, struct bytes *value)
{
    enum result r = seal_result(rq, result);

    if (!r)
        *value = buffer_bytes(&rq->reply->value);
    return r;
}

enum result request_seal_fault(struct request *rq, enum fault_code code, uint64_t retry_after_ms, const char *detail,
                               struct bytes *value)
{
    struct fault fault = fault_of(code, detail);

    if (retry_after_ms > 0)
        fault.retry_after_ms = retry_after(retry_after_ms);
    enum result r = seal_fault(rq, &fault);
    if (!r)
        *value = buffer_bytes(&rq->reply->value);
    return r;
}

void request_send(struct request *rq, struct bytes value)
{
    if (!rq->reply || value.data != rq->reply->value.data) {
        /* Not the one just sealed, if any: the first one, kept by the record of effects. */
        enum result r = reply_buffer(rq);
        if (!r) {
            buffer_reset(&rq->reply->value);
            r = buffer_append(&rq->reply->value, value.data, value.len);
        }
        if (r) {
            give_up(rq, r);
            return;
        }
        rq->status = 0;
    }
    send_reply(rq);
}
