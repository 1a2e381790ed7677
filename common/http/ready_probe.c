#include "ready_probe.h"

#include "listen_address.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static const char REQUEST[] = "GET /readyz HTTP/1.0\r\nHost: localhost\r\n\r\n";

static enum result failure(void)
{
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINPROGRESS ? RESULT_TIMEOUT : RESULT_IO;
}

/* All of it: the listener closes after an HTTP/1.0 answer. */
static enum result exchange(int fd, struct buffer *answer)
{
    char chunk[2048];

    if (send(fd, REQUEST, sizeof(REQUEST) - 1, MSG_NOSIGNAL) != (ssize_t)sizeof(REQUEST) - 1)
        return failure();
    for (;;) {
        ssize_t got = recv(fd, chunk, sizeof(chunk), 0);
        if (got == 0)
            return RESULT_OK;
        if (got < 0)
            return failure();
        enum result r = buffer_append(answer, chunk, (size_t)got);
        if (r)
            return r;
    }
}

/* Leaves the body alone, and says whether the status was 200. */
static enum result judge(struct buffer *answer)
{
    static const char BLANK[] = "\r\n\r\n", FINE[] = "HTTP/1.";
    const uint8_t *body = answer->len >= 12 ? memmem(answer->data, answer->len, BLANK, sizeof(BLANK) - 1) : NULL;

    if (!body || memcmp(answer->data, FINE, sizeof(FINE) - 1) != 0)
        return RESULT_IO;
    bool ready = memcmp(answer->data + 8, " 200", 4) == 0;
    size_t head = (size_t)(body - answer->data) + sizeof(BLANK) - 1;
    memmove(answer->data, answer->data + head, answer->len - head);
    answer->len -= head;
    return ready ? RESULT_OK : RESULT_UNAVAILABLE;
}

enum result probe_ready(const char *address, unsigned timeout_ms, struct buffer *answer)
{
    struct timeval patience = { .tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000 };
    struct sockaddr_storage to;
    socklen_t len;
    enum result r = listen_address_parse(address, &to, &len, answer);

    if (r)
        return r;
    int fd = socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return RESULT_IO;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) ||
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) || connect(fd, (struct sockaddr *)&to, len))
        r = failure();
    if (!r)
        r = exchange(fd, answer);
    close(fd);
    return r ? r : judge(answer);
}
