/* Arguments that several commands take, and what several print. */
#ifndef HLIDKA_ARGUMENTS_H
#define HLIDKA_ARGUMENTS_H

#include "buffer.h"
#include "hlidka.h"

#define ARGUMENT_OP_MAX   96u
#define ARGUMENT_BODY_MAX 1000000u      /* bytes of msgpack, and of the JSON on standard input */

/* A whole number in decimal, within min … max. */
bool argument_number(const char *text, uint32_t min, uint32_t max, uint32_t *out);

/* "ratelimit", "check" or "ratelimit.check" -> "ratelimit.check". RESULT_OUT_OF_RANGE with `why`. */
MUST_USE enum result argument_op(const char *service, const char *op, char out[ARGUMENT_OP_MAX], struct buffer *why);

/* JSON text, or standard input for "-", to the body of that op. RESULT_MALFORMED, RESULT_TOO_LARGE, … with `why`. */
MUST_USE enum result argument_json(const char *op, const char *json, struct buffer *body, struct buffer *why);
MUST_USE enum result argument_hex(const char *hex, struct buffer *body, struct buffer *why);

/* A line on stdout. False, with a complaint, for what is not msgpack. */
bool argument_print_json(struct hlidka_bytes msgpack);
void argument_print_hex(const void *data, size_t len);

#endif
