/*
 * What a handler sees of a request. The bus has authenticated it, checked its clock, its deadline and its
 * grant, and decoded its body before the handler runs; the handler answers exactly once, now or later, with
 * one of request_reply… or request_fail…; after that the request is gone.
 *
 *     void handle_policies(void *service, struct request *rq)
 *     {
 *         struct ratelimit *r = service;
 *         struct ratelimit_policies_result result = { … };
 *         request_reply(rq, &result);
 *     }
 *
 * A request that a handler holds is never cancelled: work that was begun runs to its end (protocol.md,
 * section 2), whatever the deadline or the partition does meanwhile. Whoever waits for a store gives the wait
 * a bound of its own (request_left_ms).
 */
#ifndef HLIDKA_REQUEST_H
#define HLIDKA_REQUEST_H

#include "arena.h"
#include "codec.h"
#include "codes.h"
#include "ops.h"
#include "uuid.h"

struct request;

typedef void (*request_handler)(void *service, struct request *rq);

/* op -> handler; a service's ops.c is a table of these. An op that is not in it answers unknown_op. */
struct route {
    const struct op *op;
    request_handler handle;
};

/* The decoded body: the op's request struct. Lives, with all it points to, until the request is answered. */
const void *request_body(const struct request *rq);

/* The body's bytes as they came. */
struct bytes request_body_bytes(const struct request *rq);

/* Memory that goes with the request. */
struct arena *request_arena(struct request *rq);

/* Read once, when the handler began: ms since 1970, the only `now` a handler has. */
uint64_t request_now_ms(const struct request *rq);

/* Until the deadline, by CLOCK_BOOTTIME; 0 when it has passed. */
uint64_t request_left_ms(const struct request *rq);
/* Since then; 0 before. */
uint64_t request_late_ms(const struct request *rq);

/* Who asks, and the realm whose ciphertexts and objects they share. Static until the next reload: copy to keep. */
struct text request_source(const struct request *rq);
struct text request_realm(const struct request *rq);
const struct uuid *request_id(const struct request *rq);
struct text request_op(const struct request *rq);
struct text request_trace(const struct request *rq);

/* BLAKE2b-256 keyed with `key` over op, 0, body bytes: what the record of an effect keeps to tell a repeat from another request. */
void request_fingerprint(const struct request *rq, const uint8_t key[32], uint8_t out[32]);

/* 200 with the op's result struct, encoded by its schema before this returns. */
void request_reply(struct request *rq, const void *result);

/* An error. detail is static text or lives in the request's arena; NULL for none. */
void request_fail(struct request *rq, enum fault_code code, const char *detail);
void request_fail_retry(struct request *rq, enum fault_code code, uint64_t retry_after_ms, const char *detail);
/* 400 invalid_request with these errors. */
void request_fail_fields(struct request *rq, const struct field_errors *errors);

/*
 * For ops marked once whose effect and reply are recorded in one transaction: seal the reply first (the whole
 * Kafka value, borrowed until the request is answered), store it with the effect, then send those very bytes.
 * RESULT_TOO_LARGE, RESULT_NO_MEMORY; the request is still to be answered.
 */
MUST_USE enum result request_seal(struct request *rq, const void *result, struct bytes *value);
MUST_USE enum result request_seal_fault(struct request *rq, enum fault_code code, uint64_t retry_after_ms, const char *detail, struct bytes *value);
/* Sends a sealed reply: the one just made, or the first one, kept by the record of effects. */
void request_send(struct request *rq, struct bytes value);

#endif
