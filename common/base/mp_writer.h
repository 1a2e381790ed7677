/*
 * msgpack writing into a buffer, shortest forms (msgpack-c packs). The first failure sticks and later calls
 * do nothing, so a message is written straight down and checked once, at the end:
 *
 *     struct mp_writer w = mp_writer_to(&out);
 *     mp_put_map(&w, 1);
 *     mp_put_text(&w, TEXT("status"));
 *     mp_put_uint(&w, 200);
 *     if (w.status) …
 */
#ifndef HLIDKA_MP_WRITER_H
#define HLIDKA_MP_WRITER_H

#include "buffer.h"

struct mp_writer {
    struct buffer *out;         /* borrowed */
    enum result status;
};

static inline struct mp_writer mp_writer_to(struct buffer *out)
{
    return (struct mp_writer){ out, RESULT_OK };
}

void mp_put_nil(struct mp_writer *w);
void mp_put_bool(struct mp_writer *w, bool v);
void mp_put_uint(struct mp_writer *w, uint64_t v);
void mp_put_int(struct mp_writer *w, int64_t v);
void mp_put_text(struct mp_writer *w, struct text t);
void mp_put_bin(struct mp_writer *w, const void *data, size_t len);
/* What comes before len bytes that the caller appends to the buffer. */
void mp_put_bin_head(struct mp_writer *w, size_t len);
void mp_put_array(struct mp_writer *w, uint32_t count);
void mp_put_map(struct mp_writer *w, uint32_t pairs);
/* A value that is msgpack already. */
void mp_put_raw(struct mp_writer *w, struct bytes value);

#endif
