#include "mp_writer.h"

#include <msgpack/pack.h>

/* msgpack-c's packer hands over what it packs in pieces, through this. */
static int append(void *cookie, const char *data, size_t len)
{
    struct mp_writer *w = cookie;

    if (!w->status)
        w->status = buffer_append(w->out, data, len);
    return w->status ? -1 : 0;
}

static msgpack_packer packer_of(struct mp_writer *w)
{
    msgpack_packer p;

    msgpack_packer_init(&p, w, append);
    return p;
}

void mp_put_nil(struct mp_writer *w)
{
    msgpack_packer p = packer_of(w);

    msgpack_pack_nil(&p);
}

void mp_put_bool(struct mp_writer *w, bool v)
{
    msgpack_packer p = packer_of(w);

    if (v)
        msgpack_pack_true(&p);
    else
        msgpack_pack_false(&p);
}

void mp_put_uint(struct mp_writer *w, uint64_t v)
{
    msgpack_packer p = packer_of(w);

    msgpack_pack_uint64(&p, v);
}

void mp_put_int(struct mp_writer *w, int64_t v)
{
    msgpack_packer p = packer_of(w);

    msgpack_pack_int64(&p, v);
}

void mp_put_text(struct mp_writer *w, struct text t)
{
    msgpack_packer p = packer_of(w);

    if (t.len > UINT32_MAX && !w->status)
        w->status = RESULT_TOO_LARGE;
    msgpack_pack_str_with_body(&p, t.data, t.len);
}

void mp_put_bin_head(struct mp_writer *w, size_t len)
{
    msgpack_packer p = packer_of(w);

    if (len > UINT32_MAX && !w->status)
        w->status = RESULT_TOO_LARGE;
    msgpack_pack_bin(&p, len);
}

void mp_put_bin(struct mp_writer *w, const void *data, size_t len)
{
    mp_put_bin_head(w, len);
    append(w, data, len);
}

void mp_put_array(struct mp_writer *w, uint32_t count)
{
    msgpack_packer p = packer_of(w);

    msgpack_pack_array(&p, count);
}

void mp_put_map(struct mp_writer *w, uint32_t pairs)
{
    msgpack_packer p = packer_of(w);

    msgpack_pack_map(&p, pairs);
}

void mp_put_raw(struct mp_writer *w, struct bytes value)
{
    append(w, (const char *)value.data, value.len);
}
