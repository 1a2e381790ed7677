/*
 * Work for libuv's thread pool: what would hold up the loop (fsync, AEAD of much, Argon2).
 *
 *     static void hash(void *cookie)  { … on another thread: nothing of the loop's is touched … }
 *     static void hashed(void *cookie) { … on the loop's thread again … }
 *
 *     if (offload_run(o, hash, hashed, job))
 *         … there is too much of it already
 */
#ifndef HLIDKA_OFFLOAD_H
#define HLIDKA_OFFLOAD_H

#include "metrics.h"

struct uv_loop_s;
struct offload;

#define OFFLOAD_MAX 512                 /* pieces given and not done */

/* RESULT_NO_MEMORY, and what metrics_* return. m may be NULL. */
MUST_USE enum result offload_new(struct uv_loop_s *loop, struct metrics *m, struct offload **out);

/* done is called once, never from within; cookie is borrowed until then. RESULT_FULL, RESULT_CLOSED, RESULT_NO_MEMORY. */
MUST_USE enum result offload_run(struct offload *o, void (*work)(void *cookie), void (*done)(void *cookie), void *cookie);

/* Takes no more; `closed` is called, never from within, when the last piece is done, and o is gone then. */
void offload_close(struct offload *o, void (*closed)(void *cookie), void *cookie);

#endif
