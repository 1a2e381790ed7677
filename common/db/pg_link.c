#include "pg_link.h"
#include "resolve.h"

#include <stdlib.h>
#include <uv.h>

struct pg_link {
    struct uv_loop_s *loop;
    const struct pg_conninfo *info;
    struct pg_link_events events;
    void *cookie;
    bool pipeline;
    bool is_up;
    PGconn *conn;
    struct resolve *resolve;
    uv_poll_t *poll;                    /* NULL while nothing is watched */
    int watched;
    unsigned holders;                   /* polls that close, a look-up, and the owner */
    void (*closed)(void *cookie);
    void *closed_cookie;
};

static void on_poll(uv_poll_t *poll, int status, int events);

static void release(struct pg_link *l)
{
    void (*closed)(void *cookie) = l->closed;
    void *cookie = l->closed_cookie;

    if (--l->holders > 0)
        return;
    free(l);
    if (closed)
        closed(cookie);
}

static void on_poll_closed(uv_handle_t *handle)
{
    struct pg_link *l = handle->data;

    free(handle);
    release(l);
}

/* Must come before libpq closes the socket: epoll would go on about a descriptor that is somebody else's by then. */
static void unwatch(struct pg_link *l)
{
    if (!l->poll)
        return;
    (void)uv_poll_stop(l->poll);
    uv_close((uv_handle_t *)l->poll, on_poll_closed);
    l->poll = NULL;
    l->watched = 0;
}

static bool watch(struct pg_link *l, int events)
{
    if (l->poll && l->watched == events)
        return true;
    if (!l->poll) {
        uv_poll_t *poll = malloc(sizeof(*poll));

        if (!poll)
            return false;
        if (uv_poll_init(l->loop, poll, PQsocket(l->conn)) != 0) {
            free(poll);
            return false;
        }
        poll->data = l;
        l->poll = poll;
        l->holders++;
    }
    l->watched = events;
    return uv_poll_start(l->poll, events, on_poll) == 0;
}

void pg_link_flush(struct pg_link *l)
{
    int pending = PQflush(l->conn);

    /* After a failed write libpq finds out by reading what the server had to say, if anything. */
    (void)watch(l, pending == 1 ? UV_READABLE | UV_WRITABLE : UV_READABLE);
}

static void come_up(struct pg_link *l)
{
    unwatch(l);
    if (PQsetnonblocking(l->conn, 1) != 0 || (l->pipeline && PQenterPipelineMode(l->conn) != 1) ||
        !watch(l, UV_READABLE)) {
        l->events.lost(l->cookie, "the connection cannot be set up");
        return;
    }
    l->is_up = true;
    l->events.up(l->cookie);
}

static void connect_step(struct pg_link *l)
{
    PostgresPollingStatusType step;

    /* Each step may close one socket and open another under the same number. */
    unwatch(l);
    step = PQconnectPoll(l->conn);
    if (step == PGRES_POLLING_OK)
        come_up(l);
    else if (step == PGRES_POLLING_FAILED)
        l->events.lost(l->cookie, PQerrorMessage(l->conn));     /* names host, user and reason, no secret */
    else if (!watch(l, step == PGRES_POLLING_READING ? UV_READABLE : UV_WRITABLE))
        l->events.lost(l->cookie, "no memory to watch the socket");
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct pg_link *l = poll->data;

    if (l->poll != poll)
        return;
    if (!l->is_up) {
        connect_step(l);
        return;
    }
    if (status < 0) {
        l->events.lost(l->cookie, uv_strerror(status));
        return;
    }
    if (events & UV_WRITABLE)
        pg_link_flush(l);
    if (!(events & UV_READABLE))
        return;
    if (PQconsumeInput(l->conn) != 1)
        l->events.lost(l->cookie, "the server closed the connection");
    else
        l->events.readable(l->cookie);
}

static void ignore_notice(void *cookie, const PGresult *notice)
{
    (void)cookie;                       /* may quote data, so not for the log */
    (void)notice;
}

/* NULL, or why not. */
static const char *start(struct pg_link *l, const char *hostaddr)
{
    l->conn = pg_conninfo_connect(l->info, hostaddr);
    if (!l->conn)
        return "no memory to connect";
    PQsetNoticeReceiver(l->conn, ignore_notice, NULL);
    if (PQstatus(l->conn) == CONNECTION_BAD)
        return PQerrorMessage(l->conn);
    return watch(l, UV_WRITABLE) ? NULL : "no memory to watch the socket";
}

static const char *start_at(struct pg_link *l, const struct sockaddr_storage *address)
{
    char text[INET6_ADDRSTRLEN] = "";
    int status;

    if (address->ss_family == AF_INET)
        status = uv_ip4_name((const struct sockaddr_in *)address, text, sizeof(text));
    else
        status = uv_ip6_name((const struct sockaddr_in6 *)address, text, sizeof(text));
    return status == 0 ? start(l, text) : uv_strerror(status);
}

static void on_resolved(void *cookie, enum result r, const struct sockaddr_storage *address)
{
    struct pg_link *l = cookie;
    const char *why = "its name does not resolve";

    if (r != RESULT_CLOSED) {
        l->resolve = NULL;
        if (r == RESULT_OK)
            why = start_at(l, address);
        if (why)
            l->events.lost(l->cookie, why);
    }
    release(l);
}

enum result pg_link_open(struct uv_loop_s *loop, const struct pg_conninfo *info, unsigned pick, bool pipeline,
                         const struct pg_link_events *events, void *cookie, struct pg_link **out)
{
    struct pg_link *l = calloc(1, sizeof(*l));
    struct sockaddr_storage address;
    enum result r = RESULT_UNAVAILABLE;

    if (!l)
        return RESULT_NO_MEMORY;
    l->loop = loop;
    l->info = info;
    l->events = *events;
    l->cookie = cookie;
    l->pipeline = pipeline;
    l->holders = 1;
    if (info->host[0] == '/') {
        if (start(l, NULL))
            goto fail;
    } else if (resolve_numeric(info->host, info->port, &address)) {
        if (start_at(l, &address))
            goto fail;
    } else {
        r = resolve_start(loop, info->host, info->port, pick, on_resolved, l, &l->resolve);
        if (r)
            goto fail;
        l->holders++;
    }
    *out = l;
    return RESULT_OK;

fail:
    pg_link_close(l, NULL, NULL);
    return r;
}

PGconn *pg_link_conn(struct pg_link *l)
{
    return l->conn;
}

void pg_link_close(struct pg_link *l, void (*closed)(void *cookie), void *cookie)
{
    l->closed = closed;
    l->closed_cookie = cookie;
    if (l->resolve)
        resolve_cancel(l->resolve);
    unwatch(l);
    PQfinish(l->conn);
    l->conn = NULL;
    release(l);
}
