/*
 * The first byte says what the message is and whether the rest is a value or a header alone. What is read keeps the
 * contract's bounds, and what is written from it is read as the same.
 */
#include "envelope.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void check_bounds(const struct envelope_header *h, enum envelope_kind kind)
{
    require(h->op.data && h->op.len <= ENVELOPE_OP_MAX && h->src.len <= ENVELOPE_NAME_MAX && h->dst.len <= ENVELOPE_NAME_MAX);
    require(h->trace.len <= ENVELOPE_TRACE_MAX);
    require((kind == ENVELOPE_REQUEST) == (h->ttl >= 1) && h->ttl <= ENVELOPE_TTL_MAX_MS);
    require((kind == ENVELOPE_REQUEST) == (h->reply_topic.data != NULL));
    require(!h->has_n || kind == ENVELOPE_EVENT);
}

static bool same(const struct envelope_header *a, const struct envelope_header *b)
{
    return memcmp(&a->id, &b->id, sizeof(a->id)) == 0 && memcmp(&a->re, &b->re, sizeof(a->re)) == 0 && text_equal(a->op, b->op) &&
           text_equal(a->src, b->src) && text_equal(a->dst, b->dst) && memcmp(&a->skid, &b->skid, 8) == 0 &&
           memcmp(&a->dkid, &b->dkid, 8) == 0 && a->ts == b->ts && a->ttl == b->ttl &&
           text_equal(a->reply_topic, b->reply_topic) &&
           a->reply_partition == b->reply_partition && memcmp(a->nonce, b->nonce, sizeof(a->nonce)) == 0 &&
           a->has_n == b->has_n &&
           memcmp(a->n_instance, b->n_instance, 8) == 0 && a->n == b->n && text_equal(a->trace, b->trace);
}

static void check_header(struct envelope *e, enum envelope_kind kind)
{
    struct buffer out;

    enum result r = envelope_parse(e, kind);
    if (r) {
        require(r == RESULT_MALFORMED);
        return;
    }
    check_bounds(&e->header, kind);
    buffer_init(&out, ENVELOPE_HEADER_MAX);
    require(envelope_write_header(&e->header, kind, &out) == RESULT_OK);    /* shortest forms, so it fits */

    struct envelope again = { .header_bytes = buffer_bytes(&out) };
    require(envelope_parse(&again, kind) == RESULT_OK && same(&again.header, &e->header));
    buffer_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len == 0)
        return 0;

    enum envelope_kind kind = (enum envelope_kind)(data[0] & 3);
    struct bytes rest = { data + 1, len - 1 };
    struct envelope e = { .header_bytes = rest };

    if (data[0] & 4) {
        enum result r = envelope_frame(rest, &e);

        require(r == RESULT_OK || r == RESULT_MALFORMED || r == RESULT_TOO_LARGE);
        if (r)
            return 0;
        require(e.header_bytes.data >= rest.data && e.box.data + e.box.len <= rest.data + rest.len);
        require(!e.sig.data || e.sig.len == ENVELOPE_SIG_LEN);
    }
    check_header(&e, kind);
    return 0;
}
