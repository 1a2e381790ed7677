#include "admin.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <unistd.h>
#include <uv.h>

/* ---- a listener on a loop of the test's own, and a client that lets it turn ------------------------------------ */

struct scene {
    uv_loop_t loop;
    struct admin *admin;
    struct text reasons;
    size_t metrics_len;
    enum result metrics_result;
    bool stopped;
};

static void tell_ready(void *cookie, struct buffer *reasons)
{
    struct scene *s = cookie;

    cr_assert_eq(buffer_append_text(reasons, s->reasons), RESULT_OK);
}

static enum result tell_metrics(void *cookie, struct buffer *out)
{
    struct scene *s = cookie;

    for (size_t i = 0; i < s->metrics_len; i++)
        cr_assert_eq(buffer_append(out, "m", 1), RESULT_OK);
    return s->metrics_result;
}

static void on_stopped(void *cookie)
{
    ((struct scene *)cookie)->stopped = true;
}

static void open_scene(struct scene *s)
{
    struct admin_hooks hooks = { tell_ready, tell_metrics, s };
    struct buffer why;

    *s = (struct scene){ .metrics_len = 3 };
    buffer_init(&why, 1024);
    cr_assert_eq(uv_loop_init(&s->loop), 0);
    cr_assert_eq(admin_start(&s->loop, "127.0.0.1:0", &hooks, &s->admin, &why), RESULT_OK);
    buffer_free(&why);
}

static void close_scene(struct scene *s)
{
    admin_stop(s->admin, on_stopped, s);
    uv_run(&s->loop, UV_RUN_DEFAULT);
    cr_assert(s->stopped);
    cr_assert_eq(uv_loop_close(&s->loop), 0);
}

static int connect_to(const struct scene *s)
{
    struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons((uint16_t)admin_port(s->admin)),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    cr_assert_geq(fd, 0);
    cr_assert_eq(connect(fd, (struct sockaddr *)&in, sizeof(in)), 0);
    return fd;
}

/* Everything that comes until the server closes. */
static char *read_all(struct scene *s, int fd)
{
    static char in[1 << 21];
    size_t len = 0;

    for (unsigned turn = 0; turn < 100000; turn++) {
        ssize_t n = recv(fd, in + len, sizeof(in) - 1 - len, MSG_DONTWAIT);

        if (n == 0 || (n < 0 && errno == ECONNRESET))
            break;
        if (n > 0)
            len += (size_t)n;
        else
            uv_run(&s->loop, UV_RUN_NOWAIT);
        if (n < 0)
            usleep(100);
    }
    in[len] = '\0';
    close(fd);
    return in;
}

static char *ask(struct scene *s, const char *request)
{
    int fd = connect_to(s);

    cr_assert_eq(send(fd, request, strlen(request), 0), (ssize_t)strlen(request));
    return read_all(s, fd);
}

#define END " HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"

/* ---- what it says --------------------------------------------------------------------------------------------- */

Test(admin, answers_each_page_and_nothing_else, .timeout = 20)
{
    static const struct {
        const char *request, *status, *has;
    } cases[] = {
        { "GET /livez" END, "HTTP/1.1 200 ", "\r\n\r\nlive\n" },
        { "GET /readyz" END, "HTTP/1.1 200 ", "\r\n\r\nready\n" },
        { "GET /metrics" END, "HTTP/1.1 200 ", "\r\n\r\nmmm" },
        { "GET /metrics?x=1" END, "HTTP/1.1 200 ", "\r\n\r\nmmm" },
        { "GET /metrics" END, "HTTP/1.1 200 ", "text/plain; version=0.0.4" },
        { "GET /livez" END, "HTTP/1.1 200 ", "Cache-Control: no-store" },
        { "HEAD /metrics" END, "HTTP/1.1 200 ", "Content-Length: 3" },
        { "GET /" END, "HTTP/1.1 404 ", "Cache-Control: no-store" },
        { "GET /livez/" END, "HTTP/1.1 404 ", "" },
        { "GET /../../etc/passwd" END, "HTTP/1.1 404 ", "\r\n\r\nnot found\n" },
        { "POST /metrics HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc", "HTTP/1.1 405 ", "Allow: GET, HEAD" },
        { "DELETE /livez" END, "HTTP/1.1 405 ", "" },
        { "GET /livez HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc", "HTTP/1.1 400 ", "" },
        { "GET /livez HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "HTTP/1.1 400 ", "" },
    };
    struct scene s;

    open_scene(&s);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *got = ask(&s, cases[i].request);
        cr_assert_eq(strncmp(got, cases[i].status, strlen(cases[i].status)), 0, "%s -> %s", cases[i].request, got);
        cr_assert_not_null(strstr(got, cases[i].has), "%s -> %s", cases[i].request, got);
        cr_assert_null(strstr(got, "passwd"), "says nothing that a peer sent");
    }
    close_scene(&s);
}

Test(admin, says_why_it_is_not_ready, .timeout = 10)
{
    struct scene s;

    open_scene(&s);
    s.reasons = TEXT("bus: no broker\nredis: refused\n");
    char *got = ask(&s, "GET /readyz" END);
    cr_assert_eq(strncmp(got, "HTTP/1.1 503 ", 13), 0, "%s", got);
    cr_assert_not_null(strstr(got, "\r\n\r\nbus: no broker\nredis: refused\n"));
    s.metrics_result = RESULT_NO_MEMORY;
    cr_assert_eq(strncmp(ask(&s, "GET /metrics" END), "HTTP/1.1 500 ", 13), 0);
    close_scene(&s);
}

Test(admin, sends_a_large_page_whole, .timeout = 20)
{
    struct scene s;

    open_scene(&s);
    s.metrics_len = 1 << 20;
    char *body = strstr(ask(&s, "GET /metrics" END), "\r\n\r\n");
    cr_assert(body && strlen(body + 4) == 1 << 20);
    close_scene(&s);
}

Test(admin, bears_junk_and_answers_the_next, .timeout = 60)
{
    static const char *const junk[] = { "\r\n\r\n\r\n", "\x16\x03\x01\x02\0\x01", "GET", "GET / HTTP/9.9\r\n\r\n",
                                        "\xff\xff\xff\xff\r\n\r\n" };
    struct scene s;

    open_scene(&s);
    for (size_t i = 0; i < sizeof(junk) / sizeof(junk[0]); i++) {
        int fd = connect_to(&s);
        cr_assert_eq(send(fd, junk[i], strlen(junk[i]), 0), (ssize_t)strlen(junk[i]));
        shutdown(fd, SHUT_WR);
        read_all(&s, fd);
    }
    char head[20000];
    memset(head, 'a', sizeof(head) - 1);
    memcpy(head, "GET /livez HTTP/1.1\r\nX: ", 24);
    head[sizeof(head) - 1] = '\0';
    cr_assert_neq(strncmp(ask(&s, head), "HTTP/1.1 200", 12), 0, "a head without end");
    cr_assert_eq(strncmp(ask(&s, "GET /livez" END), "HTTP/1.1 200 ", 13), 0);
    close_scene(&s);
}

Test(admin, stops_with_connections_open, .timeout = 10)
{
    struct scene s;
    int idle[3];

    open_scene(&s);
    for (unsigned i = 0; i < 3; i++) {
        idle[i] = connect_to(&s);
        cr_assert_eq(send(idle[i], "GET /liv", 8, 0), 8);
    }
    for (unsigned i = 0; i < 20; i++)
        uv_run(&s.loop, UV_RUN_NOWAIT);
    close_scene(&s);
    for (unsigned i = 0; i < 3; i++)
        close(idle[i]);
}

Test(admin, does_not_start_where_it_may_not_listen, .timeout = 5)
{
    struct admin_hooks hooks = { tell_ready, tell_metrics, NULL };
    struct admin *a = NULL;
    struct buffer why;
    uv_loop_t loop;

    buffer_init(&why, 1024);
    cr_assert_eq(uv_loop_init(&loop), 0);
    cr_assert_eq(admin_start(&loop, "8.8.8.8:80", &hooks, &a, &why), RESULT_BAD_CONFIG);
    cr_assert_eq(admin_check("8.8.8.8:80", &why), RESULT_BAD_CONFIG);
    cr_assert_eq(admin_check("127.0.0.1:80", &why), RESULT_OK);
    cr_assert(a == NULL && why.len > 0);
    cr_assert_eq(uv_loop_close(&loop), 0);
    buffer_free(&why);
}
