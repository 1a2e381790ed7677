#include "outgoing.h"

#include "channels.h"
#include "clock.h"
#include "codec.h"
#include "durable_internal.h"
#include "entropy.h"
#include "ip.h"
#include "mp_reader.h"
#include "ops.h"

#include <sodium.h>

enum {
    NONCE_LEN = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
    TAG_LEN = crypto_aead_xchacha20poly1305_ietf_ABYTES,
    PLAIN_MAX = 1048576,
    AAD_MAX = 512,
};

/* ---- the form of a row: nonce ‖ XChaCha20-Poly1305(rows key, nonce, aad, [1, id, trace, body]) -------------------- */

/* Where the row stands is part of what is sealed: it cannot be moved to another stream, user or Kafka key. */
static enum result additional(struct text stream, struct text user_key, struct bytes key, struct buffer *out)
{
    struct mp_writer w = mp_writer_to(out);

    mp_put_array(&w, 3);
    mp_put_text(&w, stream);
    mp_put_text(&w, user_key);
    mp_put_bin(&w, key.data, key.len);
    return w.status;
}

static enum result seal_row(const struct secret *key, struct bytes aad, struct bytes plain, struct buffer *out)
{
    uint8_t nonce[NONCE_LEN];
    unsigned long long len;
    enum result r = buffer_reserve(out, NONCE_LEN + plain.len + TAG_LEN);

    if (r)
        return r;
    entropy_fill(nonce, sizeof(nonce));
    memcpy(out->data, nonce, NONCE_LEN);
    crypto_aead_xchacha20poly1305_ietf_encrypt(out->data + NONCE_LEN, &len, plain.data, plain.len, aad.data, aad.len, NULL,
                                               nonce, secret_bytes(key).data);
    out->len = NONCE_LEN + (size_t)len;
    return RESULT_OK;
}

static enum result open_row(const struct secret *key, struct bytes aad, struct bytes sealed, struct buffer *out)
{
    unsigned long long len;

    if (sealed.len < NONCE_LEN + TAG_LEN)
        return RESULT_NOT_AUTHENTIC;
    enum result r = buffer_reserve(out, sealed.len);
    if (r)
        return r;
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(out->data, &len, NULL, sealed.data + NONCE_LEN, sealed.len - NONCE_LEN,
                                                   aad.data, aad.len, sealed.data, secret_bytes(key).data))
        return RESULT_NOT_AUTHENTIC;
    out->len = (size_t)len;
    return RESULT_OK;
}

/* ---- writing -------------------------------------------------------------------------------------------------------- */

struct outgoing {
    struct text stream, topic, user_key, trace;
    struct bytes key;
    const struct schema *schema;        /* of the body; NULL: `value` is it */
    const void *body;
    struct bytes value;
};

static enum result write_plain(const struct outgoing *m, struct buffer *body, struct buffer *plain)
{
    struct mp_writer b = mp_writer_to(body), w = mp_writer_to(plain);
    uint64_t now = clock_unix_ms();
    struct bytes content = m->value;
    uint8_t random[10];

    if (m->schema) {
        enum result r = body_encode(m->schema, m->body, &b);
        if (r)
            return r;
        content = buffer_bytes(body);
    }
    entropy_fill(random, sizeof(random));
    struct uuid id = uuid_v7(now, random);
    mp_put_array(&w, 4);
    mp_put_uint(&w, 1);
    mp_put_bin(&w, id.bytes, sizeof(id.bytes));
    mp_put_text(&w, m->trace.data ? m->trace : TEXT(""));
    mp_put_bin(&w, content.data, content.len);
    return w.status;
}

static enum result append(struct durable *d, struct pg_batch *writes, const struct outgoing *m)
{
    struct buffer body, plain, aad, sealed;

    if (!d->rows)
        return RESULT_UNAVAILABLE;
    buffer_init(&body, PLAIN_MAX);
    buffer_init(&plain, PLAIN_MAX + 256);
    buffer_init(&aad, AAD_MAX);
    buffer_init(&sealed, PLAIN_MAX + 512);
    enum result r = write_plain(m, &body, &plain);
    if (!r)
        r = additional(m->stream, m->user_key, m->key, &aad);
    if (!r)
        r = seal_row(d->rows, buffer_bytes(&aad), buffer_bytes(&plain), &sealed);
    if (!r)
        r = outbox_append(writes, &d->self, m->stream, &(struct outbox_row){
            .user_key = m->user_key, .topic = m->topic, .key = m->key, .sealed = buffer_bytes(&sealed),
        });
    buffer_free(&sealed);
    buffer_free(&aad);
    buffer_free(&plain);
    buffer_free(&body);
    return r;
}

static struct bytes hashed(const struct ip *ip, uint8_t hash[CHANNEL_HASH_LEN])
{
    char text[IP_TEXT_MAX + 1];

    channel_hash((struct text){ text, ip_format(ip, text) }, hash);
    return (struct bytes){ hash, CHANNEL_HASH_LEN };
}

enum result outgoing_event(struct durable *d, struct pg_batch *writes, const struct audit_event *event, struct text trace)
{
    uint8_t hash[CHANNEL_HASH_LEN];
    struct outgoing m = {
        .stream = TEXT(OUTGOING_EVENTS),
        .topic = TEXT("audit.events"),
        .user_key = event->user_id.data ? event->user_id : TEXT(""),
        .trace = trace,
        .key = text_bytes(text_of(d->options.schema)),
        .schema = op_audit_event.request,
        .body = event,
    };

    if (event->user_id.data)
        m.key = text_bytes(event->user_id);
    else if (event->has_ip)
        m.key = hashed(&event->ip, hash);
    return append(d, writes, &m);
}

enum result outgoing_revoked(struct durable *d, struct pg_batch *writes, const struct auth_revoked *revoked, struct text trace)
{
    return append(d, writes, &(struct outgoing){
        .stream = TEXT(OUTGOING_REVOCATIONS),
        .topic = TEXT("auth.revocations"),
        .user_key = revoked->user_id,
        .trace = trace,
        .key = text_bytes(revoked->user_id),
        .schema = op_auth_revoked.request,
        .body = revoked,
    });
}

enum result outgoing_value(struct durable *d, struct pg_batch *writes, const char *stream, struct text user_key,
                           struct bytes key, struct bytes value)
{
    return append(d, writes, &(struct outgoing){
        .stream = text_of(stream),
        .topic = strcmp(stream, OUTGOING_ALERTS) == 0 ? TEXT("audit.alerts") : TEXT("audit.checkpoints"),
        .user_key = user_key,
        .key = key,
        .value = value,
    });
}

/* ---- relaying ------------------------------------------------------------------------------------------------------- */

static enum publication kind_of(const char *stream)
{
    if (strcmp(stream, OUTGOING_EVENTS) == 0)
        return PUBLISH_EVENT;
    if (strcmp(stream, OUTGOING_REVOCATIONS) == 0)
        return PUBLISH_REVOCATION;
    return strcmp(stream, OUTGOING_ALERTS) == 0 ? PUBLISH_ALERT : PUBLISH_CHECKPOINT;
}

/* RESULT_MALFORMED for a form that a later version wrote. */
static enum result read_plain(struct bytes plain, struct bus_message *out)
{
    struct mp_value v[5];
    enum result r = mp_check(plain, 1);
    struct mp_reader in = mp_reader_of(plain);

    for (size_t i = 0; i < 5 && !r; i++)
        r = mp_next(&in, &v[i]);
    if (r)
        return r;
    if (v[0].type != MP_ARRAY || v[0].count != 4 || v[1].type != MP_UINT || v[1].uint != 1 || v[2].type != MP_BIN ||
        v[2].bin.len != sizeof(out->id.bytes) || v[3].type != MP_STR || v[4].type != MP_BIN)
        return RESULT_MALFORMED;
    memcpy(out->id.bytes, v[2].bin.data, sizeof(out->id.bytes));
    out->trace = v[3].str.len > 0 ? v[3].str : (struct text){ NULL, 0 };
    out->body = v[4].bin;
    return RESULT_OK;
}

static void reported(void *cookie, int64_t number, bool delivered)
{
    struct durable_stream *s = cookie;

    if (s->relay)
        outbox_done(s->relay, number, delivered);
}

enum result outgoing_publish(void *cookie, const struct outbox_row *row)
{
    struct durable_stream *s = cookie;
    struct durable *d = s->owner;
    struct bus *bus = service_bus(d->options.service);
    struct bus_message m = { .kind = kind_of(s->name), .key = row->key };
    struct buffer aad, plain;

    if (!bus || !d->rows)
        return RESULT_UNAVAILABLE;
    buffer_init(&aad, AAD_MAX);
    buffer_init(&plain, PLAIN_MAX + 512);
    enum result r = additional(text_of(s->name), row->user_key, row->key, &aad);
    if (!r)
        r = open_row(d->rows, buffer_bytes(&aad), row->sealed, &plain);
    if (!r)
        r = read_plain(buffer_bytes(&plain), &m);
    if (!r)
        r = bus_publish(bus, &m, reported, s, row->n);
    if (r && r != RESULT_UNAVAILABLE && r != RESULT_FULL)
        log_error("durable.row_stays", LOG_STR("stream", s->name), LOG_INT("n", row->n), LOG_RESULT(r));
    buffer_free(&plain);
    buffer_free(&aad);
    return r;
}
