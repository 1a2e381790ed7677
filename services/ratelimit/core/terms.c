#include "terms.h"

#include "mp_reader.h"
#include "mp_writer.h"

/* msgpack: the number of terms, and of each its seven values one after the other. */

enum result terms_encode(const struct term *terms, size_t count, struct buffer *out)
{
    struct mp_writer w = mp_writer_to(out);

    mp_put_uint(&w, count);
    for (size_t i = 0; i < count; i++) {
        const struct term *t = &terms[i];

        mp_put_text(&w, t->policy);
        mp_put_uint(&w, (uint64_t)t->scope << 3 | (uint64_t)t->algorithm << 1 | t->shadow);
        mp_put_uint(&w, t->limit);
        mp_put_uint(&w, t->burst);
        mp_put_uint(&w, t->window_us);
        mp_put_uint(&w, t->cost);
        mp_put_bin(&w, t->account, sizeof(t->account));
    }
    return w.status;
}

static enum result take(struct mp_reader *in, enum mp_type type, struct mp_value *v)
{
    return mp_next(in, v) || v->type != type ? RESULT_MALFORMED : RESULT_OK;
}

static enum result take_uint(struct mp_reader *in, uint64_t *out)
{
    struct mp_value v;
    enum result r = take(in, MP_UINT, &v);

    if (!r)
        *out = v.uint;
    return r;
}

static enum result take_term(struct mp_reader *in, struct term *t)
{
    struct mp_value name, account;
    uint64_t kinds;

    if (take(in, MP_STR, &name) || take_uint(in, &kinds) || take_uint(in, &t->limit) || take_uint(in, &t->burst)
        || take_uint(in, &t->window_us) || take_uint(in, &t->cost) || take(in, MP_BIN, &account)
        || account.bin.len != sizeof(t->account) || kinds >> 3 >= SCOPE_COUNT || (kinds >> 1 & 3) > ALGORITHM_FIXED
        || t->limit == 0 || t->window_us == 0)
        return RESULT_MALFORMED;
    t->policy = name.str;
    t->scope = (enum scope)(kinds >> 3);
    t->algorithm = (enum algorithm)(kinds >> 1 & 3);
    t->shadow = kinds & 1;
    memcpy(t->account, account.bin.data, sizeof(t->account));
    return RESULT_OK;
}

enum result terms_decode(struct bytes in, struct term terms[MATCH_MAX], size_t *count, struct bytes *rest)
{
    struct mp_reader reader = mp_reader_of(in);
    uint64_t n;

    if (take_uint(&reader, &n) || n > MATCH_MAX)
        return RESULT_MALFORMED;
    for (size_t i = 0; i < n; i++)
        if (take_term(&reader, &terms[i]))
            return RESULT_MALFORMED;
    *count = (size_t)n;
    *rest = (struct bytes){ reader.at, (size_t)(reader.end - reader.at) };
    return RESULT_OK;
}
