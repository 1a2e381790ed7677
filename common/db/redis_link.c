#include "redis_link.h"
#include "arena.h"
#include "redis_value.h"

#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <uv.h>

/* Modest, because the reader moves what is left of it for every KiB it has consumed. */
#define READ_BYTES (16 * 1024)
#define FIRST_BLOCK (8 * 1024)
#define KEEPALIVE_S 15
/* A tree of small values is larger than its text on the wire. */
#define TREE_FACTOR 8

struct redis_link {
    uv_tcp_t tcp;
    uv_connect_t connect;
    uv_write_t write;
    struct redis_link_events events;
    void *cookie;
    void (*closed)(void *cookie);
    void *closed_cookie;
    bool closing;
    bool write_queued;
    struct buffer writing;              /* what the kernel has not taken yet is its end */
    size_t left;
    redisReader *reader;
    size_t max_reply_bytes;
    struct arena arena;
    max_align_t block[FIRST_BLOCK / sizeof(max_align_t)];
    char in[READ_BYTES];
};

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct redis_link *l = handle->data;

    (void)suggested;
    *buf = uv_buf_init(l->in, sizeof(l->in));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct redis_link *l = stream->data;
    void *value;

    if (n < 0) {
        l->events.lost(l->cookie, uv_strerror((int)n));
        return;
    }
    if (redisReaderFeed(l->reader, buf->base, (size_t)n) != REDIS_OK) {
        l->events.lost(l->cookie, l->reader->errstr);
        return;
    }
    while (!l->closing) {
        value = NULL;
        if (redisReaderGetReply(l->reader, &value) != REDIS_OK) {
            l->events.lost(l->cookie, l->reader->errstr);
            return;
        }
        if (!value)
            break;
        l->events.reply(l->cookie, value);
        arena_reset(&l->arena);
    }
    if (!l->closing && l->reader->len - l->reader->pos > l->max_reply_bytes)
        l->events.lost(l->cookie, "a reply is over the size limit");
}

static void on_connected(uv_connect_t *request, int status)
{
    struct redis_link *l = request->data;

    if (l->closing)
        return;
    if (status == 0)
        status = uv_tcp_nodelay(&l->tcp, 1);
    if (status == 0)
        status = uv_tcp_keepalive(&l->tcp, 1, KEEPALIVE_S);
    if (status == 0)
        status = uv_read_start((uv_stream_t *)&l->tcp, on_alloc, on_read);
    if (status == 0)
        l->events.connected(l->cookie);
    else
        l->events.lost(l->cookie, uv_strerror(status));
}

static void link_free(struct redis_link *l)
{
    if (l->reader)
        redisReaderFree(l->reader);
    arena_reset(&l->arena);
    buffer_free(&l->writing);
    free(l);
}

static void on_closed(uv_handle_t *handle)
{
    struct redis_link *l = handle->data;
    void (*closed)(void *cookie) = l->closed;
    void *cookie = l->closed_cookie;

    link_free(l);
    if (closed)
        closed(cookie);
}

enum result redis_link_open(struct uv_loop_s *loop, const struct sockaddr_storage *address, size_t max_reply_bytes,
                            const struct redis_link_events *events, void *cookie, struct redis_link **out)
{
    struct redis_link *l = calloc(1, sizeof(*l));

    if (!l)
        return RESULT_NO_MEMORY;
    l->events = *events;
    l->cookie = cookie;
    l->max_reply_bytes = max_reply_bytes;
    arena_init(&l->arena, l->block, sizeof(l->block), max_reply_bytes * TREE_FACTOR);
    buffer_init(&l->writing, SIZE_MAX);
    l->reader = redis_value_reader(&l->arena);
    if (!l->reader || uv_tcp_init(loop, &l->tcp) != 0) {
        link_free(l);
        return RESULT_NO_MEMORY;
    }
    l->tcp.data = l->connect.data = l->write.data = l;
    if (uv_tcp_connect(&l->connect, &l->tcp, (const struct sockaddr *)address, on_connected) != 0) {
        redis_link_close(l, NULL, NULL);
        return RESULT_UNAVAILABLE;
    }
    *out = l;
    return RESULT_OK;
}

size_t redis_link_writing(const struct redis_link *l)
{
    return l->left;
}

static void on_written(uv_write_t *request, int status)
{
    struct redis_link *l = request->data;

    if (l->closing)
        return;
    l->left = 0;
    buffer_reset(&l->writing);
    if (status != 0)
        l->events.lost(l->cookie, uv_strerror(status));
    else
        l->events.written(l->cookie);
}

enum result redis_link_write(struct redis_link *l, struct buffer *out)
{
    struct buffer taken = *out;
    uv_buf_t buf;
    int n;

    *out = l->writing;
    out->limit = taken.limit;
    l->writing = taken;
    buf = uv_buf_init((char *)l->writing.data, (unsigned)l->writing.len);
    n = uv_try_write((uv_stream_t *)&l->tcp, &buf, 1);
    if (n < 0 && n != UV_EAGAIN)
        return RESULT_UNAVAILABLE;
    if (n > 0) {
        buf.base += n;
        buf.len -= (size_t)n;
    }
    l->left = buf.len;
    if (buf.len == 0) {
        buffer_reset(&l->writing);
        return RESULT_OK;
    }
    return uv_write(&l->write, (uv_stream_t *)&l->tcp, &buf, 1, on_written) == 0 ? RESULT_OK : RESULT_UNAVAILABLE;
}

void redis_link_forget(struct redis_link *l)
{
    if (l->left == 0)
        buffer_free(&l->writing);
}

void redis_link_close(struct redis_link *l, void (*closed)(void *cookie), void *cookie)
{
    l->closing = true;
    l->closed = closed;
    l->closed_cookie = cookie;
    uv_close((uv_handle_t *)&l->tcp, on_closed);
}
