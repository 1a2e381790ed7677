#include "context.h"

enum result context_put(struct buffer *out, struct bytes item)
{
    uint8_t len[2];

    if (item.len > UINT16_MAX)
        return RESULT_TOO_LARGE;
    bytes_put_u16(len, (uint16_t)item.len);
    enum result r = buffer_reserve(out, sizeof(len) + item.len);
    if (!r)
        r = buffer_append(out, len, sizeof(len));
    return r || item.len == 0 ? r : buffer_append(out, item.data, item.len);
}

enum result context_put_text(struct buffer *out, struct text item)
{
    return context_put(out, text_bytes(item));
}

enum result context_put_u64(struct buffer *out, uint64_t v)
{
    uint8_t be[8];

    bytes_put_u64(be, v);
    return context_put(out, (struct bytes){ be, sizeof(be) });
}

/* The pair with the least key above `above`; NULL: of all. */
static const struct context_pair *next_pair(const struct context *c, const struct context_pair *above)
{
    const struct context_pair *best = NULL;

    for (size_t i = 0; i < c->count; i++) {
        const struct context_pair *p = &c->pairs[i];
        if ((!above || text_compare(p->key, above->key) > 0) && (!best || text_compare(p->key, best->key) < 0))
            best = p;
    }
    return best;
}

enum result context_put_pairs(struct buffer *out, const struct context *c)
{
    enum result r = RESULT_OK;

    for (const struct context_pair *p = next_pair(c, NULL); p && !r; p = next_pair(c, p)) {
        r = context_put_text(out, p->key);
        if (!r)
            r = context_put_text(out, p->value);
    }
    return r;
}
