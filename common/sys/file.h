/* Whole small files: configuration and secrets. */
#ifndef HLIDKA_FILE_H
#define HLIDKA_FILE_H

#include "buffer.h"
#include "secret.h"

/* Appends the file's bytes. RESULT_NOT_FOUND, RESULT_DENIED, RESULT_TOO_LARGE (over out's limit), RESULT_IO. */
MUST_USE enum result file_read(const char *path, struct buffer *out);

/*
 * A secret file: a regular file of ours or root's, mode 0600 or stricter, at most 64 KiB, or it is refused
 * (RESULT_DENIED, and `why` says which rule, never what is in it). Trailing white space is not part of it.
 */
MUST_USE enum result file_read_secret(const char *path, struct secret **out, struct buffer *why);

/* Changes whenever the file at that path does: device, inode, size, mtime. RESULT_NOT_FOUND, RESULT_IO. */
struct file_stamp {
    uint64_t dev, ino, size, mtime_ns, ctime_ns;
};
MUST_USE enum result file_stamp(const char *path, struct file_stamp *out);

#endif
