#include "service_child.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* There in builds with AddressSanitizer only: true when something has leaked. */
int __lsan_do_recoverable_leak_check(void) __attribute__((weak));

#define KEY "IiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiI="

static void put(const struct child *c, const char *name, const char *text, mode_t mode)
{
    char path[128];
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", c->dir, name);
    cr_assert((f = fopen(path, "w")) && fputs(text, f) >= 0 && fclose(f) == 0 && chmod(path, mode) == 0);
}

static void set(const struct child *c, const char *name, const char *file)
{
    char path[128];

    snprintf(path, sizeof(path), "%s/%s", c->dir, file);
    cr_assert_eq(setenv(name, path, 1), 0);
}

/* A port that was free a moment ago. */
static unsigned free_port(void)
{
    struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(in);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    cr_assert(fd >= 0 && bind(fd, (struct sockaddr *)&in, len) == 0 && getsockname(fd, (struct sockaddr *)&in, &len) == 0);
    close(fd);
    return ntohs(in.sin_port);
}

static void forget_settings(void)
{
    extern char **environ;
    char name[128];

    for (char **e = environ; *e;) {
        size_t len = strcspn(*e, "=");

        if (strncmp(*e, "HLIDKA_", 7) != 0 || len >= sizeof(name)) {
            e++;
            continue;
        }
        memcpy(name, *e, len);
        name[len] = '\0';
        unsetenv(name);
        e = environ;
    }
}

void child_prepare(struct child *c)
{
    uint8_t secret[32], public[32];
    char base64[64], yaml[256], admin[32];

    *c = (struct child){ .port = free_port(), .dir = "/tmp/service-XXXXXX" };
    cr_assert_geq(sodium_init(), 0);
    cr_assert_not_null(mkdtemp(c->dir));
    memset(secret, 0x22, sizeof(secret));
    crypto_scalarmult_base(public, secret);
    sodium_bin2base64(base64, sizeof(base64), public, 32, sodium_base64_VARIANT_ORIGINAL);
    snprintf(yaml, sizeof(yaml), "principals:\n  ratelimit: { keys: [%s], may: [\"event:bus.*\"] }\n", base64);
    put(c, "principals.yaml", yaml, 0644);
    put(c, "ratelimit.key", KEY "\n", 0600);

    forget_settings();
    set(c, "HLIDKA_PRINCIPALS", "principals.yaml");
    set(c, "HLIDKA_KEY_FILE", "ratelimit.key");
    snprintf(admin, sizeof(admin), "127.0.0.1:%u", c->port);
    cr_assert_eq(setenv("HLIDKA_ADMIN", admin, 1) | setenv("HLIDKA_BROKERS", "127.0.0.1:1", 1), 0);
}

void child_start(struct child *c, const struct service_spec *spec, const char *option)
{
    char *argv[] = { (char *)"service", (char *)(uintptr_t)option, NULL };
    int ends[2];

    cr_assert_eq(pipe(ends), 0);
    fflush(NULL);
    c->pid = fork();
    cr_assert_geq(c->pid, 0);
    if (c->pid == 0) {
        if (dup2(ends[1], STDOUT_FILENO) < 0 || dup2(ends[1], STDERR_FILENO) < 0)
            _exit(99);
        close(ends[0]);
        close(ends[1]);
        int code = service_run(spec, option ? 2 : 1, argv);
        fflush(NULL);
        /* Not exit(): what the test runner would do there is the parent's. */
        _exit(__lsan_do_recoverable_leak_check && __lsan_do_recoverable_leak_check() ? CHILD_LEAKED : code);
    }
    close(ends[1]);
    c->output = ends[0];
}

const char *child_get(const struct child *c, const char *path)
{
    static char in[1 << 20];
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)c->port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    char request[128];
    size_t len = 0;
    ssize_t n = 0;

    for (unsigned attempt = 0; attempt < 100; attempt++) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);

        if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0) {
            snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", path);
            cr_assert_eq(send(fd, request, strlen(request), MSG_NOSIGNAL), (ssize_t)strlen(request));
            while (len < sizeof(in) - 1 && (n = recv(fd, in + len, sizeof(in) - 1 - len, 0)) > 0)
                len += (size_t)n;
            in[len] = '\0';
            close(fd);
            return in;
        }
        close(fd);
        usleep(50000);
    }
    return "";
}

int child_end(struct child *c, char *output, size_t size)
{
    size_t len = 0;
    ssize_t n;
    int status;

    while (len < size - 1 && (n = read(c->output, output + len, size - 1 - len)) > 0)
        len += (size_t)n;
    output[len] = '\0';
    close(c->output);
    cr_assert_eq(waitpid(c->pid, &status, 0), c->pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

void child_clear(struct child *c)
{
    static const char *const names[] = { "principals.yaml", "ratelimit.key" };
    char path[128];

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", c->dir, names[i]);
        unlink(path);
    }
    rmdir(c->dir);
}
