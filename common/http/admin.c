#include "admin.h"

#include "listen_address.h"

#include <microhttpd.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <unistd.h>
#include <uv.h>

#define CONNECTIONS_MAX   32u
#define IDLE_S            10u
#define REQUEST_MEMORY    ((size_t)16384)
#define ANSWER_MAX        (8u << 20)
#define WAIT_MAX_MS       10000u

struct admin {
    struct MHD_Daemon *daemon;
    struct admin_hooks hooks;
    uv_poll_t poll;             /* of the daemon's epoll */
    uv_timer_t timer;           /* when the daemon wants to run though nothing happens */
    unsigned open_handles;
    unsigned port;
    void (*stopped)(void *cookie);
    void *cookie;
};

/* ---- answers -------------------------------------------------------------------------------------------------- */

#define TEXT_PLAIN "text/plain; charset=utf-8"
#define TEXT_METRICS "text/plain; version=0.0.4; charset=utf-8"

static enum MHD_Result answer(struct MHD_Connection *c, unsigned status, const char *type, struct bytes body, const char *allow)
{
    /* MHD copies; the parameter is not const for its other modes. */
    struct MHD_Response *r = MHD_create_response_from_buffer(body.len, (void *)(uintptr_t)body.data, MHD_RESPMEM_MUST_COPY);
    enum MHD_Result queued = MHD_NO;

    if (!r)
        return MHD_NO;
    if (MHD_add_response_header(r, "Content-Type", type) == MHD_YES &&
        MHD_add_response_header(r, "Cache-Control", "no-store") == MHD_YES &&
        MHD_add_response_header(r, "X-Content-Type-Options", "nosniff") == MHD_YES &&
        (!allow || MHD_add_response_header(r, "Allow", allow) == MHD_YES))
        queued = MHD_queue_response(c, status, r);
    MHD_destroy_response(r);
    return queued;
}

static enum MHD_Result answer_text(struct MHD_Connection *c, unsigned status, struct text t)
{
    return answer(c, status, TEXT_PLAIN, text_bytes(t), NULL);
}

static enum MHD_Result live(struct admin *a, struct MHD_Connection *c)
{
    (void)a;
    return answer_text(c, MHD_HTTP_OK, TEXT("live\n"));
}

static enum MHD_Result ready(struct admin *a, struct MHD_Connection *c)
{
    struct buffer reasons;
    enum MHD_Result queued;

    buffer_init(&reasons, ANSWER_MAX);
    a->hooks.ready(a->hooks.cookie, &reasons);
    if (reasons.len > 0)
        queued = answer(c, MHD_HTTP_SERVICE_UNAVAILABLE, TEXT_PLAIN, buffer_bytes(&reasons), NULL);
    else
        queued = answer_text(c, MHD_HTTP_OK, TEXT("ready\n"));
    buffer_free(&reasons);
    return queued;
}

static enum MHD_Result metrics(struct admin *a, struct MHD_Connection *c)
{
    struct buffer out;
    enum MHD_Result queued;

    buffer_init(&out, ANSWER_MAX);
    if (a->hooks.metrics(a->hooks.cookie, &out))
        queued = answer_text(c, MHD_HTTP_INTERNAL_SERVER_ERROR, TEXT("no memory\n"));
    else
        queued = answer(c, MHD_HTTP_OK, TEXT_METRICS, buffer_bytes(&out), NULL);
    buffer_free(&out);
    return queued;
}

static const struct page {
    const char *path;
    enum MHD_Result (*show)(struct admin *a, struct MHD_Connection *c);
} PAGES[] = { { "/livez", live }, { "/readyz", ready }, { "/metrics", metrics } };

static const struct page *page_at(const char *path)
{
    for (size_t i = 0; i < sizeof(PAGES) / sizeof(PAGES[0]); i++) {
        if (strcmp(PAGES[i].path, path) == 0)
            return &PAGES[i];
    }
    return NULL;
}

static bool has_body(struct MHD_Connection *c)
{
    const char *length = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Content-Length");

    return (length && strcmp(length, "0") != 0) || MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Transfer-Encoding");
}

/* Called when the head has come, and again when the body has; a refusal at the first call closes the connection. */
static enum MHD_Result on_request(void *cookie, struct MHD_Connection *c, const char *path, const char *method,
                                  const char *version, const char *body, size_t *body_len, void **seen)
{
    static char head_seen;
    struct admin *a = cookie;
    const struct page *page = page_at(path);

    (void)version;
    (void)body;
    if (*seen) {
        *body_len = 0;
        return page->show(a, c);
    }
    if (!page)
        return answer_text(c, MHD_HTTP_NOT_FOUND, TEXT("not found\n"));
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
        return answer(c, MHD_HTTP_METHOD_NOT_ALLOWED, TEXT_PLAIN, text_bytes(TEXT("method not allowed\n")), "GET, HEAD");
    if (has_body(c))
        return answer_text(c, MHD_HTTP_BAD_REQUEST, TEXT("no body is taken\n"));
    *seen = &head_seen;
    return MHD_YES;
}

/* ---- MHD as a guest of the loop ------------------------------------------------------------------------------- */

static void run(struct admin *a);

static void on_timer(uv_timer_t *timer)
{
    run(timer->data);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    run(poll->data);
}

static void run(struct admin *a)
{
    MHD_UNSIGNED_LONG_LONG wait_ms;

    MHD_run(a->daemon);
    if (MHD_get_timeout(a->daemon, &wait_ms) != MHD_YES) {
        uv_timer_stop(&a->timer);
        return;
    }
    /* Fails only for a handle that is closing, which ours is not: admin_stop stops the polling first. */
    (void)uv_timer_start(&a->timer, on_timer, wait_ms < WAIT_MAX_MS ? wait_ms : WAIT_MAX_MS, 0);
}

static void on_close(uv_handle_t *handle)
{
    struct admin *a = handle->data;
    void (*stopped)(void *cookie) = a->stopped;
    void *cookie = a->cookie;

    if (--a->open_handles > 0)
        return;
    /* Only now: the poll handle watched the daemon's epoll. */
    MHD_stop_daemon(a->daemon);
    free(a);
    if (stopped)
        stopped(cookie);
}

static struct MHD_Daemon *start_daemon(struct admin *a, int fd)
{
    return MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, on_request, a,
                            MHD_OPTION_LISTEN_SOCKET, fd,
                            MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX,
                            MHD_OPTION_CONNECTION_TIMEOUT, IDLE_S,
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, REQUEST_MEMORY,
                            MHD_OPTION_END);
}

static unsigned port_of(int fd)
{
    struct sockaddr_storage address = { .ss_family = AF_UNSPEC };
    socklen_t len = sizeof(address);

    if (getsockname(fd, (struct sockaddr *)&address, &len))
        return 0;
    if (address.ss_family == AF_INET)
        return ntohs(((const struct sockaddr_in *)&address)->sin_port);
    return ntohs(((const struct sockaddr_in6 *)&address)->sin6_port);
}

enum result admin_start(struct uv_loop_s *loop, const char *address, const struct admin_hooks *hooks, struct admin **out,
                        struct buffer *why)
{
    struct admin *a = calloc(1, sizeof(*a));
    enum result r;
    int fd;

    if (!a)
        return RESULT_NO_MEMORY;
    a->hooks = *hooks;
    r = listen_address_open(address, &fd, why);
    if (r)
        goto fail_open;
    a->port = port_of(fd);
    a->daemon = start_daemon(a, fd);
    if (!a->daemon) {
        close(fd);
        r = RESULT_NO_MEMORY;
        goto fail_open;
    }
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(a->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    if (!info || uv_poll_init(loop, &a->poll, info->epoll_fd)) {
        r = RESULT_IO;
        goto fail_poll;
    }
    a->poll.data = a->timer.data = a;
    a->open_handles = 2;
    /* Neither can fail for handles that are open. */
    (void)uv_timer_init(loop, &a->timer);
    (void)uv_poll_start(&a->poll, UV_READABLE, on_poll);
    *out = a;
    return RESULT_OK;

fail_poll:
    MHD_stop_daemon(a->daemon);
fail_open:
    free(a);
    return r;
}

enum result admin_check(const char *address, struct buffer *why)
{
    struct sockaddr_storage parsed;
    socklen_t len;

    return listen_address_parse(address, &parsed, &len, why);
}

unsigned admin_port(const struct admin *a)
{
    return a->port;
}

void admin_stop(struct admin *a, void (*stopped)(void *cookie), void *cookie)
{
    a->stopped = stopped;
    a->cookie = cookie;
    uv_close((uv_handle_t *)&a->poll, on_close);
    uv_close((uv_handle_t *)&a->timer, on_close);
}
