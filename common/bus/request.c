/* A request's life in the pool, and what a handler may ask of it; how it is answered is in reply.c. */
#include "bus_internal.h"
#include "clock.h"

#include <sodium.h>
#include <stdlib.h>

enum {
    FREE_MAX = 512,
    ARENA_LIMIT = 4 * 1024 * 1024,
    KEEP_BYTES = 16 * 1024,             /* a larger buffer's memory is given back */
};

void requests_init(struct bus *b)
{
    buffer_init(&b->requests.plain, ENVELOPE_VALUE_MAX);
    buffer_init(&b->requests.header, ENVELOPE_HEADER_MAX);
}

struct request *request_new(struct bus *b)
{
    struct requests *rs = &b->requests;
    struct request *rq = rs->free;

    if (rq) {
        rs->free = rq->next;
        rs->free_count--;
    } else {
        rq = calloc(1, sizeof(*rq));
        if (!rq)
            return NULL;
        buffer_init(&rq->body, ENVELOPE_VALUE_MAX);
    }
    memset(rq, 0, offsetof(struct request, body));
    arena_init(&rq->arena, rq->block, sizeof(rq->block), ARENA_LIMIT);
    rq->bus = b;
    rq->next = rs->live;
    if (rs->live)
        rs->live->prev = rq;
    rs->live = rq;
    return rq;
}

static void wipe(struct request *rq)
{
    if (rq->body.cap > KEEP_BYTES) {
        buffer_free(&rq->body);
    } else if (rq->body.len > 0) {
        secret_wipe(rq->body.data, rq->body.len);
        buffer_reset(&rq->body);
    }
    arena_reset(&rq->arena);
}

void request_release(struct request *rq)
{
    struct requests *rs = &rq->bus->requests;

    if (rq->message)
        rd_kafka_message_destroy(rq->message);
    if (rq->reply)
        delivery_drop(rq->bus, rq->reply);
    identity_drop(rq->identity);
    wipe(rq);
    if (rq->prev)
        rq->prev->next = rq->next;
    else
        rs->live = rq->next;
    if (rq->next)
        rq->next->prev = rq->prev;
    if (rs->free_count == FREE_MAX) {
        buffer_free(&rq->body);
        free(rq);
        return;
    }
    rq->next = rs->free;
    rs->free = rq;
    rs->free_count++;
}

void request_dismiss(struct request *rq)
{
    struct bus *b = rq->bus;
    struct partition *p = rq->partition;
    int64_t offset = rq->offset;

    request_release(rq);
    partition_finish(b, p, offset);
}

void requests_free(struct bus *b)
{
    struct requests *rs = &b->requests;

    /* What handlers still held when the bus was stopped. */
    while (rs->live) {
        struct request *rq = rs->live;
        struct partition *p = rq->partition;
        request_release(rq);
        if (p)
            partition_abandon(b, p);
    }
    while (rs->free) {
        struct request *rq = rs->free;
        rs->free = rq->next;
        buffer_free(&rq->body);
        free(rq);
    }
    rs->free_count = 0;
    buffer_free(&rs->plain);
    buffer_free(&rs->header);
}

/* ---- what a handler sees ---- */

const void *request_body(const struct request *rq)
{
    return rq->decoded;
}

struct bytes request_body_bytes(const struct request *rq)
{
    return buffer_bytes(&rq->body);
}

struct arena *request_arena(struct request *rq)
{
    return &rq->arena;
}

uint64_t request_now_ms(const struct request *rq)
{
    return rq->now_ms;
}

uint64_t request_left_ms(const struct request *rq)
{
    uint64_t now = clock_boot_ns();

    return now < rq->deadline_ns ? (rq->deadline_ns - now) / NS_PER_MS : 0;
}

uint64_t request_late_ms(const struct request *rq)
{
    uint64_t now = clock_boot_ns();

    return now > rq->deadline_ns ? (now - rq->deadline_ns) / NS_PER_MS : 0;
}

struct text request_source(const struct request *rq)
{
    return rq->source->name;
}

struct text request_realm(const struct request *rq)
{
    return rq->source->realm;
}

struct text request_op(const struct request *rq)
{
    return rq->op->name;
}

const struct uuid *request_id(const struct request *rq)
{
    return &rq->id;
}

struct text request_trace(const struct request *rq)
{
    return (struct text){ rq->trace_len > 0 ? rq->trace : NULL, rq->trace_len };
}

void request_fingerprint(const struct request *rq, const uint8_t key[32], uint8_t out[32])
{
    static const uint8_t SEAM = 0;
    crypto_generichash_state state;

    crypto_generichash_init(&state, key, 32, 32);
    crypto_generichash_update(&state, (const uint8_t *)rq->op->name.data, rq->op->name.len);
    crypto_generichash_update(&state, &SEAM, sizeof(SEAM));
    crypto_generichash_update(&state, rq->body.data, rq->body.len);
    crypto_generichash_final(&state, out, 32);
    secret_wipe(&state, sizeof(state));
}
