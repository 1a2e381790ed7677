/*
 * hlidka-devbus: librdkafka's mock cluster in a process of its own, the bus of development and of tests.
 *
 * It listens on loopback only, starts in a moment, needs no Java and can be told to misbehave (control.h). It
 * keeps nothing, does not compact, knows no ACLs and drops the oldest messages of a partition over 5 MiB: it
 * is no production option. Its ports are the kernel's choice, so it writes its bootstrap list to a file.
 */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "control.h"

enum { MAX_TOPICS = 512, MAX_NAME = 249, MAX_PATH = 4096, MAX_COMMAND = 512 };

struct options {
    const char *bootstrap_path, *control_path;
    const char *topics[MAX_TOPICS];
    size_t topic_count;
    int brokers;
};

static const char usage[] =
    "usage: hlidka-devbus --bootstrap FILE [--control SOCKET] [--brokers N]\n"
    "                     [--topic NAME:N]...\n"
    "\n"
    "A Kafka look-alike on 127.0.0.1 for development and tests. It keeps nothing: no production option.\n"
    "\n"
    "  --bootstrap FILE  where to write the bootstrap.servers list once it listens\n"
    "  --control SOCKET  take fault-injection commands on this Unix socket (SOCK_SEQPACKET):\n"
    "                      down BROKER|all      up BROKER|all      rtt BROKER|all MS\n"
    "                      leader TOPIC PARTITION BROKER|none      topic NAME PARTITIONS\n"
    "                      errors API ERROR|none [COUNT]\n"
    "  --brokers N       how many brokers, 1 to 9 (default 2)\n"
    "  --topic NAME:N    a topic to have from the start, and its number of partitions (hlidkactl topics list)\n"
    "\n"
    "Ends with 0 on SIGTERM or SIGINT, 1 when it cannot start, 2 on wrong usage.\n";

static int parse_options(int argc, char **argv, struct options *options)
{
    static const struct option longs[] = {
        {"bootstrap", required_argument, NULL, 'f'}, {"control", required_argument, NULL, 'c'},
        {"brokers", required_argument, NULL, 'n'},   {"topic", required_argument, NULL, 't'},
        {"help", no_argument, NULL, 'h'},            {NULL, 0, NULL, 0},
    };
    int opt;

    *options = (struct options){.brokers = 2};
    while ((opt = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
        switch (opt) {
        case 'f':
            options->bootstrap_path = optarg;
            break;
        case 'c':
            options->control_path = optarg;
            break;
        case 'n':
            if (optarg[0] < '1' || optarg[0] > '9' || optarg[1] != '\0')
                return 2;
            options->brokers = optarg[0] - '0';
            break;
        case 't':
            if (options->topic_count == MAX_TOPICS)
                return 2;
            options->topics[options->topic_count++] = optarg;
            break;
        case 'h':
            fputs(usage, stdout);
            exit(0);
        default:
            return 2;
        }
    }
    return optind == argc && options->bootstrap_path != NULL ? 0 : 2;
}

static int fail(const char *what, const char *why)
{
    fprintf(stderr, "hlidka-devbus: %s: %s\n", what, why);
    return -1;
}

/* By the same command that a test would send, which checks the number. */
static int make_topics(rd_kafka_mock_cluster_t *cluster, const struct options *options)
{
    char line[MAX_COMMAND], answer[128];

    for (size_t i = 0; i < options->topic_count; i++) {
        const char *name = options->topics[i], *colon = strrchr(name, ':');
        if (colon == NULL || colon - name > MAX_NAME)
            return fail(name, "not NAME:PARTITIONS");
        int length = snprintf(line, sizeof line, "topic %.*s %s", (int)(colon - name), name, colon + 1);
        if (length < 0 || (size_t)length >= sizeof line)
            return fail(name, "too long");
        control_execute(cluster, line, answer, sizeof answer);
        if (strcmp(answer, "ok") != 0)
            return fail(name, answer);
    }
    return 0;
}

/* Appears whole or not at all: whoever waits for the file may read it as soon as it is there. */
static int write_bootstrap(const char *path, const char *servers)
{
    char temporary[MAX_PATH];
    int length = snprintf(temporary, sizeof temporary, "%s.new", path);

    if (length < 0 || (size_t)length >= sizeof temporary)
        return fail(path, strerror(ENAMETOOLONG));
    FILE *file = fopen(temporary, "w");
    if (file == NULL)
        return fail(temporary, strerror(errno));
    bool written = fprintf(file, "%s\n", servers) > 0;
    if (fclose(file) != 0 || !written || rename(temporary, path) != 0)
        return fail(path, strerror(errno));
    return 0;
}

/* Only the owner may inject faults: the socket is made under a mask that leaves nobody else a bit. */
static int listen_control(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(path);

    if (length >= sizeof address.sun_path)
        return fail(path, strerror(ENAMETOOLONG));
    memcpy(address.sun_path, path, length + 1);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return fail("socket", strerror(errno));
    if (unlink(path) != 0 && errno != ENOENT)
        goto fail_fd;
    mode_t mask = umask(0177);
    int bound = bind(fd, (struct sockaddr *)&address, sizeof address);
    umask(mask);
    if (bound != 0 || listen(fd, 8) != 0)
        goto fail_fd;
    return fd;

fail_fd:
    fail(path, strerror(errno));
    close(fd);
    return -1;
}

static void serve_control(rd_kafka_mock_cluster_t *cluster, int listener)
{
    static const struct timeval patience = {.tv_sec = 1};
    char line[MAX_COMMAND], answer[256];

    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        return; /* the peer went away again, or there are no descriptors: the next command may fare better */
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0) {
        ssize_t got = recv(fd, line, sizeof line - 1, 0);
        if (got > 0) {
            line[got] = '\0';
            line[strcspn(line, "\n")] = '\0';
            fprintf(stderr, "hlidka-devbus: %s\n", line);
            control_execute(cluster, line, answer, sizeof answer);
            (void)send(fd, answer, strlen(answer), MSG_NOSIGNAL); /* a peer that left does not want to know */
        }
    }
    close(fd);
}

/* Returns 0 when asked to end. */
static int run(rd_kafka_mock_cluster_t *cluster, int signals, int listener)
{
    struct pollfd fds[] = {{.fd = signals, .events = POLLIN}, {.fd = listener, .events = POLLIN}};

    for (;;) {
        if (poll(fds, 2, -1) < 0) {
            if (errno == EINTR)
                continue; /* a debugger's stop, say: revents mean nothing */
            return fail("poll", strerror(errno));
        }
        if (fds[0].revents != 0)
            return 0;
        if (fds[1].revents != 0)
            serve_control(cluster, listener);
    }
}

static int start(const struct options *options, int signals)
{
    char error[512];
    int listener = -1, result = -1;

    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    /* The handle that the cluster hangs on is no client; at the default level it would complain of that. */
    if (rd_kafka_conf_set(conf, "log_level", "4", error, sizeof error) != RD_KAFKA_CONF_OK) {
        rd_kafka_conf_destroy(conf);
        return fail("librdkafka", error);
    }
    rd_kafka_t *handle = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof error);
    if (handle == NULL) {
        rd_kafka_conf_destroy(conf);
        return fail("librdkafka", error);
    }
    rd_kafka_mock_cluster_t *cluster = rd_kafka_mock_cluster_new(handle, options->brokers);
    if (cluster == NULL) {
        fail("mock cluster", "cannot be made");
        goto fail_handle;
    }
    if (make_topics(cluster, options) != 0)
        goto fail_cluster;
    if (options->control_path != NULL && (listener = listen_control(options->control_path)) < 0)
        goto fail_cluster;
    const char *servers = rd_kafka_mock_cluster_bootstraps(cluster);
    if (write_bootstrap(options->bootstrap_path, servers) != 0)
        goto fail_listener;
    fprintf(stderr,
            "hlidka-devbus: listening on %s\n"
            "hlidka-devbus: for development and tests only: it keeps nothing, and no production runs on it\n",
            servers);
    result = run(cluster, signals, listener);
    unlink(options->bootstrap_path);

fail_listener:
    if (listener >= 0) {
        close(listener);
        unlink(options->control_path);
    }
fail_cluster:
    rd_kafka_mock_cluster_destroy(cluster);
fail_handle:
    rd_kafka_destroy(handle);
    return result;
}

int main(int argc, char **argv)
{
    struct options options;
    sigset_t ends;

    if (parse_options(argc, argv, &options) != 0) {
        fputs(usage, stderr);
        return 2;
    }
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    /* before the first thread is made, so that all of them leave these signals to the descriptor */
    int signals = sigprocmask(SIG_BLOCK, &ends, NULL) == 0 ? signalfd(-1, &ends, SFD_CLOEXEC) : -1;
    if (signals < 0) {
        fail("signals", strerror(errno));
        return 1;
    }
    int result = start(&options, signals);
    close(signals);
    return result == 0 ? 0 : 1;
}
