#include "arguments.h"

#include <errno.h>
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "command.h"
#include "json_body.h"
#include "kafka_open.h"
#include "ops.h"

bool argument_number(const char *text, uint32_t min, uint32_t max, uint32_t *out)
{
    char *end;

    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    if (errno || text[0] < '0' || text[0] > '9' || *end || value < min || value > max)
        return false;
    *out = (uint32_t)value;
    return true;
}

enum result argument_op(const char *service, const char *op, char out[ARGUMENT_OP_MAX], struct buffer *why)
{
    size_t len = strlen(service);
    bool whole = strncmp(op, service, len) == 0 && op[len] == '.';
    int n = snprintf(out, ARGUMENT_OP_MAX, "%s%s%s", whole ? "" : service, whole ? "" : ".", op);

    return n < 0 || n >= (int)ARGUMENT_OP_MAX ? kafka_fail(RESULT_OUT_OF_RANGE, why, op, "too long for an op") : RESULT_OK;
}

static json_t *load(const char *json, json_error_t *error)
{
    size_t flags = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY;

    return strcmp(json, "-") == 0 ? json_loadf(stdin, flags, error) : json_loads(json, flags, error);
}

enum result argument_json(const char *op, const char *json, struct buffer *body, struct buffer *why)
{
    const struct op *known = ops_find(text_of(op));
    json_error_t error;
    json_t *tree = load(json, &error);

    if (!tree)
        return buffer_printf(why, "JSON, line %d column %d: %s\n", error.line, error.column, error.text)
                   ? RESULT_NO_MEMORY : RESULT_MALFORMED;
    enum result r = json_to_body(known ? known->request : NULL, tree, body, why);
    json_decref(tree);
    return r;
}

enum result argument_hex(const char *hex, struct buffer *body, struct buffer *why)
{
    size_t len = strlen(hex), written;
    const char *end;

    enum result r = buffer_reserve(body, len / 2 + 1);
    if (r)
        return r;
    if (sodium_hex2bin(body->data, len / 2 + 1, hex, len, NULL, &written, &end) || *end)
        return kafka_fail(RESULT_MALFORMED, why, "the body", "not pairs of hex digits");
    body->len = written;
    return RESULT_OK;
}

bool argument_print_json(struct hlidka_bytes msgpack)
{
    json_t *json = body_to_json((struct bytes){ msgpack.data, msgpack.len });
    bool printed = json && json_dumpf(json, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY) == 0;

    json_decref(json);
    if (printed)
        putchar('\n');
    else
        complain("what came is no msgpack that JSON could show (--raw shows it)");
    return printed;
}

void argument_print_hex(const void *data, size_t len)
{
    const uint8_t *bytes = data;

    for (size_t i = 0; i < len; i++)
        printf("%02x", bytes[i]);
    putchar('\n');
}
