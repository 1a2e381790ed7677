/*
 * Where the bytes of recordings lie, sealed already: a directory that all instances share (blobs_dir.h), or later S3. Every
 * call blocks and is made on the thread pool, any number at once. A blob is written once, under a random name, and never
 * changed: whose name is in no row of `parts` is nobody's.
 */
#ifndef HLIDKA_BLOBS_H
#define HLIDKA_BLOBS_H

#include "bytes.h"
#include "result.h"
#include "uuid.h"

#define BLOB_SHARDS 256                 /* by the first byte of the name */

struct blobs {
    /* Durable when it returns. RESULT_EXISTS, RESULT_IO, RESULT_DENIED, RESULT_FULL (no room). */
    enum result (*put)(struct blobs *b, const struct uuid *name, struct bytes data);
    /* Exactly len bytes from offset on. RESULT_NOT_FOUND, RESULT_TRUNCATED (it is shorter), RESULT_IO, RESULT_DENIED. */
    enum result (*get)(struct blobs *b, const struct uuid *name, uint64_t offset, size_t len, uint8_t *out);
    /* What is not there is removed already. */
    enum result (*remove)(struct blobs *b, const struct uuid *name);
    /*
     * Names of blobs of one shard that were written more than age_ms ago: the first max (at least 1) after `after`, in the
     * order of their bytes. What is no blob is left alone.
     */
    enum result (*list)(struct blobs *b, unsigned shard, uint64_t age_ms, const struct uuid *after, struct uuid *names,
                        size_t max, size_t *count);
    /*
     * The store's identity. `place` puts it there where there is none yet (RESULT_EXISTS: there is one, perhaps by
     * another instance just now); `identity` reads it (RESULT_NOT_FOUND).
     */
    enum result (*place)(struct blobs *b, const struct uuid *id);
    enum result (*identity)(struct blobs *b, struct uuid *id);
    void (*free)(struct blobs *b);
};

#endif
