/* The store of recordings from the inside: what its files share. */
#ifndef HLIDKA_STORE_RECORDINGS_H
#define HLIDKA_STORE_RECORDINGS_H

#include "blobs.h"
#include "lifetime.h"
#include "offload.h"
#include "once.h"
#include "recording.h"
#include "recordings.h"

#define QUERY_BYTES 65536
#define QUERY_MS 3000

/*
 * Between writing a blob and committing its row at most so long, and it is spared by the janitor for longer: so none is
 * taken away whose row is yet to come, by a process that was asleep for an hour between the two neither.
 */
#define BLOB_COMMIT_MS (5 * 60 * 1000)
#define BLOB_GRACE_MS (10 * 60 * 1000)

/* A row of objects. Texts are in the arena, or borrowed from the batch where there is none. */
struct object {
    struct recording form;
    uint64_t received, expires_ms;
    bool complete;
    uint32_t version;
    uint8_t wrapped[WRAP_LEN];
    uint8_t sha256[RECORDING_SEALED_SHA256_LEN];
};

/* A row of parts. */
struct stored_part {
    struct part range;
    struct uuid blob;
    uint8_t header[COBBLESTONE_HEADER_LEN];
};

/* Two statements: the object (locked where asked), and whether it has expired before. */
#define OBJECT_STATEMENTS 2
MUST_USE enum result object_ask(struct pg_batch *b, struct text realm, const struct uuid *id, bool lock);
/* FAULT_COUNT: *out is one that is there now. Else why it is not: 404, 410, or 500. */
enum fault_code object_read(struct pg_batch *b, size_t stmt, struct text realm, const struct uuid *id, struct arena *a,
                            struct object *out);

/* Parts that share a byte with the range, in order. */
MUST_USE enum result parts_ask(struct pg_batch *b, const struct uuid *id, struct part range);
/* All of them, if so many bytes more make it whole; else none. */
MUST_USE enum result parts_ask_when_whole(struct pg_batch *b, const struct uuid *id, uint64_t more);
/* An array in the arena. */
MUST_USE enum result parts_read(struct pg_batch *b, size_t stmt, struct arena *a, struct stored_part **out, size_t *count);

/* The object's key, under a ring key that has its wrap; RESULT_NOT_AUTHENTIC, which nobody is told of. */
MUST_USE enum result object_unwrap(const struct ring_key *k, const struct object *o, struct secret **out);
/* The object's key; FAULT_COUNT, or 410 key_destroyed, 422 (its wrapped key was tampered with: said), 503, 500. */
enum fault_code object_key(struct vault *v, const struct keyset *set, const struct object *o, struct secret **out);

/* The hash of the whole, as it is answered. */
struct sha256_text {
    char hex[2 * RECORDING_SHA256_LEN + 1];
};
enum fault_code object_sha256(struct vault *v, const struct secret *key, const struct object *o, struct sha256_text *out);
struct sha256_text sha256_text(const uint8_t sha256[RECORDING_SHA256_LEN]);

/*
 * On the thread pool: bytes [want) of the recording, which lie within the part. Blob and row are held to each other.
 * RESULT_NOT_AUTHENTIC: either was tampered with; RESULT_NOT_FOUND and RESULT_TRUNCATED: the blob is away or cut.
 */
MUST_USE enum result part_open(struct blobs *blobs, const struct secret *key, const struct recording *form,
                               const struct stored_part *p, struct part want, uint8_t *out);

/* What was tampered with is named in the log, counted, and told to audit. what: static. */
void tampered(struct vault *v, const struct uuid *id, struct text owner, const char *what, uint64_t offset);

/* Removed in a while, if it can be; what stays is found by the janitor. names are copied. */
void blobs_forget(struct vault *v, const struct uuid *names, size_t count);
#endif
