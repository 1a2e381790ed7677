/*
 * Prints proto/asyncapi.yaml: the contract as an AsyncAPI 3.0 document, from the tables of proto/ alone.
 *
 *     build/release/bin/asyncapi > proto/asyncapi.yaml
 *
 * Operations are seen from the services: they receive requests and notices, and send alerts and checkpoints.
 */
#include <inttypes.h>
#include <stdio.h>

#include "audit.h"
#include "channels.h"
#include "codes.h"
#include "json_schema.h"
#include "ops.h"
#include "yaml_out.h"

#define SCHEMAS_MAX 256

static const struct service {
    const char *name;
    enum channel requests;
} services[] = {
    { "auth", CHANNEL_auth_requests },
    { "crypto", CHANNEL_crypto_requests },
    { "ratelimit", CHANNEL_ratelimit_requests },
    { "audit", CHANNEL_audit_requests },
};
#define SERVICES (sizeof services / sizeof *services)

static void each_op(void (*visit)(const struct op *op, enum channel requests))
{
    for (size_t s = 0; s < SERVICES; s++) {
        size_t count;
        const struct op *const *ops = ops_of(text_of(services[s].name), &count);

        for (size_t i = 0; i < count; i++)
            visit(ops[i], services[s].requests);
    }
}

/* A notice has a topic of its own. */
static enum channel channel_of(const struct op *op, enum channel requests)
{
    if (op->result)
        return requests;
    return op == &op_audit_event ? CHANNEL_audit_events : CHANNEL_auth_revocations;
}

/* The name of a channel in the document: names in braces are its parameters. */
static const char *channel_id(enum channel c)
{
    return c == CHANNEL_replies ? "replies" : c == CHANNEL_dead ? "dead" : channels[c].name;
}

/* ---- info ---- */

static void print_info(void)
{
    yaml_line(0, "# Printed by tools/asyncapi from the tables in proto/; `make asyncapi` writes it anew.");
    yaml_line(0, "asyncapi: 3.0.0");
    yaml_line(0, "info:");
    yaml_text(1, "title", "Hlídka");
    yaml_text(1, "version", "1.0.0");
    yaml_line(1, "description: |");
    yaml_line(2, "The security plane of an application over Kafka: authentication, encryption, limits,");
    yaml_line(2, "audit. Payloads are the msgpack bodies inside sealed messages; how a message is");
    yaml_line(2, "sealed, in which order a receiver judges it and what the ops mean is in PROTOCOL.md.");
    yaml_line(2, "Bodies are strict. Lengths are in bytes, format `binary` is msgpack's bin. `x-once`:");
    yaml_line(2, "one effect per message id; `x-signed`: needs a signature; `x-before`, `x-not-after`:");
    yaml_line(2, "the order of two fields.");
    yaml_line(0, "defaultContentType: application/msgpack");
    yaml_line(0, "x-error-codes:");
    for (unsigned code = 0; code < FAULT_COUNT; code++) {
        const struct fault_info *info = fault_info((enum fault_code)code);

        yaml_line(1, "- { code: %.*s, status: %u, title: \"%.*s\" }", TEXT_ARG(info->code), info->status,
                  TEXT_ARG(info->title));
    }
}

/* ---- channels ---- */

static enum channel shown;      /* whose messages are being listed */

static void print_channel_message(const struct op *op, enum channel requests)
{
    char key[96];

    if (shown == channel_of(op, requests))
        snprintf(key, sizeof key, "%.*s", TEXT_ARG(op->name));
    else if (shown == CHANNEL_replies && op->result)
        snprintf(key, sizeof key, "%.*s.reply", TEXT_ARG(op->name));
    else
        return;
    yaml_ref(3, key, "components/messages/%s", key);
}

static void print_parameter(enum channel c)
{
    if (c == CHANNEL_replies) {
        yaml_line(2, "parameters:");
        yaml_line(3, "principal:");
        yaml_text(4, "description", "The client: only it is answered here.");
    } else if (c == CHANNEL_dead) {
        yaml_line(2, "parameters:");
        yaml_line(3, "service:");
        yaml_line(4, "enum: [auth, crypto, ratelimit, audit]");
    }
}

static void print_binding(const struct channel_info *c)
{
    yaml_line(2, "bindings:");
    yaml_line(3, "kafka:");
    yaml_line(4, "partitions: %d", c->ordered ? 1 : CHANNEL_PARTITIONS);
    yaml_line(4, "topicConfiguration:");
    yaml_line(5, "cleanup.policy: [delete]");
    yaml_line(5, "compression.type: " CHANNEL_COMPRESSION);
    yaml_line(5, "retention.ms: %" PRIu64, c->kept_ms);
    if (c->kept_bytes > 0)
        yaml_line(5, "retention.bytes: %" PRIu64, c->kept_bytes);
    yaml_line(5, "max.message.bytes: %d", CHANNEL_MESSAGE_BYTES_MAX);
    yaml_line(4, "bindingVersion: \"0.5.0\"");
}

static void print_channels(void)
{
    yaml_line(0, "channels:");
    for (unsigned i = 0; i < CHANNEL_COUNT; i++) {
        shown = (enum channel)i;
        yaml_line(1, "%s:", channel_id(shown));
        yaml_line(2, "address: \"hlidka.%s\"", channels[i].name);
        yaml_line(2, "description: \"From %s. Kafka key: %s.\"", channels[i].who, channels[i].key);
        yaml_line(2, "messages:");
        each_op(print_channel_message);
        if (shown == CHANNEL_replies)
            yaml_ref(3, "refusal", "components/messages/refusal");
        else if (shown == CHANNEL_audit_alerts)
            yaml_ref(3, "alert", "components/messages/alert");
        else if (shown == CHANNEL_audit_checkpoints)
            yaml_ref(3, "checkpoint", "components/messages/checkpoint");
        else if (shown == CHANNEL_dead)
            yaml_ref(3, "dead_letter", "components/messages/dead_letter");
        print_parameter(shown);
        print_binding(&channels[i]);
    }
}

/* ---- operations ---- */

static void print_operation(const struct op *op, enum channel requests)
{
    const char *channel = channel_id(channel_of(op, requests));

    yaml_line(1, "%.*s:", TEXT_ARG(op->name));
    yaml_line(2, "action: receive");
    yaml_text(2, "summary", op->summary);
    yaml_ref(2, "channel", "channels/%s", channel);
    yaml_line(2, "messages:");
    yaml_ref_item(3, "channels/%s/messages/%.*s", channel, TEXT_ARG(op->name));
    if (!op->result)
        return;
    yaml_line(2, "x-once: %s", op->flags & OP_ONCE ? "true" : "false");
    yaml_line(2, "x-signed: %s", op->flags & OP_SIGNED ? "true" : "false");
    yaml_line(2, "reply:");
    yaml_ref(3, "channel", "channels/%s", channel_id(CHANNEL_replies));
    yaml_line(3, "messages:");
    yaml_ref_item(4, "channels/%s/messages/%.*s.reply", channel_id(CHANNEL_replies), TEXT_ARG(op->name));
    yaml_ref_item(4, "channels/%s/messages/refusal", channel_id(CHANNEL_replies));
}

static void print_sent(const char *name, enum channel c, const char *summary)
{
    yaml_line(1, "%s:", name);
    yaml_line(2, "action: send");
    yaml_text(2, "summary", summary);
    yaml_ref(2, "channel", "channels/%s", channel_id(c));
    yaml_line(2, "messages:");
    yaml_ref_item(3, "channels/%s/messages/%s", channel_id(c), name);
}

static void print_operations(void)
{
    yaml_line(0, "operations:");
    each_op(print_operation);
    print_sent("alert", CHANNEL_audit_alerts, "A rule's condition is met.");
    print_sent("checkpoint", CHANNEL_audit_checkpoints, "The log has grown to here.");
    print_sent("dead_letter", CHANNEL_dead, "A message that was not taken; why is in its Kafka headers.");
}

/* ---- messages ---- */

static void print_message(const struct op *op, enum channel requests)
{
    (void)requests;
    yaml_line(2, "%.*s:", TEXT_ARG(op->name));
    yaml_text(3, "summary", op->summary);
    yaml_ref(3, "payload", "components/schemas/%s", op->request->name);
    if (!op->result)
        return;
    yaml_line(2, "%.*s.reply:", TEXT_ARG(op->name));
    yaml_line(3, "payload:");
    yaml_line(4, "type: object");
    yaml_line(4, "additionalProperties: false");
    yaml_line(4, "required: [status, result]");
    yaml_line(4, "properties:");
    yaml_line(5, "status: { type: integer, const: 200 }");
    yaml_ref(5, "result", "components/schemas/%s", op->result->name);
}

static void print_messages(void)
{
    yaml_line(1, "messages:");
    each_op(print_message);
    yaml_line(2, "refusal:");
    yaml_text(3, "summary", "Why a request was refused; codes under x-error-codes.");
    yaml_line(3, "payload:");
    yaml_line(4, "type: object");
    yaml_line(4, "additionalProperties: false");
    yaml_line(4, "required: [status, error]");
    yaml_line(4, "properties:");
    yaml_line(5, "status: { type: integer, minimum: 400, maximum: 599 }");
    yaml_ref(5, "error", "components/schemas/%s", schema_reply_error.name);
    yaml_line(2, "alert:");
    yaml_text(3, "summary", "The body of [1, body, key id, signature]: signed, not sealed.");
    yaml_ref(3, "payload", "components/schemas/%s", schema_audit_alert.name);
    yaml_line(2, "checkpoint:");
    yaml_text(3, "summary", "A signed note (C2SP tlog-checkpoint), in clear.");
    yaml_line(3, "contentType: text/plain");
    yaml_line(3, "payload: { type: string }");
    yaml_line(2, "dead_letter:");
    yaml_text(3, "summary", "The original value; this in its place where it does not frame or is too large.");
    yaml_ref(3, "payload", "components/schemas/%s", schema_dead_letter.name);
}

/* ---- schemas ---- */

static const struct schema *collected[SCHEMAS_MAX];
static size_t collected_count;

static void collect(const struct schema *s);

static void collect_type(const struct type *t)
{
    if (t->object)
        collect(t->object);
    if (t->item)
        collect_type(t->item);
}

/* Objects within first, each once. */
static void collect(const struct schema *s)
{
    for (size_t i = 0; i < collected_count; i++) {
        if (collected[i] == s)
            return;
    }
    for (size_t i = 0; i < s->field_count; i++)
        collect_type(&s->fields[i].type);
    if (collected_count < SCHEMAS_MAX)
        collected[collected_count++] = s;
}

static void collect_op(const struct op *op, enum channel requests)
{
    (void)requests;
    collect(op->request);
    if (op->result)
        collect(op->result);
}

static void print_schemas(void)
{
    each_op(collect_op);
    collect(&schema_reply_error);
    collect(&schema_audit_alert);
    collect(&schema_audit_receipt_body);
    collect(&schema_dead_letter);
    yaml_line(1, "schemas:");
    for (size_t i = 0; i < collected_count; i++) {
        yaml_line(2, "%s:", collected[i]->name);
        json_schema_print(3, collected[i]);
    }
}

int main(void)
{
    print_info();
    print_channels();
    print_operations();
    yaml_line(0, "components:");
    print_messages();
    print_schemas();
    if (fflush(stdout) || ferror(stdout)) {
        perror("asyncapi");
        return 1;
    }
    return collected_count < SCHEMAS_MAX ? 0 : 1;
}
