#include "arena.h"

#include <stdlib.h>

#define ALIGNMENT _Alignof(max_align_t)
#define BLOCK_SIZE 4096

struct arena_block {
    struct arena_block *next;
    max_align_t data[];
};

static void use_first(struct arena *a)
{
    size_t skip = (ALIGNMENT - (uintptr_t)a->first % ALIGNMENT) % ALIGNMENT;

    a->used = 0;
    a->more = NULL;
    if (a->first_cap < skip) {
        a->at = NULL;
        a->left = 0;
        return;
    }
    a->at = a->first ? a->first + skip : NULL;
    a->left = a->first_cap - skip;
}

void arena_init(struct arena *a, void *first, size_t first_cap, size_t limit)
{
    *a = (struct arena){ .first = first, .first_cap = first ? first_cap : 0, .limit = limit };
    use_first(a);
}

static bool add_block(struct arena *a, size_t size)
{
    size_t cap = size > BLOCK_SIZE ? size : BLOCK_SIZE;

    if (cap > SIZE_MAX - sizeof(struct arena_block))
        return false;
    struct arena_block *block = malloc(sizeof(*block) + cap);
    if (!block)
        return false;
    block->next = a->more;
    a->more = block;
    a->at = (uint8_t *)block->data;
    a->left = cap;
    return true;
}

void *arena_alloc(struct arena *a, size_t n, size_t size)
{
    size_t asked, taken;

    if (__builtin_mul_overflow(n, size, &asked))
        return NULL;
    if (asked == 0)
        asked = 1;              /* an address of its own, so that NULL always means failure */
    if (asked > a->limit - a->used || __builtin_add_overflow(asked, ALIGNMENT - 1, &taken))
        return NULL;
    taken -= taken % ALIGNMENT;
    if (taken > a->left && !add_block(a, taken))
        return NULL;

    void *out = a->at;
    a->at += taken;
    a->left -= taken;
    a->used += asked;
    memset(out, 0, asked);
    return out;
}

char *arena_copy(struct arena *a, struct text t)
{
    char *out = t.len < SIZE_MAX ? arena_alloc(a, t.len + 1, 1) : NULL;

    if (out && t.len > 0)
        memcpy(out, t.data, t.len);
    return out;
}

void arena_reset(struct arena *a)
{
    for (struct arena_block *block = a->more, *next; block; block = next) {
        next = block->next;
        free(block);
    }
    use_first(a);
}
