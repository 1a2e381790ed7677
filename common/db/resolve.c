#include "resolve.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

struct resolve {
    uv_getaddrinfo_t request;
    resolve_cb *cb;
    void *cookie;
    unsigned pick;
    bool cancelled;
};

bool resolve_numeric(const char *host, uint16_t port, struct sockaddr_storage *out)
{
    memset(out, 0, sizeof(*out));
    return uv_ip4_addr(host, port, (struct sockaddr_in *)out) == 0 ||
           uv_ip6_addr(host, port, (struct sockaddr_in6 *)out) == 0;
}

static bool pick_address(const struct addrinfo *list, unsigned pick, struct sockaddr_storage *out)
{
    unsigned count = 0;

    for (const struct addrinfo *a = list; a; a = a->ai_next)
        count++;
    if (count == 0)
        return false;
    pick %= count;
    while (pick-- > 0)
        list = list->ai_next;
    if (list->ai_addrlen > sizeof(*out))
        return false;
    memset(out, 0, sizeof(*out));
    memcpy(out, list->ai_addr, list->ai_addrlen);
    return true;
}

static void on_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *list)
{
    struct resolve *q = request->data;
    struct resolve done = *q;
    struct sockaddr_storage address;
    enum result r = RESULT_UNAVAILABLE;

    if (done.cancelled)
        r = RESULT_CLOSED;
    else if (status == 0 && pick_address(list, done.pick, &address))
        r = RESULT_OK;
    uv_freeaddrinfo(list);
    free(q);
    done.cb(done.cookie, r, r == RESULT_OK ? &address : NULL);
}

enum result resolve_start(struct uv_loop_s *loop, const char *host, uint16_t port, unsigned pick, resolve_cb *cb,
                          void *cookie, struct resolve **out)
{
    const struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG };
    struct resolve *q = calloc(1, sizeof(*q));
    char service[8];

    if (!q)
        return RESULT_NO_MEMORY;
    q->cb = cb;
    q->cookie = cookie;
    q->pick = pick;
    q->request.data = q;
    snprintf(service, sizeof(service), "%" PRIu16, port);
    if (uv_getaddrinfo(loop, &q->request, on_resolved, host, service, &hints) != 0) {
        free(q);
        return RESULT_INTERNAL;
    }
    *out = q;
    return RESULT_OK;
}

void resolve_cancel(struct resolve *q)
{
    q->cancelled = true;
    /* Refused when a thread is at it already: then it ends by itself. */
    (void)uv_cancel((uv_req_t *)&q->request);
}
