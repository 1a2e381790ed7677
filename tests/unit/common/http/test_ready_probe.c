#include "ready_probe.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define ENDLESS "endless"

/* A listener in a process of its own that gives one answer, whatever it is asked. NULL: it keeps silent. */
static pid_t serve(const char *answer, char address[32])
{
    struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(in);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    cr_assert(fd >= 0 && !bind(fd, (struct sockaddr *)&in, len) && !listen(fd, 1) &&
              !getsockname(fd, (struct sockaddr *)&in, &len));
    snprintf(address, 32, "127.0.0.1:%u", ntohs(in.sin_port));
    pid_t pid = fork();
    if (pid == 0) {
        char request[1024];
        int peer = accept(fd, NULL, NULL);

        alarm(10);
        if (peer < 0 || recv(peer, request, sizeof(request), 0) <= 0)
            _exit(1);
        if (!answer)
            pause();
        do {
            if (send(peer, answer, strlen(answer), MSG_NOSIGNAL) < 0)
                break;
        } while (strcmp(answer, ENDLESS) == 0);
        _exit(0);
    }
    close(fd);
    return pid;
}

Test(ready_probe, says_what_the_listener_says, .timeout = 30)
{
    static const struct {
        const char *answer;
        enum result result;
        const char *text;
    } CASES[] = {
        { "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nready\n", RESULT_OK, "ready\n" },
        { "HTTP/1.0 503 Service Unavailable\r\n\r\nstore: away\nbus: away\n", RESULT_UNAVAILABLE, "store: away\nbus: away\n" },
        { "HTTP/1.1 404 Not Found\r\n\r\n", RESULT_UNAVAILABLE, "" },
        { "SSH-2.0-OpenSSH\r\n\r\n", RESULT_IO, NULL },
        { "HTTP/1.1 200 OK\r\nand no end", RESULT_IO, NULL },
        { "", RESULT_IO, NULL },
        { NULL, RESULT_TIMEOUT, NULL },
        { ENDLESS, RESULT_TOO_LARGE, NULL },
    };

    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        char address[32];
        struct buffer said;
        pid_t pid = serve(CASES[i].answer, address);

        buffer_init(&said, 4096);
        enum result r = probe_ready(address, 300, &said);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        cr_assert_eq(r, CASES[i].result, "case %zu: %s", i, result_text(r));
        if (CASES[i].text)
            cr_assert(text_equal((struct text){ (const char *)said.data, said.len }, text_of(CASES[i].text)), "case %zu", i);
        buffer_free(&said);
    }
}

Test(ready_probe, says_that_nobody_is_there, .timeout = 10)
{
    char address[32];
    struct buffer said;
    pid_t pid = serve(NULL, address);

    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    buffer_init(&said, 4096);
    cr_assert_eq(probe_ready(address, 300, &said), RESULT_IO);
    cr_assert_eq(probe_ready("nonsense", 300, &said), RESULT_BAD_CONFIG);
    buffer_free(&said);
}
