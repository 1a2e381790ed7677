#include "blobs_dir.h"

#include "clock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEX "0123456789abcdef"
#define STORE_ID "store-id"

struct blobs_dir {
    struct blobs blobs;                 /* first */
    int fd;
};

struct blob_path {
    char shard[3];
    char name[33];
};

static struct blob_path path_of(const struct uuid *name)
{
    struct blob_path p;

    for (size_t i = 0; i < sizeof(name->bytes); i++) {
        p.name[2 * i] = HEX[name->bytes[i] >> 4];
        p.name[2 * i + 1] = HEX[name->bytes[i] & 15];
    }
    p.name[32] = '\0';
    memcpy(p.shard, p.name, 2);
    p.shard[2] = '\0';
    return p;
}

static bool name_of(const char *text, struct uuid *out)
{
    if (strlen(text) != 32)
        return false;
    for (size_t i = 0; i < 32; i++) {
        const char *digit = strchr(HEX, text[i]);
        if (!digit)
            return false;
        out->bytes[i / 2] = (uint8_t)(out->bytes[i / 2] << 4 | (digit - HEX));
    }
    return true;
}

static enum result failed(void)
{
    switch (errno) {
    case ENOENT:
    case ENOTDIR:
        return RESULT_NOT_FOUND;
    case EEXIST:
        return RESULT_EXISTS;
    case EACCES:
    case EPERM:
    case EROFS:
        return RESULT_DENIED;
    case ENOSPC:
    case EDQUOT:
        return RESULT_FULL;
    case ENOMEM:
        return RESULT_NO_MEMORY;
    default:
        return RESULT_IO;
    }
}

/* ---- writing ------------------------------------------------------------------------------------------------------- */

static enum result write_all(int fd, struct bytes data)
{
    while (data.len > 0) {
        ssize_t n = write(fd, data.data, data.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return failed();
        data.data += n;
        data.len -= (size_t)n;
    }
    return RESULT_OK;
}

/* The file has no name until all of it is on the disk. */
static enum result write_named(int dir, const char *name, struct bytes data)
{
    char self[32];
    int fd = openat(dir, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);

    if (fd < 0)
        return failed();
    snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
    enum result r = write_all(fd, data);
    if (!r && (fsync(fd) || linkat(AT_FDCWD, self, dir, name, AT_SYMLINK_FOLLOW) || fsync(dir)))
        r = failed();
    close(fd);
    return r;
}

static int open_shard(const struct blobs_dir *d, const char *shard)
{
    return openat(d->fd, shard, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static enum result put(struct blobs *b, const struct uuid *name, struct bytes data)
{
    struct blobs_dir *d = (struct blobs_dir *)b;
    struct blob_path p = path_of(name);
    int dir = open_shard(d, p.shard);

    if (dir < 0)
        return failed();
    enum result r = write_named(dir, p.name, data);
    close(dir);
    return r;
}

/* ---- reading ------------------------------------------------------------------------------------------------------- */

static enum result read_exactly(int fd, uint64_t offset, size_t len, uint8_t *out)
{
    while (len > 0) {
        ssize_t n = pread(fd, out, len, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return failed();
        if (n == 0)
            return RESULT_TRUNCATED;
        out += n;
        offset += (uint64_t)n;
        len -= (size_t)n;
    }
    return RESULT_OK;
}

static enum result get(struct blobs *b, const struct uuid *name, uint64_t offset, size_t len, uint8_t *out)
{
    struct blobs_dir *d = (struct blobs_dir *)b;
    struct blob_path p = path_of(name);
    char path[sizeof(p.shard) + sizeof(p.name)];

    snprintf(path, sizeof(path), "%s/%s", p.shard, p.name);
    int fd = openat(d->fd, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return failed();
    enum result r = read_exactly(fd, offset, len, out);
    close(fd);
    return r;
}

/* ---- removing ------------------------------------------------------------------------------------------------------ */

/* Not synced: one that comes back after a power cut is nobody's, and is found as that. */
static enum result remove_blob(struct blobs *b, const struct uuid *name)
{
    struct blobs_dir *d = (struct blobs_dir *)b;
    struct blob_path p = path_of(name);
    char path[sizeof(p.shard) + sizeof(p.name)];

    snprintf(path, sizeof(path), "%s/%s", p.shard, p.name);
    return unlinkat(d->fd, path, 0) && errno != ENOENT ? failed() : RESULT_OK;
}

static bool is_older(int dir, const char *name, uint64_t written_before_ms)
{
    struct stat st;

    return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode)
           && (uint64_t)st.st_mtim.tv_sec * 1000 + (uint64_t)st.st_mtim.tv_nsec / 1000000 < written_before_ms;
}

static int compare(const struct uuid *a, const struct uuid *b)
{
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

/* names: the least so far, sorted. A directory is in no order, and is read once. */
static void keep_least(struct uuid *names, size_t max, size_t *count, const struct uuid *name)
{
    size_t at = *count;

    while (at > 0 && compare(name, &names[at - 1]) < 0)
        at--;
    if (*count < max)
        ++*count;
    memmove(&names[at + 1], &names[at], (*count - at - 1) * sizeof(*names));
    names[at] = *name;
}

static enum result list(struct blobs *b, unsigned shard, uint64_t age_ms, const struct uuid *after, struct uuid *names,
                        size_t max, size_t *count)
{
    struct blobs_dir *d = (struct blobs_dir *)b;
    char dir_name[3] = { HEX[shard >> 4 & 15], HEX[shard & 15], '\0' };
    uint64_t before = clock_unix_ms() - age_ms;
    int fd = open_shard(d, dir_name);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *e;
    struct uuid name;

    *count = 0;
    if (!dir) {
        enum result r = failed();
        if (fd >= 0)
            close(fd);
        return r;
    }
    while ((e = readdir(dir)))
        if (name_of(e->d_name, &name) && name.bytes[0] == (uint8_t)shard && compare(&name, after) > 0
            && (*count < max || compare(&name, &names[max - 1]) < 0) && is_older(fd, e->d_name, before))
            keep_least(names, max, count, &name);
    closedir(dir);
    return RESULT_OK;
}

/* ---- whose it is --------------------------------------------------------------------------------------------------- */

static enum result place(struct blobs *b, const struct uuid *id)
{
    struct blobs_dir *d = (struct blobs_dir *)b;
    char text[UUID_TEXT_LEN + 1];

    uuid_format(id, text);
    text[UUID_TEXT_LEN] = '\n';
    return write_named(d->fd, STORE_ID, (struct bytes){ (const uint8_t *)text, sizeof(text) });
}

static enum result identity(struct blobs *b, struct uuid *id)
{
    struct blobs_dir *d = (struct blobs_dir *)b;
    uint8_t text[UUID_TEXT_LEN];
    int fd = openat(d->fd, STORE_ID, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return failed();
    enum result r = read_exactly(fd, 0, sizeof(text), text);
    close(fd);
    return r ? r : uuid_parse((struct text){ (const char *)text, sizeof(text) }, id);
}

/* ---- life ---------------------------------------------------------------------------------------------------------- */

static void free_blobs(struct blobs *b)
{
    struct blobs_dir *d = (struct blobs_dir *)b;

    close(d->fd);
    free(d);
}

static enum result make_shards(const struct blobs_dir *d)
{
    for (unsigned i = 0; i < BLOB_SHARDS; i++) {
        const char name[3] = { HEX[i >> 4], HEX[i & 15], '\0' };
        if (mkdirat(d->fd, name, 0700) && errno != EEXIST)
            return failed();
    }
    return fsync(d->fd) ? failed() : RESULT_OK;
}

enum result blobs_dir_open(const char *path, struct blobs **out, struct buffer *why)
{
    struct blobs_dir *d = calloc(1, sizeof(*d));
    enum result r = RESULT_NO_MEMORY;

    if (!d)
        return r;
    d->blobs = (struct blobs){ put, get, remove_blob, list, place, identity, free_blobs };
    d->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    r = d->fd < 0 ? failed() : make_shards(d);
    if (!r) {
        *out = &d->blobs;
        return RESULT_OK;
    }
    if (buffer_printf(why, "%s: %s", path, r == RESULT_NOT_FOUND ? "no such directory" : "cannot be written to"))
        r = RESULT_NO_MEMORY;
    if (d->fd >= 0)
        close(d->fd);
    free(d);
    return r;
}
