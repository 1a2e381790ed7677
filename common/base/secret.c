/*
 * Keys are small and many (two for every peer and key), locked memory is scarce: up to 64 bytes they share
 * locked pages, 64 cells a page, and only what is larger has a mapping of its own. Every mapping lies between
 * two guard pages. A shared page is kept for the next key when its last one has gone.
 */
#include "secret.h"

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define CELL_SIZE 64
#define CELLS 64                /* a bit each in page.taken; 4,096 bytes in all */

struct page {
    struct page *next;
    uint64_t taken;
    uint8_t *cells;
};

struct secret {
    uint8_t *data;
    size_t len;
    struct page *page;          /* NULL: a mapping of its own */
};

static pthread_mutex_t pool_lock = PTHREAD_MUTEX_INITIALIZER;
static struct page *pool;

static size_t page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

static size_t whole_pages(size_t len)
{
    size_t page = page_size();

    return len == 0 ? page : (len - 1) / page * page + page;
}

/* NULL unless the memory is there, locked, and out of core dumps. */
static uint8_t *map_locked(size_t len)
{
    size_t page = page_size();

    if (len > SIZE_MAX / 2)
        return NULL;
    size_t inner = whole_pages(len);
    uint8_t *base = mmap(NULL, inner + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED)
        return NULL;
    uint8_t *data = base + page;
    if (mprotect(data, inner, PROT_READ | PROT_WRITE) || madvise(data, inner, MADV_DONTDUMP) ||
        sodium_mlock(data, inner)) {
        munmap(base, inner + 2 * page);
        return NULL;
    }
    return data;
}

static void unmap_locked(uint8_t *data, size_t len)
{
    size_t page = page_size(), inner = whole_pages(len);

    sodium_munlock(data, inner);    /* wipes first */
    munmap(data - page, inner + 2 * page);
}

static struct page *page_with_room(void)
{
    for (struct page *p = pool; p; p = p->next) {
        if (p->taken != UINT64_MAX)
            return p;
    }
    struct page *p = calloc(1, sizeof(*p));
    if (!p)
        return NULL;
    p->cells = map_locked(CELLS * CELL_SIZE);
    if (!p->cells) {
        free(p);
        return NULL;
    }
    p->next = pool;
    pool = p;
    return p;
}

static void take_cell(struct secret *s)
{
    pthread_mutex_lock(&pool_lock);
    s->page = page_with_room();
    if (s->page) {
        unsigned cell = (unsigned)__builtin_ctzll(~s->page->taken);
        s->page->taken |= UINT64_C(1) << cell;
        s->data = s->page->cells + cell * CELL_SIZE;
    }
    pthread_mutex_unlock(&pool_lock);
}

static void give_cell_back(struct secret *s)
{
    size_t cell = (size_t)(s->data - s->page->cells) / CELL_SIZE;

    sodium_memzero(s->data, CELL_SIZE);
    pthread_mutex_lock(&pool_lock);
    s->page->taken &= ~(UINT64_C(1) << cell);
    pthread_mutex_unlock(&pool_lock);
}

enum result secret_new(size_t len, struct secret **out)
{
    struct secret *s = calloc(1, sizeof(*s));

    if (!s)
        return RESULT_NO_MEMORY;
    s->len = len;
    if (len <= CELL_SIZE)
        take_cell(s);
    else
        s->data = map_locked(len);
    if (!s->data) {
        free(s);
        return RESULT_NO_MEMORY;
    }
    *out = s;
    return RESULT_OK;
}

enum result secret_from(const void *data, size_t len, struct secret **out)
{
    enum result r = secret_new(len, out);

    if (!r && len > 0)
        memcpy((*out)->data, data, len);
    return r;
}

struct bytes secret_bytes(const struct secret *s)
{
    return (struct bytes){ s->data, s->len };
}

uint8_t *secret_fill(struct secret *s)
{
    return s->data;
}

bool secret_equal(const struct secret *s, struct bytes other)
{
    return s->len == other.len && (s->len == 0 || sodium_memcmp(s->data, other.data, s->len) == 0);
}

void secret_free(struct secret *s)
{
    if (!s)
        return;
    if (s->page)
        give_cell_back(s);
    else
        unmap_locked(s->data, s->len);
    free(s);
}

void secret_wipe(void *data, size_t len)
{
    sodium_memzero(data, len);
}
