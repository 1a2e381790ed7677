#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_SIZE 16384
#define SECRET_MAX 65536

static enum result result_of_errno(int error)
{
    switch (error) {
    case ENOENT:
    case ENOTDIR:
        return RESULT_NOT_FOUND;
    case EACCES:
    case EPERM:
        return RESULT_DENIED;
    default:
        return RESULT_IO;
    }
}

/* O_NONBLOCK: a FIFO where a file should be must not hold up the process. */
static enum result open_to_read(const char *path, int *fd)
{
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    return *fd < 0 ? result_of_errno(errno) : RESULT_OK;
}

static ssize_t read_some(int fd, void *out, size_t len)
{
    ssize_t n;

    do
        n = read(fd, out, len);
    while (n < 0 && errno == EINTR);
    return n;
}

static enum result read_all(int fd, struct buffer *out)
{
    for (;;) {
        size_t room = out->limit - out->len;
        size_t ask = room < READ_SIZE ? room : READ_SIZE;
        uint8_t beyond;

        enum result r = buffer_reserve(out, ask);
        if (r)
            return r;
        /* At the limit one byte more tells whether the file ends here. */
        ssize_t n = ask ? read_some(fd, out->data + out->len, ask) : read_some(fd, &beyond, 1);
        if (n < 0)
            return RESULT_IO;
        if (n == 0)
            return RESULT_OK;
        if (ask == 0)
            return RESULT_TOO_LARGE;
        out->len += (size_t)n;
    }
}

enum result file_read(const char *path, struct buffer *out)
{
    size_t before = out->len;
    int fd;

    enum result r = open_to_read(path, &fd);
    if (r)
        return r;
    r = read_all(fd, out);
    if (r)
        out->len = before;
    close(fd);
    return r;
}

/* The rule that the opened file breaks, or NULL. */
static const char *broken_rule(const struct stat *st)
{
    if (!S_ISREG(st->st_mode))
        return "is not a regular file";
    if (st->st_uid != geteuid() && st->st_uid != 0)
        return "belongs to somebody else";
    if (st->st_mode & 077)
        return "is open to others: its mode must be 0600 or stricter";
    if (st->st_size > SECRET_MAX)
        return "is over 64 KiB";
    return NULL;
}

static enum result refuse(struct buffer *why, const char *path, const char *rule)
{
    enum result r = buffer_printf(why, "%s: %s\n", path, rule);

    return r == RESULT_NO_MEMORY ? r : RESULT_DENIED;
}

static size_t trimmed(const uint8_t *data, size_t len)
{
    while (len > 0 && strchr(" \t\r\n", data[len - 1]) && data[len - 1] != '\0')
        len--;
    return len;
}

/* Straight into locked memory: the bytes never stand in an ordinary buffer. */
static enum result read_secret(int fd, const char *path, struct secret **out, struct buffer *why)
{
    struct secret *raw;
    size_t len = 0;

    enum result r = secret_new(SECRET_MAX + 1, &raw);
    if (r)
        return r;
    for (;;) {
        ssize_t n = read_some(fd, secret_fill(raw) + len, SECRET_MAX + 1 - len);
        if (n < 0) {
            r = RESULT_IO;
            goto done;
        }
        if (n == 0)
            break;
        len += (size_t)n;
        if (len > SECRET_MAX) {
            r = refuse(why, path, "is over 64 KiB");
            goto done;
        }
    }
    len = trimmed(secret_fill(raw), len);
    r = len == 0 ? refuse(why, path, "is empty") : secret_from(secret_fill(raw), len, out);
done:
    secret_free(raw);
    return r;
}

enum result file_read_secret(const char *path, struct secret **out, struct buffer *why)
{
    struct stat st;
    int fd;

    /* Links are followed, since Kubernetes mounts secrets as links; what counts is the file that was opened. */
    enum result r = open_to_read(path, &fd);
    if (r) {
        enum result told = buffer_printf(why, "%s: %s\n", path, result_text(r));
        return told == RESULT_NO_MEMORY ? told : r;
    }
    if (fstat(fd, &st)) {
        r = RESULT_IO;
        goto done;
    }
    const char *rule = broken_rule(&st);
    r = rule ? refuse(why, path, rule) : read_secret(fd, path, out, why);
done:
    close(fd);
    return r;
}

static uint64_t nanoseconds(struct timespec t)
{
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

enum result file_stamp(const char *path, struct file_stamp *out)
{
    struct stat st;

    if (stat(path, &st))
        return errno == ENOENT || errno == ENOTDIR ? RESULT_NOT_FOUND : RESULT_IO;
    *out = (struct file_stamp){
        .dev = st.st_dev,
        .ino = st.st_ino,
        .size = (uint64_t)st.st_size,
        .mtime_ns = nanoseconds(st.st_mtim),
        .ctime_ns = nanoseconds(st.st_ctim),
    };
    return RESULT_OK;
}
