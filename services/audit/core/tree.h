/*
 * The Merkle tree of the log (RFC 6962 section 2.1), as much of it as appending needs: the roots of the full subtrees
 * from which the whole is made, one for each bit of its size.
 *
 *     size 6 = 4 + 2:  roots[2] covers leaves 0 … 3, roots[1] leaves 4 and 5
 *
 * Beside it every full subtree whose height is a multiple of 8 is kept for good (256 leaves, 65,536, …): with those and
 * the records themselves any node of the tree is at most 256 hashes a level away. Pure.
 */
#ifndef HLIDKA_TREE_H
#define HLIDKA_TREE_H

#include "buffer.h"

#define TREE_HASH_LEN 32
#define TREE_HEIGHTS 64
#define TREE_STRIDE 8                   /* heights between nodes that are kept */
#define TREE_KEPT_MAX (TREE_HEIGHTS / TREE_STRIDE)

struct tree_hash {
    uint8_t bytes[TREE_HASH_LEN];
};

struct tree {
    uint64_t size;                      /* leaves */
    struct tree_hash roots[TREE_HEIGHTS];
};

/* A full subtree: the leaves from index << height on, 1 << height of them. */
struct tree_node {
    uint8_t height;
    uint64_t index;
    struct tree_hash hash;
};

/* SHA-256(0x00 ‖ record), and SHA-256(0x01 ‖ left ‖ right). */
void tree_leaf_hash(struct bytes record, struct tree_hash *out);
void tree_parent_hash(const struct tree_hash *left, const struct tree_hash *right, struct tree_hash *out);

/* Writes the nodes to keep that this leaf completes, lowest first, and returns how many. */
size_t tree_append(struct tree *t, const struct tree_hash *leaf, struct tree_node kept[TREE_KEPT_MAX]);

/*
 * The same with a node that was kept, in place of the leaves under it: how a tree is made anew. RESULT_OUT_OF_RANGE
 * where no node of that height can begin.
 */
MUST_USE enum result tree_append_node(struct tree *t, unsigned height, const struct tree_hash *node);

/* The root hash; of an empty tree SHA-256 of nothing. */
void tree_root(const struct tree *t, struct tree_hash *out);

/* The roots of a tree of that size, highest first: how a tree is stored beside its size. Errors as buffer_append. */
MUST_USE enum result tree_save(const struct tree *t, struct buffer *out);
/* RESULT_MALFORMED when the bytes are not those of a tree of that size. */
MUST_USE enum result tree_load(uint64_t size, struct bytes saved, struct tree *out);

#endif
