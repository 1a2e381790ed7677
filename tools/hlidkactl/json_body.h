/*
 * JSON in, msgpack out, by the schema of an op, and back: what a person types and reads.
 *
 *     bin     base64 (RFC 4648, padded) in a JSON string
 *     other   as JSON has it; ids, addresses and enumerations are text on the wire too
 *
 * What the schema does not know, or knows as another type, goes out as JSON has it: it is the service that judges, and
 * its refusal that one wants to see.
 */
#ifndef HLIDKA_JSON_BODY_H
#define HLIDKA_JSON_BODY_H

#include <jansson.h>

#include "mp_writer.h"
#include "schema.h"

/* s may be NULL: everything as JSON has it. RESULT_MALFORMED (a bin that is not base64), RESULT_TOO_DEEP (over 32),
 * RESULT_TOO_LARGE, RESULT_NO_MEMORY with `why`. */
MUST_USE enum result json_to_body(const struct schema *s, const json_t *json, struct buffer *out, struct buffer *why);

/* NULL for what is not msgpack, or without memory. Integers beyond JSON's (2^63 and up) become text; what is no JSON
 * (extensions, keys that are no text) becomes null and is left out. The caller decrefs. */
json_t *body_to_json(struct bytes body);

#endif
