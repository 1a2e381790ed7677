#include "key_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "entropy.h"
#include "file.h"

#define KEY_LEN 32
#define BASE64_LEN 44

static enum result say(struct buffer *why, enum result r, const char *path, const char *what)
{
    enum result told = buffer_printf(why, "%s: %s\n", path, what);

    return told == RESULT_NO_MEMORY ? told : r;
}

static unsigned keys_max(enum key_kind kind)
{
    return kind == KEY_EXCHANGE ? KEY_FILE_KEYS_MAX : KEY_FILE_SIGNS_MAX;
}

static enum result public_half(enum key_kind kind, const uint8_t secret[KEY_LEN], uint8_t out[KEY_LEN])
{
    uint8_t expanded[crypto_sign_SECRETKEYBYTES];
    int failed;

    if (kind == KEY_EXCHANGE)
        return crypto_scalarmult_base(out, secret) ? RESULT_CRYPTO : RESULT_OK;
    failed = crypto_sign_seed_keypair(out, expanded, secret);
    secret_wipe(expanded, sizeof(expanded));
    return failed ? RESULT_CRYPTO : RESULT_OK;
}

/* One line of base64 to its public half. */
static enum result read_line(enum key_kind kind, struct text line, uint8_t out[KEY_LEN])
{
    uint8_t key[KEY_LEN];
    const char *end;
    size_t len;
    enum result r = RESULT_MALFORMED;

    if (sodium_base642bin(key, sizeof(key), line.data, line.len, NULL, &len, &end,
                          sodium_base64_VARIANT_ORIGINAL) == 0 &&
        len == KEY_LEN && end == line.data + line.len)
        r = public_half(kind, key, out);
    secret_wipe(key, sizeof(key));
    return r;
}

static enum result read_lines(const char *path, enum key_kind kind, struct bytes content, struct public_keys *out,
                              struct buffer *why)
{
    const char *at = (const char *)content.data, *end = at + content.len;
    enum result r;

    out->count = 0;
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *stop = newline ? newline : end;
        if (out->count == keys_max(kind))
            return say(why, RESULT_FULL, path, "more keys than a principal may list");
        r = read_line(kind, (struct text){ at, (size_t)(stop - at) }, out->keys[out->count]);
        if (r)
            return say(why, r, path, "a line is not the base64 of 32 bytes");
        out->count++;
        at = newline ? newline + 1 : end;
    }
    return RESULT_OK;
}

enum result key_file_public(const char *path, enum key_kind kind, struct public_keys *out, struct buffer *why)
{
    struct secret *content;
    enum result r = file_read_secret(path, &content, why);

    if (r)
        return r;
    r = read_lines(path, kind, secret_bytes(content), out, why);
    secret_free(content);
    return r;
}

static bool write_all(int fd, const void *data, size_t len)
{
    const uint8_t *at = data;

    while (len > 0) {
        ssize_t n = write(fd, at, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        at += n;
        len -= (size_t)n;
    }
    return true;
}

/* old, if any, and a new key after it, into a file of its own beside `path`. */
static enum result write_beside(const char *beside, struct bytes old)
{
    uint8_t key[KEY_LEN];
    char line[BASE64_LEN + 1];
    enum result r = RESULT_IO;

    int fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return RESULT_IO;
    entropy_fill(key, sizeof(key));
    sodium_bin2base64(line, sizeof(line), key, sizeof(key), sodium_base64_VARIANT_ORIGINAL);
    line[BASE64_LEN] = '\n';
    if (fchmod(fd, 0600) == 0 && write_all(fd, old.data, old.len) && (old.len == 0 || write_all(fd, "\n", 1)) &&
        write_all(fd, line, sizeof(line)) && fsync(fd) == 0)
        r = RESULT_OK;
    secret_wipe(key, sizeof(key));
    secret_wipe(line, sizeof(line));
    if (close(fd))
        r = RESULT_IO;
    if (r)
        unlink(beside);
    return r;
}

static enum result sync_directory_of(const char *path)
{
    char copy[PATH_MAX];
    size_t len = strlen(path);

    if (len >= sizeof(copy))
        return RESULT_IO;
    memcpy(copy, path, len + 1);
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return RESULT_IO;
    int failed = fsync(fd);
    close(fd);
    return failed ? RESULT_IO : RESULT_OK;
}

/* Replaces the file whole, or (old.len == 0) makes it unless it is there. */
static enum result put(const char *path, struct bytes old, struct buffer *why)
{
    char beside[PATH_MAX];
    int len = snprintf(beside, sizeof(beside), "%s.new", path);
    enum result r;

    if (len < 0 || (size_t)len >= sizeof(beside))
        return say(why, RESULT_IO, path, "the name is too long");
    r = write_beside(beside, old);
    if (r)
        return say(why, r, beside, strerror(errno));
    if (old.len > 0 ? rename(beside, path) : link(beside, path)) {
        r = errno == EEXIST ? RESULT_EXISTS : RESULT_IO;
        r = say(why, r, path, r == RESULT_EXISTS ? "is there already" : strerror(errno));
    }
    if (r || old.len == 0)
        unlink(beside);
    return r ? r : sync_directory_of(path);
}

enum result key_file_create(const char *path, struct buffer *why)
{
    return put(path, (struct bytes){ NULL, 0 }, why);
}

enum result key_file_add(const char *path, enum key_kind kind, struct buffer *why)
{
    struct public_keys have;
    struct secret *old;
    enum result r;

    if (access(path, F_OK) && errno == ENOENT)
        return key_file_create(path, why);
    r = file_read_secret(path, &old, why);
    if (r)
        return r;
    r = read_lines(path, kind, secret_bytes(old), &have, why);
    if (!r && have.count == keys_max(kind))
        r = say(why, RESULT_FULL, path, "holds as many keys as a principal may list: take old ones away first");
    if (!r)
        r = put(path, secret_bytes(old), why);
    secret_free(old);
    return r;
}
