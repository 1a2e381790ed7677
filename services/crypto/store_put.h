/* One part at work: shared by store_put_look.c (what is seen to beforehand), store_put.c (what is decided) and
 * store_put_work.c (what the thread pool does). */
#ifndef HLIDKA_STORE_PUT_H
#define HLIDKA_STORE_PUT_H

#include "store_recordings.h"

enum {
    PUT_COMPARISON = 1,                 /* with the very part, which is there */
    PUT_BLOB = 2,                       /* the part, sealed and written */
    PUT_HASH = 4,                       /* SHA-256 of the whole */
};

/* In the request's arena. While it is at work on the thread pool, nobody else touches it. */
struct put {
    struct vault *vault;
    struct request *rq;
    const struct crypto_audio_put_request *body;
    enum media media;
    struct part range;
    struct recording form;              /* id and created_ms of a new object: from when it was conceived */
    uint32_t version;                   /* and these */
    uint8_t wrapped[WRAP_LEN];
    unsigned tries;

    unsigned have, lack;                /* PUT_… */
    struct secret *key;                 /* only while at work */
    const struct stored_part *there;    /* PUT_COMPARISON */
    bool same;
    struct stored_part *others;         /* PUT_HASH: all parts but this one, in order */
    size_t other_count;

    struct stored_part stored;          /* what its row will say */
    uint64_t written_ns;                /* before the blob was begun */
    struct sha256_text sha256;
    uint8_t sealed_sha256[RECORDING_SEALED_SHA256_LEN];
    enum result failed;
    const struct stored_part *bad;      /* the part that did not open */
};

/* What is asked of PostgreSQL, locked or not; numbers of its statements, of a new object and of one that is there. */
enum { PUT_CLOCK };
enum { PUT_OBJECT, PUT_NEAR = OBJECT_STATEMENTS, PUT_ALL };
MUST_USE enum result put_ask(const struct put *op, struct pg_batch *reads, bool lock);

/*
 * A new object's id, key and moment of its beginning: once, whatever is to be decided again later. FAULT_COUNT, or
 * FAULT_UNAVAILABLE (no ring key to be used), FAULT_INTERNAL.
 */
enum fault_code put_conceive(struct put *op, uint64_t now_ms, struct secret **key);
/* The part says of its object what the parts before it said. */
bool put_agrees(const struct put *op, const struct object *o);

/* Sees to what it will lack as things stand, then put_run. */
void put_look(struct put *op);
/* Does what it lacks, then put_run; or answers. */
void put_work(struct put *op);
void put_run(struct put *op);

#endif
