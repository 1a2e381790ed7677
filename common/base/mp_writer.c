#include "mp_writer.h"

/* The first byte of a value, and the size that follows it. */
struct head {
    uint8_t bytes[9];
    unsigned len;
};

static void put(struct mp_writer *w, const struct head *h, const void *data, size_t len)
{
    if (!w->status)
        w->status = len > UINT32_MAX ? RESULT_TOO_LARGE : buffer_reserve(w->out, h->len + len);
    if (w->status)
        return;
    uint8_t *at = w->out->data + w->out->len;
    memcpy(at, h->bytes, h->len);
    if (len > 0)
        memcpy(at + h->len, data, len);
    w->out->len += h->len + len;
}

/* Big-endian, in 1 << log2 bytes. */
static struct head sized(uint8_t first, uint64_t v, unsigned log2)
{
    struct head h = { .bytes = { first }, .len = 1 + (1u << log2) };

    for (unsigned i = h.len - 1; i > 0; i--, v >>= 8)
        h.bytes[i] = (uint8_t)v;
    return h;
}

static struct head one(uint8_t byte)
{
    return (struct head){ .bytes = { byte }, .len = 1 };
}

static unsigned log2_of(uint64_t v)
{
    return v <= UINT8_MAX ? 0 : v <= UINT16_MAX ? 1 : v <= UINT32_MAX ? 2 : 3;
}

/* The types for 1, 2, 4 and 8 bytes follow each other. */
static struct head shortest(uint8_t first_of_1, uint64_t v)
{
    unsigned log2 = log2_of(v);

    return sized((uint8_t)(first_of_1 + log2), v, log2);
}

static void put_head(struct mp_writer *w, struct head h)
{
    put(w, &h, NULL, 0);
}

void mp_put_nil(struct mp_writer *w)
{
    put_head(w, one(0xc0));
}

void mp_put_bool(struct mp_writer *w, bool v)
{
    put_head(w, one(v ? 0xc3 : 0xc2));
}

void mp_put_uint(struct mp_writer *w, uint64_t v)
{
    put_head(w, v <= 0x7f ? one((uint8_t)v) : shortest(0xcc, v));
}

void mp_put_int(struct mp_writer *w, int64_t v)
{
    unsigned log2 = v >= INT8_MIN ? 0 : v >= INT16_MIN ? 1 : v >= INT32_MIN ? 2 : 3;

    if (v >= 0)
        mp_put_uint(w, (uint64_t)v);
    else
        put_head(w, v >= -32 ? one((uint8_t)v) : sized((uint8_t)(0xd0 + log2), (uint64_t)v, log2));
}

void mp_put_text(struct mp_writer *w, struct text t)
{
    struct head h = t.len <= 31 ? one((uint8_t)(0xa0 | t.len)) : shortest(0xd9, t.len);

    put(w, &h, t.data, t.len);
}

void mp_put_bin(struct mp_writer *w, const void *data, size_t len)
{
    struct head h = shortest(0xc4, len);

    put(w, &h, data, len);
}

/* Up to 15 within the first byte, else in 2 or 4. */
static struct head counted(uint8_t fix, uint8_t first_of_2, uint32_t count)
{
    if (count <= 15)
        return one((uint8_t)(fix | count));
    return count <= UINT16_MAX ? sized(first_of_2, count, 1) : sized((uint8_t)(first_of_2 + 1), count, 2);
}

void mp_put_array(struct mp_writer *w, uint32_t count)
{
    put_head(w, counted(0x90, 0xdc, count));
}

void mp_put_map(struct mp_writer *w, uint32_t pairs)
{
    put_head(w, counted(0x80, 0xde, pairs));
}

void mp_put_raw(struct mp_writer *w, struct bytes value)
{
    if (!w->status)
        w->status = buffer_append(w->out, value.data, value.len);
}
