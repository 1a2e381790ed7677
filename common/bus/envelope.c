#include "envelope.h"
#include "mp_reader.h"
#include "mp_writer.h"

#include <stdlib.h>

enum shape { SHAPE_BIN, SHAPE_TEXT, SHAPE_TS, SHAPE_TTL, SHAPE_REPLY, SHAPE_N, SHAPE_TRACE };

#define IN(kind)   (1u << ENVELOPE_##kind)
#define EVERYWHERE (IN(REQUEST) | IN(REPLY) | IN(EVENT) | IN(REVOCATION))
#define NOWHERE    0u

/* The header's keys, once: parsed, demanded, refused and written by this table. */
static const struct header_key {
    struct text name;
    enum shape shape;
    unsigned must, may;         /* bits of kinds in which it is demanded; in which it may stand */
    size_t offset;
    size_t len;                 /* exact for a bin, the most for a str */
} KEYS[] = {
#define KEY(name_, shape_, must_, may_, member_, len_) \
    { TEXT(name_), SHAPE_##shape_, must_, may_, offsetof(struct envelope_header, member_), len_ }
    KEY("id",    BIN,   EVERYWHERE,  EVERYWHERE,  id,          sizeof(struct uuid)),
    KEY("re",    BIN,   IN(REPLY),   IN(REPLY),   re,          sizeof(struct uuid)),
    KEY("op",    TEXT,  EVERYWHERE,  EVERYWHERE,  op,          ENVELOPE_OP_MAX),
    KEY("src",   TEXT,  EVERYWHERE,  EVERYWHERE,  src,         ENVELOPE_NAME_MAX),
    KEY("dst",   TEXT,  EVERYWHERE,  EVERYWHERE,  dst,         ENVELOPE_NAME_MAX),
    KEY("skid",  BIN,   EVERYWHERE,  EVERYWHERE,  skid,        ENVELOPE_KEY_ID_LEN),
    KEY("dkid",  BIN,   EVERYWHERE,  EVERYWHERE,  dkid,        ENVELOPE_KEY_ID_LEN),
    KEY("ts",    TS,    EVERYWHERE,  EVERYWHERE,  ts,          0),
    KEY("ttl",   TTL,   IN(REQUEST), IN(REQUEST), ttl,         0),
    KEY("reply", REPLY, IN(REQUEST), IN(REQUEST), reply_topic, 0),
    KEY("nonce", BIN,   EVERYWHERE,  EVERYWHERE,  nonce,       ENVELOPE_NONCE_LEN),
    KEY("n",     N,     NOWHERE,     IN(EVENT),   n,           0),
    KEY("trace", TRACE, NOWHERE,     EVERYWHERE,  trace,       ENVELOPE_TRACE_MAX),
#undef KEY
};
#define KEY_COUNT (sizeof(KEYS) / sizeof(KEYS[0]))

/* A pair takes two bytes at least. */
#define PAIRS_MAX (ENVELOPE_HEADER_MAX / 2)

/* ---- the frame ------------------------------------------------------------------------------------------------ */

static bool next_is(struct mp_reader *in, enum mp_type type, struct mp_value *v)
{
    return mp_next(in, v) == RESULT_OK && v->type == type;
}

enum result envelope_frame(struct bytes value, struct envelope *out)
{
    struct mp_value parts, v;

    out->header_bytes = out->box = out->sig = (struct bytes){ 0 };
    if (value.len > ENVELOPE_VALUE_MAX)
        return RESULT_TOO_LARGE;
    if (!value.data)
        return RESULT_MALFORMED;

    struct mp_reader in = mp_reader_of(value);
    if (!next_is(&in, MP_ARRAY, &parts) || (parts.count != 3 && parts.count != 4))
        return RESULT_MALFORMED;
    if (!next_is(&in, MP_UINT, &v) || v.uint != 1)
        return RESULT_MALFORMED;
    if (!next_is(&in, MP_BIN, &v))
        return RESULT_MALFORMED;
    out->header_bytes = v.bin;
    if (!next_is(&in, MP_BIN, &v))
        return RESULT_MALFORMED;
    out->box = v.bin;
    if (parts.count == 4) {
        if (!next_is(&in, MP_BIN, &v) || v.bin.len != ENVELOPE_SIG_LEN)
            return RESULT_MALFORMED;
        out->sig = v.bin;
    }
    return in.at == in.end ? RESULT_OK : RESULT_MALFORMED;
}

enum result envelope_begin(struct bytes header, size_t box_len, bool is_signed, struct buffer *out)
{
    struct mp_writer w = mp_writer_to(out);

    mp_put_array(&w, is_signed ? 4 : 3);
    mp_put_uint(&w, 1);
    mp_put_bin(&w, header.data, header.len);
    mp_put_bin_head(&w, box_len);
    return w.status;
}

enum result envelope_end(const uint8_t sig[ENVELOPE_SIG_LEN], struct buffer *out)
{
    struct mp_writer w = mp_writer_to(out);

    mp_put_bin(&w, sig, ENVELOPE_SIG_LEN);
    return w.status;
}

/* ---- reading the header --------------------------------------------------------------------------------------- */

static bool trace_valid(struct text t)
{
    for (size_t i = 0; i < t.len; i++) {
        char c = t.data[i];

        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || c == '-'))
            return false;
    }
    return t.len <= ENVELOPE_TRACE_MAX;
}

static bool take_reply(struct mp_reader *in, struct envelope_header *h)
{
    struct mp_value v;

    if (!next_is(in, MP_ARRAY, &v) || v.count != 2 || !next_is(in, MP_STR, &v))
        return false;
    h->reply_topic = v.str;
    if (!next_is(in, MP_UINT, &v))
        return false;
    h->reply_partition = v.uint;
    return true;
}

static bool take_n(struct mp_reader *in, struct envelope_header *h)
{
    struct mp_value v;

    if (!next_is(in, MP_ARRAY, &v) || v.count != 2 || !next_is(in, MP_BIN, &v) || v.bin.len != sizeof(h->n_instance))
        return false;
    memcpy(h->n_instance, v.bin.data, sizeof(h->n_instance));
    if (!next_is(in, MP_UINT, &v))
        return false;
    h->n = v.uint;
    h->has_n = true;
    return true;
}

static bool take(struct mp_reader *in, const struct header_key *key, struct envelope_header *h)
{
    uint8_t *member = (uint8_t *)h + key->offset;
    struct mp_value v;

    switch (key->shape) {
    case SHAPE_BIN:
        if (!next_is(in, MP_BIN, &v) || v.bin.len != key->len)
            return false;
        memcpy(member, v.bin.data, key->len);
        return true;
    case SHAPE_TRACE:
    case SHAPE_TEXT:
        if (!next_is(in, MP_STR, &v) || v.str.len > key->len)
            return false;
        memcpy(member, &v.str, sizeof(v.str));
        return key->shape == SHAPE_TEXT || trace_valid(v.str);
    case SHAPE_TS:
        if (!next_is(in, MP_UINT, &v))
            return false;
        h->ts = v.uint;
        return true;
    case SHAPE_TTL:
        if (!next_is(in, MP_UINT, &v) || v.uint < 1 || v.uint > ENVELOPE_TTL_MAX_MS)
            return false;
        h->ttl = (uint32_t)v.uint;
        return true;
    case SHAPE_REPLY:
        return take_reply(in, h);
    case SHAPE_N:
        return take_n(in, h);
    }
    return false;
}

static int key_order(const void *a, const void *b)
{
    return text_compare(*(const struct text *)a, *(const struct text *)b);
}

/* Sorted first: a header may hold 500 keys, and nobody has authenticated it yet. */
static bool any_twice(struct text *keys, size_t count)
{
    if (count < 2)
        return false;
    qsort(keys, count, sizeof(*keys), key_order);
    for (size_t i = 1; i < count; i++) {
        if (text_equal(keys[i - 1], keys[i]))
            return true;
    }
    return false;
}

static size_t key_index(struct text name)
{
    size_t i = 0;

    while (i < KEY_COUNT && !text_equal(KEYS[i].name, name))
        i++;
    return i;
}

enum result envelope_parse(struct envelope *e, enum envelope_kind kind)
{
    struct mp_reader in = mp_reader_of(e->header_bytes);
    struct text unlisted[PAIRS_MAX];
    size_t unlisted_count = 0;
    unsigned seen = 0, kind_bit = 1u << kind;
    struct mp_value map, name;

    memset(&e->header, 0, sizeof(e->header));
    if (e->header_bytes.len > ENVELOPE_HEADER_MAX || mp_check(e->header_bytes, ENVELOPE_DEPTH_MAX))
        return RESULT_MALFORMED;
    if (!next_is(&in, MP_MAP, &map) || map.count > PAIRS_MAX)
        return RESULT_MALFORMED;

    for (uint32_t pair = 0; pair < map.count; pair++) {
        if (!next_is(&in, MP_STR, &name))
            return RESULT_MALFORMED;

        size_t i = key_index(name.str);
        if (i == KEY_COUNT) {
            unlisted[unlisted_count++] = name.str;
            if (mp_skip(&in))
                return RESULT_MALFORMED;
            continue;
        }
        if (seen & 1u << i || !(KEYS[i].may & kind_bit) || !take(&in, &KEYS[i], &e->header))
            return RESULT_MALFORMED;
        seen |= 1u << i;
    }
    for (size_t i = 0; i < KEY_COUNT; i++) {
        if (KEYS[i].must & kind_bit && !(seen & 1u << i))
            return RESULT_MALFORMED;
    }
    return any_twice(unlisted, unlisted_count) ? RESULT_MALFORMED : RESULT_OK;
}

/* ---- writing the header --------------------------------------------------------------------------------------- */

static bool to_be_written(const struct envelope_header *h, enum envelope_kind kind, const struct header_key *key)
{
    unsigned kind_bit = 1u << kind;

    if (key->must & kind_bit)
        return true;
    if (!(key->may & kind_bit))
        return false;
    return key->shape == SHAPE_N ? h->has_n : h->trace.data != NULL;
}

static bool within_bounds(const struct envelope_header *h, const struct header_key *key)
{
    const uint8_t *member = (const uint8_t *)h + key->offset;
    struct text t;

    switch (key->shape) {
    case SHAPE_TEXT:
        memcpy(&t, member, sizeof(t));
        return t.data && t.len <= key->len;
    case SHAPE_TRACE:
        return trace_valid(h->trace);
    case SHAPE_TTL:
        return h->ttl >= 1 && h->ttl <= ENVELOPE_TTL_MAX_MS;
    case SHAPE_REPLY:
        return h->reply_topic.data != NULL;
    case SHAPE_BIN:
    case SHAPE_TS:
    case SHAPE_N:
        return true;
    }
    return false;
}

static void put(struct mp_writer *w, const struct envelope_header *h, const struct header_key *key)
{
    const uint8_t *member = (const uint8_t *)h + key->offset;
    struct text t;

    mp_put_text(w, key->name);
    switch (key->shape) {
    case SHAPE_BIN:
        mp_put_bin(w, member, key->len);
        break;
    case SHAPE_TEXT:
    case SHAPE_TRACE:
        memcpy(&t, member, sizeof(t));
        mp_put_text(w, t);
        break;
    case SHAPE_TS:
        mp_put_uint(w, h->ts);
        break;
    case SHAPE_TTL:
        mp_put_uint(w, h->ttl);
        break;
    case SHAPE_REPLY:
        mp_put_array(w, 2);
        mp_put_text(w, h->reply_topic);
        mp_put_uint(w, h->reply_partition);
        break;
    case SHAPE_N:
        mp_put_array(w, 2);
        mp_put_bin(w, h->n_instance, sizeof(h->n_instance));
        mp_put_uint(w, h->n);
        break;
    }
}

enum result envelope_write_header(const struct envelope_header *h, enum envelope_kind kind, struct buffer *out)
{
    size_t before = out->len;
    struct mp_writer w = mp_writer_to(out);
    uint32_t pairs = 0;

    for (size_t i = 0; i < KEY_COUNT; i++) {
        if (!to_be_written(h, kind, &KEYS[i]))
            continue;
        if (!within_bounds(h, &KEYS[i]))
            return RESULT_OUT_OF_RANGE;
        pairs++;
    }
    mp_put_map(&w, pairs);
    for (size_t i = 0; i < KEY_COUNT; i++) {
        if (to_be_written(h, kind, &KEYS[i]))
            put(&w, h, &KEYS[i]);
    }
    if (!w.status && out->len - before > ENVELOPE_HEADER_MAX)
        w.status = RESULT_TOO_LARGE;
    if (w.status)
        out->len = before;
    return w.status;
}
