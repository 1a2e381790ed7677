#include "process.h"

#include "buffer.h"
#include "file.h"

#include <dirent.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

/* ---- what it may do ------------------------------------------------------------------------------------------- */

static bool raise_locked_memory(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_MEMLOCK, &limit))
        return false;
    limit.rlim_cur = limit.rlim_max;
    return setrlimit(RLIMIT_MEMLOCK, &limit) == 0;
}

enum result process_harden(void)
{
    const struct rlimit no_core = { 0, 0 };
    struct sigaction ignore = { .sa_handler = SIG_IGN };

    if (setrlimit(RLIMIT_CORE, &no_core) || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) || !raise_locked_memory() ||
        sigaction(SIGPIPE, &ignore, NULL))
        return RESULT_DENIED;
    return RESULT_OK;
}

/* ---- what it uses --------------------------------------------------------------------------------------------- */

static double seconds(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

/* The second number of /proc/self/statm: pages in memory. */
static double resident_bytes(void)
{
    struct buffer text;
    double pages = 0;

    buffer_init(&text, 256);
    if (!file_read("/proc/self/statm", &text) && !buffer_append(&text, "", 1)) {
        char *second = strchr((char *)text.data, ' ');

        if (second)
            pages = strtod(second, NULL);
    }
    buffer_free(&text);
    return pages * (double)sysconf(_SC_PAGESIZE);
}

static double open_fds(void)
{
    DIR *dir = opendir("/proc/self/fd");
    double n = 0;

    if (!dir)
        return 0;
    while (readdir(dir))
        n++;
    closedir(dir);
    return n - 3;       /* ".", ".." and the directory's own */
}

void process_usage(struct process_usage *out)
{
    struct rusage usage;
    struct rlimit limit;

    *out = (struct process_usage){ .resident_bytes = resident_bytes(), .open_fds = open_fds() };
    if (getrusage(RUSAGE_SELF, &usage) == 0)
        out->cpu_seconds = seconds(usage.ru_utime) + seconds(usage.ru_stime);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        out->max_fds = (double)limit.rlim_cur;
}

/* ---- its end in any case -------------------------------------------------------------------------------------- */

static struct {
    const char *message;
    size_t len;
    int status;
} doom;

static void on_alarm(int signal)
{
    (void)signal;
    /* Nothing can be done about a line that is not written. */
    ssize_t written = write(STDERR_FILENO, doom.message, doom.len);
    (void)written;
    _exit(doom.status);
}

void process_doom(unsigned secs, int status, const char *message)
{
    struct sigaction act = { .sa_handler = on_alarm };

    doom.message = message;
    doom.len = strlen(message);
    doom.status = status;
    sigemptyset(&act.sa_mask);
    if (sigaction(SIGALRM, &act, NULL) == 0)
        alarm(secs);
}

void process_rescue(void)
{
    alarm(0);
}

void process_keep_memory(void)
{
    (void)mallopt(M_MMAP_THRESHOLD, 4 * 1024 * 1024);
    (void)mallopt(M_TRIM_THRESHOLD, 16 * 1024 * 1024);
}
