/*
 * Bodies in and out by their schema: strict decoding (PROTOCOL.md section 2), shortest-form encoding with
 * the keys in the order of the table, and the replies around results and refusals.
 *
 *     struct ratelimit_check_request in;
 *     struct field_errors errors;
 *     r = body_decode(&schema_ratelimit_check_request, body, &arena, &in, &errors);
 *     if (r == RESULT_MALFORMED)
 *         … a FAULT_INVALID_REQUEST with &errors
 */
#ifndef HLIDKA_CODEC_H
#define HLIDKA_CODEC_H

#include "arena.h"
#include "codes.h"
#include "mp_writer.h"
#include "schema.h"

/* Containers within containers; the body's own map is the first. */
#define BODY_DEPTH_MAX 8

/*
 * Fills *out, whose texts and bytes borrow from body and whose lists and maps lie in the arena (a body
 * without any takes nothing from it, and no request of ours more than 64 KiB, its errors included).
 * RESULT_MALFORMED: errors holds all that is wrong, at most FIELD_ERRORS_MAX, pointers in the arena, and
 * *out is not to be read. RESULT_NO_MEMORY: the arena is at its limit, errors is not to be read.
 *
 * One error for each fault of each field: its type, then its length, then its form. A map that has a key
 * which is no str is itself of the wrong type.
 */
MUST_USE enum result body_decode(const struct schema *s, struct bytes body, struct arena *a, void *out,
                                 struct field_errors *errors);

/* Returns the writer's status; RESULT_INTERNAL when an enum or scalar member holds no value of its type.
 * Bounds are the reader's to check. */
MUST_USE enum result body_encode(const struct schema *s, const void *in, struct mp_writer *w);

/* {"status": 200, "result": …} and {"status": N, "error": …}; returns the writer's status. */
MUST_USE enum result reply_encode_ok(const struct schema *s, const void *result, struct mp_writer *w);
MUST_USE enum result reply_encode_fault(const struct fault *fault, struct mp_writer *w);

/* A client's side: out->result is the result still in msgpack, for body_decode; an error code that we do not
 * know passes. RESULT_MALFORMED, RESULT_NO_MEMORY. */
MUST_USE enum result reply_decode(struct bytes body, struct arena *a, struct reply *out);

#endif
