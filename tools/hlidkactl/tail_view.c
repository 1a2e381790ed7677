#include "tail_view.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "alert_open.h"
#include "json_body.h"

#define PATH_LEN 4096

enum result tail_view_open(struct tail_view *v, const struct settings *s, struct buffer *why)
{
    char key_path[PATH_LEN];
    enum result r = RESULT_OK;

    *v = (struct tail_view){ .self = text_of(s->principal), .prefix = s->prefix };
    buffer_init(&v->body, ENVELOPE_VALUE_MAX);
    if (s->principals)
        r = principals_load(s->principals, &v->principals, why);
    if (!r && settings_key_path(s, "key", key_path, sizeof(key_path)) == RESULT_OK && access(key_path, F_OK) == 0)
        r = keyring_load(key_path, NULL, &v->keyring, why);
    if (r)
        tail_view_close(v);
    return r;
}

void tail_view_close(struct tail_view *v)
{
    keyring_free(v->keyring);
    if (v->principals)
        principals_drop(v->principals);
    buffer_free(&v->body);
}

static void set(json_t *to, const char *name, json_t *value)
{
    /* Without memory the field is missing, and the line says less; jansson takes NULL for that. */
    (void)json_object_set_new(to, name, value);
}

static void set_text(json_t *to, const char *name, struct text t)
{
    if (t.data)
        set(to, name, json_stringn(t.data, t.len));
}

static json_t *hex(const void *data, size_t len)
{
    char text[2 * 32 + 1];

    sodium_bin2hex(text, sizeof(text), data, len < 32 ? len : 32);
    return json_string(text);
}

static json_t *uuid_json(const struct uuid *id)
{
    char text[UUID_TEXT_LEN + 1];

    uuid_format(id, text);
    return json_string(text);
}

/* ---- what is sealed --------------------------------------------------------------------------------------------- */

/* On a reply topic replies, on others what begins an exchange: which keys the header has follows from that. */
static enum envelope_kind kind_of(const struct tail_view *v, const char *topic)
{
    size_t prefix = strlen(v->prefix);
    const char *name = strncmp(topic, v->prefix, prefix) == 0 ? topic + prefix : topic;

    if (strncmp(name, "replies.", 8) == 0)
        return ENVELOPE_REPLY;
    if (strcmp(name, "audit.events") == 0)
        return ENVELOPE_EVENT;
    return strcmp(name, "auth.revocations") == 0 ? ENVELOPE_REVOCATION : ENVELOPE_REQUEST;
}

static json_t *header_json(const struct envelope_header *h, enum envelope_kind kind)
{
    json_t *j = json_object();

    set(j, "id", uuid_json(&h->id));
    if (kind == ENVELOPE_REPLY)
        set(j, "re", uuid_json(&h->re));
    set_text(j, "op", h->op);
    set_text(j, "src", h->src);
    set_text(j, "dst", h->dst);
    set(j, "skid", hex(h->skid.bytes, sizeof(h->skid.bytes)));
    set(j, "dkid", hex(h->dkid.bytes, sizeof(h->dkid.bytes)));
    set(j, "ts", json_integer((json_int_t)h->ts));
    if (h->reply_topic.data) {
        set(j, "ttl", json_integer(h->ttl));
        set(j, "reply", json_pack("[s%I]", h->reply_topic.data, h->reply_topic.len, (json_int_t)h->reply_partition));
    }
    if (h->has_n) {
        set(j, "instance", hex(h->n_instance, sizeof(h->n_instance)));
        set(j, "n", json_integer((json_int_t)h->n));
    }
    set_text(j, "trace", h->trace);
    return j;
}

/* Only what is sealed to us: a kx key that we share as its sender opens nothing here, since roles differ. */
static bool open_body(struct tail_view *v, const struct envelope *e, enum envelope_kind kind)
{
    if (!v->keyring || !v->principals || !keyring_has(v->keyring, &e->header.dkid))
        return false;
    const struct principal *source = principals_find(v->principals, e->header.src);
    const struct principal_key *peer = source ? principal_key_find(source, &e->header.skid) : NULL;
    buffer_reset(&v->body);
    return peer && open_box(v->keyring, kind == ENVELOPE_REPLY ? SEAL_INITIATOR : SEAL_RESPONDER, peer, e, &v->body) == RESULT_OK;
}

static bool add_sealed(struct tail_view *v, const char *topic, struct bytes value, json_t *to)
{
    enum envelope_kind kind = kind_of(v, topic);
    struct envelope e = { .sig = { NULL, 0 } };

    if (envelope_frame(value, &e) || envelope_parse(&e, kind))
        return false;
    set(to, "header", header_json(&e.header, kind));
    set(to, "box_bytes", json_integer((json_int_t)e.box.len));
    if (e.sig.data)
        set(to, "signed", json_true());
    if (open_body(v, &e, kind))
        set(to, "body", body_to_json(buffer_bytes(&v->body)));
    return true;
}

/* ---- what is not ------------------------------------------------------------------------------------------------ */

static bool add_alert(struct tail_view *v, struct bytes value, json_t *to)
{
    const struct principal *audit = v->principals ? principals_find(v->principals, TEXT("audit")) : NULL;
    struct bytes body = { NULL, 0 };

    if (!audit)
        return false;
    enum result r = alert_open(audit, value, &body);
    if (r == RESULT_MALFORMED)
        return false;
    set(to, "verified", json_boolean(r == RESULT_OK));
    set(to, "alert", body_to_json(body));
    return true;
}

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), tail = strlen(end);

    return len >= tail && strcmp(text + len - tail, end) == 0;
}

json_t *tail_view_json(struct tail_view *v, const char *topic, struct bytes value)
{
    json_t *to = json_object();

    if (!to)
        return NULL;
    set(to, "bytes", json_integer((json_int_t)value.len));
    if (ends_with(topic, "audit.checkpoints")) {
        set(to, "checkpoint", json_stringn((const char *)value.data, value.len));
    } else if (ends_with(topic, "audit.alerts")) {
        if (!add_alert(v, value, to))
            set(to, "problem", json_string("no alert"));
    } else if (!add_sealed(v, topic, value, to)) {
        /* Of what does not frame a dead letter keeps a description, which is plain msgpack. */
        json_t *plain = ends_with(topic, ".dead") ? body_to_json(value) : NULL;
        set(to, plain ? "letter" : "problem", plain ? plain : json_string("not a sealed message"));
    }
    return to;
}

/* Kafka's headers: why a letter is dead, and where it lay. */
static void add_headers(const rd_kafka_message_t *m, json_t *to)
{
    rd_kafka_headers_t *headers;
    const char *name;
    const void *value;
    size_t len;

    if (rd_kafka_message_headers(m, &headers) || rd_kafka_header_cnt(headers) == 0)
        return;
    json_t *j = json_object();
    for (size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &len) == RD_KAFKA_RESP_ERR_NO_ERROR; i++)
        set(j, name, value ? json_stringn(value, len) : json_null());
    set(to, "headers", j);
}

/* A key is text where it is a user's id; hashed ones, selectors and random ones are bytes. */
static json_t *key_json(const void *key, size_t len)
{
    const char *text = key;

    for (size_t i = 0; i < len; i++) {
        if (text[i] < 0x20 || text[i] > 0x7e)
            return hex(key, len);
    }
    return json_stringn(text, len);
}

bool tail_view_print(struct tail_view *v, const rd_kafka_message_t *m)
{
    json_t *line = json_object(), *view = NULL;
    bool printed = false;

    set(line, "partition", json_integer(m->partition));
    set(line, "offset", json_integer(m->offset));
    if (m->key)
        set(line, "key", key_json(m->key, m->key_len));
    add_headers(m, line);
    view = m->payload ? tail_view_json(v, rd_kafka_topic_name(m->rkt), (struct bytes){ m->payload, m->len }) : json_object();
    if (line && view && json_object_update(line, view) == 0)
        printed = json_dumpf(line, stdout, JSON_COMPACT) == 0 && putchar('\n') != EOF;
    json_decref(view);
    json_decref(line);
    return printed;
}
