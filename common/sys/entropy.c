#include "entropy.h"

#include <pthread.h>
#include <sodium.h>
#include <stdint.h>
#include <string.h>

enum { POOL_BYTES = 2048, SHARE_MAX = 64 };

/* Given out from its end. */
struct pool {
    unsigned lineage;           /* the process that drew it; 0: nobody */
    size_t left;
    uint8_t bytes[POOL_BYTES];
};

static _Thread_local struct pool pool;
static unsigned lineage;        /* another one in each child of a fork, which has its parent's pool; 0: not watched */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void on_forked(void)
{
    lineage++;
}

static void watch_forks(void)
{
    if (pthread_atfork(NULL, NULL, on_forked) == 0)
        lineage = 1;
}

enum result entropy_start(void)
{
    if (sodium_init() < 0 || pthread_once(&once, watch_forks))
        return RESULT_CRYPTO;
    return RESULT_OK;
}

void entropy_fill(void *out, size_t len)
{
    randombytes_buf(out, len);
}

void entropy_public(void *out, size_t len)
{
    if (len > SHARE_MAX || lineage == 0) {
        entropy_fill(out, len);
        return;
    }
    if (pool.lineage != lineage || pool.left < len) {
        entropy_fill(pool.bytes, sizeof(pool.bytes));
        pool.left = sizeof(pool.bytes);
        pool.lineage = lineage;
    }
    pool.left -= len;
    memcpy(out, pool.bytes + pool.left, len);
    sodium_memzero(pool.bytes + pool.left, len);
}
