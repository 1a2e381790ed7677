#include "db_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARGS_MAX 64
#define CHILDREN_MAX 256
#define START_MS 30000

struct db_server {
    bool postgres;
    int held;                           /* a socket that keeps the port from everybody else's port 0 */
    uint16_t port;
    pid_t pid;
    char dir[PATH_MAX];
    char url[128];
    char *args[ARGS_MAX];
    size_t count;
};

static void die(const char *what)
{
    fprintf(stderr, "db_server: %s: %s\n", what, strerror(errno));
    abort();
}

static const char *temp_dir(void)
{
    const char *dir = getenv("TMPDIR");

    return dir && *dir ? dir : "/tmp";
}

static const char *shared_template(void)
{
    return getenv("HLIDKA_TEST_POSTGRES");
}

/* Tests run in children of the program that made the template; of several programs one makes it, where they are told. */
static void template_path(char *out, size_t cap, pid_t program)
{
    if (shared_template()) {
        snprintf(out, cap, "%s", shared_template());
        return;
    }
    snprintf(out, cap, "%s/hlidka-pg-template-%ld", temp_dir(), (long)program);
}

/* ---- programs --------------------------------------------------------------------------------------------- */

static void become_postgres(void)
{
    struct passwd *user;

    if (geteuid() != 0)
        return;
    user = getpwnam("postgres");
    if (!user || initgroups("postgres", user->pw_gid) || setgid(user->pw_gid) || setuid(user->pw_uid))
        die("user postgres");
}

static pid_t spawn(char *const *args, bool postgres, const char *log)
{
    pid_t parent = getpid(), pid = fork();

    if (pid < 0)
        die("fork");
    if (pid > 0)
        return pid;
    setpgid(0, 0);
    if (postgres)
        become_postgres();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    if (chdir(temp_dir()) != 0 || !freopen("/dev/null", "r", stdin) || !freopen(log, "a", stdout) ||
        !freopen(log, "a", stderr))
        _exit(126);
    execvp(args[0], args);
    _exit(127);
}

static int run(bool postgres, const char *log, ...)
{
    char *args[ARGS_MAX];
    size_t n = 0;
    int status;
    va_list ap;

    va_start(ap, log);
    do
        args[n] = va_arg(ap, char *);
    while (args[n++] && n < ARGS_MAX);
    va_end(ap);
    if (waitpid(spawn(args, postgres, log), &status, 0) < 0)
        die("waitpid");
    return status;
}

/* The newest PostgreSQL's program of that name. */
static bool postgres_program(const char *name, char *out, size_t cap)
{
    glob_t found;
    bool ok = false;

    if (glob("/usr/lib/postgresql/*/bin", 0, NULL, &found) == 0) {
        snprintf(out, cap, "%s/%s", found.gl_pathv[found.gl_pathc - 1], name);
        ok = access(out, X_OK) == 0;
    }
    globfree(&found);
    return ok;
}

bool db_server_have_redis(void)
{
    return run(false, "/dev/null", "redis-server", "--version", NULL) == 0;
}

bool db_server_have_postgres(void)
{
    char program[PATH_MAX];

    return postgres_program("postgres", program, sizeof(program));
}

/* ---- directories ------------------------------------------------------------------------------------------ */

static void own_by_postgres(const char *path)
{
    struct passwd *user = geteuid() == 0 ? getpwnam("postgres") : NULL;

    if (user && chown(path, user->pw_uid, user->pw_gid) != 0)
        die(path);
}

static void template_make(const char *path)
{
    char program[PATH_MAX], pwfile[PATH_MAX];
    FILE *f;

    if (!postgres_program("initdb", program, sizeof(program)))
        return;
    snprintf(pwfile, sizeof(pwfile), "%.4000s.pw", path);
    f = fopen(pwfile, "w");
    if (!f || fputs("hlidka\n", f) < 0 || fclose(f) != 0)
        die(pwfile);
    own_by_postgres(pwfile);
    if (run(true, "/dev/null", program, "-D", path, "-U", "hlidka", "-A", "scram-sha-256", "--pwfile", pwfile, "-E",
            "UTF8", "--locale=C", "--no-sync", "--wal-segsize=1", NULL) != 0)
        die("initdb");
    unlink(pwfile);
}

void db_template_make(void)
{
    char path[PATH_MAX], lock[PATH_MAX];
    int fd;

    template_path(path, sizeof(path), getpid());
    if (!shared_template()) {
        template_make(path);
        return;
    }
    snprintf(lock, sizeof(lock), "%.4000s.lock", path);
    fd = open(lock, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0 || flock(fd, LOCK_EX) != 0)
        die(lock);
    if (access(path, F_OK) != 0)
        template_make(path);
    close(fd);
}

void db_template_remove(void)
{
    char path[PATH_MAX];

    if (shared_template())
        return;
    template_path(path, sizeof(path), getpid());
    (void)run(false, "/dev/null", "rm", "-rf", path, NULL);
}

/* ---- servers ---------------------------------------------------------------------------------------------- */

/*
 * A free port, which stays the server's while it starts and while it is down: test programs run side by side, and all that
 * they start asks for port 0. A socket that is bound and does not listen is passed over there; a server that names the port
 * may share it (SO_REUSEADDR, which both servers set).
 */
static void hold_port(struct db_server *s)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(a);
    const int on = 1;

    s->held = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s->held < 0 || setsockopt(s->held, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        bind(s->held, (struct sockaddr *)&a, len) != 0 || getsockname(s->held, (struct sockaddr *)&a, &len) != 0)
        die("socket");
    s->port = ntohs(a.sin_port);
}

static bool answers(const struct db_server *s)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(s->port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    /* To Redis a PING; to PostgreSQL a request for TLS, which it answers with a byte when it is ready to fork. */
    static const char ping[] = "PING\r\n", tls[8] = { 0, 0, 0, 8, 4, (char)0xd2, 0x16, 0x2f };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool ok = false;
    char byte;

    if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
        ok = send(fd, s->postgres ? tls : ping, s->postgres ? 8 : 6, MSG_NOSIGNAL) > 0 && recv(fd, &byte, 1, 0) == 1;
    if (fd >= 0)
        close(fd);
    return ok;
}

static bool accepts_queries(const struct db_server *s)
{
    char program[PATH_MAX];

    return !s->postgres || (postgres_program("pg_isready", program, sizeof(program)) &&
                            run(false, "/dev/null", program, "-q", "-d", s->url, NULL) == 0);
}

static void launch(struct db_server *s)
{
    char log[PATH_MAX];

    snprintf(log, sizeof(log), "%.4000s/log", s->dir);
    s->pid = spawn(s->args, s->postgres, log);
    for (int waited = 0; waited < START_MS; waited += 10) {
        if (answers(s) && accepts_queries(s))
            return;
        /* After kill -9 the orphans of a postgres may hold its memory a moment longer, and the next one refuses. */
        if (waitpid(s->pid, NULL, WNOHANG) != 0) {
            usleep(100000);
            s->pid = spawn(s->args, s->postgres, log);
        }
        usleep(10000);
    }
    die("the server does not answer (its log is in its directory)");
}

static struct db_server *server_new(bool postgres)
{
    struct db_server *s = calloc(1, sizeof(*s));

    if (!s)
        die("calloc");
    s->postgres = postgres;
    hold_port(s);
    snprintf(s->dir, sizeof(s->dir), "%s/hlidka-db-XXXXXX", temp_dir());
    if (!mkdtemp(s->dir))
        die(s->dir);
    if (postgres)
        own_by_postgres(s->dir);
    return s;
}

static void __attribute__((format(printf, 2, 3))) add(struct db_server *s, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    if (s->count + 1 >= ARGS_MAX || vasprintf(&s->args[s->count++], format, ap) < 0)
        die("arguments");
    va_end(ap);
}

static struct db_server *server_start(struct db_server *s, const char *const *extra)
{
    for (size_t i = 0; extra && extra[i]; i++)
        add(s, "%s", extra[i]);
    launch(s);
    return s;
}

struct db_server *db_redis_start(const char *const *extra)
{
    struct db_server *s = server_new(false);
    const char *const args[] = { "redis-server", "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir" };

    snprintf(s->url, sizeof(s->url), "redis://127.0.0.1:%u", s->port);
    for (size_t i = 0; i < sizeof(args) / sizeof(args[0]); i++)
        add(s, "%s", args[i]);
    add(s, "%s", s->dir);
    add(s, "--port");
    add(s, "%u", s->port);
    return server_start(s, extra);
}

struct db_server *db_postgres_start(const char *const *extra)
{
    struct db_server *s = server_new(true);
    char program[PATH_MAX], template[PATH_MAX];

    if (!postgres_program("postgres", program, sizeof(program)))
        die("postgres");
    template_path(template, sizeof(template), getppid());
    if (access(template, F_OK) != 0)                    /* a program without child processes per test */
        template_path(template, sizeof(template), getpid());
    if (run(true, "/dev/null", "cp", "-a", template, s->dir, NULL) != 0)
        die("copying the template");
    snprintf(s->url, sizeof(s->url), "postgresql://hlidka:hlidka@127.0.0.1:%u/postgres", s->port);
    add(s, "%s", program);
    add(s, "-D");
    add(s, "%s/%s", s->dir, strrchr(template, '/') + 1);
    add(s, "-p");
    add(s, "%u", s->port);
    add(s, "-k");
    add(s, "%s", s->dir);
    add(s, "-h");
    add(s, "127.0.0.1");
    /* Servers are killed here, never the machine: what they wrote the kernel has. */
    add(s, "-c");
    add(s, "fsync=off");
    add(s, "-c");
    add(s, "full_page_writes=off");
    return server_start(s, extra);
}

uint16_t db_server_port(const struct db_server *s)
{
    return s->port;
}

const char *db_server_url(const struct db_server *s)
{
    return s->url;
}

/* Children of postgres lead sessions of their own, so a signal to the group does not reach them. */
static void signal_all(struct db_server *s, int signal)
{
    char path[64];
    FILE *f;
    long children[CHILDREN_MAX];
    size_t count = 0;

    snprintf(path, sizeof(path), "/proc/%ld/task/%ld/children", (long)s->pid, (long)s->pid);
    f = fopen(path, "r");
    if (!f)
        die(path);
    /* The parent goes last: its death would give its children to another parent, and the list would be empty. */
    while (count < CHILDREN_MAX && fscanf(f, "%ld", &children[count]) == 1)
        count++;
    fclose(f);
    for (size_t i = 0; i < count; i++)
        kill((pid_t)children[i], signal);
    kill(s->pid, signal);
}

void db_server_pause(struct db_server *s)
{
    signal_all(s, SIGSTOP);
}

void db_server_resume(struct db_server *s)
{
    signal_all(s, SIGCONT);
}

void db_server_kill(struct db_server *s)
{
    if (s->pid <= 0)
        return;
    db_server_pause(s);                                 /* the kernel's list of children is whole only while they rest */
    signal_all(s, SIGSTOP);                             /* one that was born meanwhile */
    signal_all(s, SIGKILL);
    waitpid(s->pid, NULL, 0);
    s->pid = 0;
}

void db_server_restart(struct db_server *s)
{
    db_server_kill(s);
    launch(s);
}

void db_server_stop(struct db_server *s)
{
    db_server_kill(s);
    close(s->held);
    (void)run(false, "/dev/null", "rm", "-rf", s->dir, NULL);
    for (size_t i = 0; i < s->count; i++)
        free(s->args[i]);
    free(s);
}

/* ---- the loop --------------------------------------------------------------------------------------------- */

static uv_timer_t pulse;

static void on_pulse(uv_timer_t *timer)
{
    (void)timer;
}

void db_loop_open(uv_loop_t *loop)
{
    if (uv_loop_init(loop) != 0 || uv_timer_init(loop, &pulse) != 0 || uv_timer_start(&pulse, on_pulse, 5, 5) != 0)
        die("loop");
    uv_unref((uv_handle_t *)&pulse);
}

bool db_loop_close(uv_loop_t *loop)
{
    uv_close((uv_handle_t *)&pulse, NULL);
    for (int i = 0; i < 1000 && uv_loop_alive(loop); i++)
        uv_run(loop, UV_RUN_ONCE);
    uv_run(loop, UV_RUN_NOWAIT);
    return uv_loop_close(loop) == 0;
}
