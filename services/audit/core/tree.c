#include "tree.h"

#include <sodium.h>

void tree_leaf_hash(struct bytes record, struct tree_hash *out)
{
    crypto_hash_sha256_state s;

    crypto_hash_sha256_init(&s);
    crypto_hash_sha256_update(&s, (const uint8_t[]){ 0 }, 1);
    crypto_hash_sha256_update(&s, record.data, record.len);
    crypto_hash_sha256_final(&s, out->bytes);
}

void tree_parent_hash(const struct tree_hash *left, const struct tree_hash *right, struct tree_hash *out)
{
    crypto_hash_sha256_state s;

    crypto_hash_sha256_init(&s);
    crypto_hash_sha256_update(&s, (const uint8_t[]){ 1 }, 1);
    crypto_hash_sha256_update(&s, left->bytes, sizeof(left->bytes));
    crypto_hash_sha256_update(&s, right->bytes, sizeof(right->bytes));
    crypto_hash_sha256_final(&s, out->bytes);
}

enum result tree_append_node(struct tree *t, unsigned height, const struct tree_hash *node)
{
    struct tree_hash carried = *node;
    unsigned at = height;

    if (height >= TREE_HEIGHTS || t->size & ((UINT64_C(1) << height) - 1))
        return RESULT_OUT_OF_RANGE;
    for (; t->size >> at & 1; at++)
        tree_parent_hash(&t->roots[at], &carried, &carried);
    t->roots[at] = carried;
    t->size += UINT64_C(1) << height;
    return RESULT_OK;
}

size_t tree_append(struct tree *t, const struct tree_hash *leaf, struct tree_node kept[TREE_KEPT_MAX])
{
    struct tree_hash node = *leaf;
    unsigned height = 0;
    size_t count = 0;

    /* As in counting: each full subtree of the same height is carried into the next. */
    for (; t->size >> height & 1; height++) {
        tree_parent_hash(&t->roots[height], &node, &node);
        if ((height + 1) % TREE_STRIDE == 0)
            kept[count++] = (struct tree_node){ (uint8_t)(height + 1), t->size >> (height + 1), node };
    }
    t->roots[height] = node;
    t->size++;
    return count;
}

void tree_root(const struct tree *t, struct tree_hash *out)
{
    bool any = false;

    if (t->size == 0)
        crypto_hash_sha256(out->bytes, NULL, 0);
    for (unsigned height = 0; height < TREE_HEIGHTS; height++) {
        if (!(t->size >> height & 1))
            continue;
        if (any)
            tree_parent_hash(&t->roots[height], out, out);
        else
            *out = t->roots[height];
        any = true;
    }
}

enum result tree_save(const struct tree *t, struct buffer *out)
{
    for (unsigned height = TREE_HEIGHTS; height-- > 0;) {
        if (!(t->size >> height & 1))
            continue;
        enum result r = buffer_append(out, t->roots[height].bytes, TREE_HASH_LEN);
        if (r)
            return r;
    }
    return RESULT_OK;
}

enum result tree_load(uint64_t size, struct bytes saved, struct tree *out)
{
    size_t at = 0;

    memset(out, 0, sizeof(*out));
    if (saved.len != (size_t)__builtin_popcountll(size) * TREE_HASH_LEN)
        return RESULT_MALFORMED;
    out->size = size;
    for (unsigned height = TREE_HEIGHTS; height-- > 0;) {
        if (!(size >> height & 1))
            continue;
        memcpy(out->roots[height].bytes, saved.data + at, TREE_HASH_LEN);
        at += TREE_HASH_LEN;
    }
    return RESULT_OK;
}
