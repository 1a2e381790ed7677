#include "tree.h"

#include <criterion/criterion.h>
#include <sodium.h>

/*
 * The eight leaves of the test vectors that come with RFC 6962's reference implementation (Certificate Transparency,
 * merkle tree tests), and the root of the tree of each size.
 */
static const char *const LEAVES[8] = { "", "00", "10", "2021", "3031", "40414243", "5051525354555657",
                                       "606162636465666768696a6b6c6d6e6f" };
static const char *const ROOTS[9] = {
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
};

static void unhex(const char *hex, uint8_t *out, size_t *len)
{
    cr_assert_eq(sodium_hex2bin(out, 64, hex, strlen(hex), NULL, len, NULL), 0);
}

static void leaf_of(size_t i, struct tree_hash *out)
{
    uint8_t bytes[64];
    size_t len;

    unhex(LEAVES[i], bytes, &len);
    tree_leaf_hash((struct bytes){ bytes, len }, out);
}

Test(tree, roots_are_those_of_rfc_6962, .timeout = 5)
{
    struct tree_node kept[TREE_KEPT_MAX];
    struct tree t = { 0 };
    struct tree_hash root, leaf;
    uint8_t expected[64];
    size_t len;

    for (size_t size = 0; size <= 8; size++) {
        unhex(ROOTS[size], expected, &len);
        tree_root(&t, &root);
        cr_assert_arr_eq(root.bytes, expected, TREE_HASH_LEN, "size %zu", size);
        if (size == 8)
            break;
        leaf_of(size, &leaf);
        cr_assert_eq(tree_append(&t, &leaf, kept), 0);
    }
}

static void hash_of_number(uint64_t n, struct tree_hash *out)
{
    uint8_t be[8];

    bytes_put_u64(be, n);
    tree_leaf_hash((struct bytes){ be, sizeof(be) }, out);
}

/* MTH of RFC 6962, word for word: what appending must agree with. */
static void root_by_definition(uint64_t from, uint64_t to, struct tree_hash *out)
{
    struct tree_hash left, right;
    uint64_t k = 1;

    if (to - from == 1) {
        hash_of_number(from, out);
        return;
    }
    while (k * 2 < to - from)
        k *= 2;
    root_by_definition(from, from + k, &left);
    root_by_definition(from + k, to, &right);
    tree_parent_hash(&left, &right, out);
}

Test(tree, appending_agrees_with_the_definition_and_keeps_every_256th_node, .timeout = 20)
{
    struct tree_node kept[TREE_KEPT_MAX];
    struct tree t = { 0 };
    struct tree_hash root, expected, leaf;

    for (uint64_t n = 0; n < 65536 + 300; n++) {
        hash_of_number(n, &leaf);
        size_t count = tree_append(&t, &leaf, kept);
        cr_assert_eq(count, n == 65535 ? 2 : n % 256 == 255 ? 1 : 0);
        if (count > 0) {
            cr_assert_eq(kept[0].height, 8);
            cr_assert_eq(kept[0].index, n / 256);
        }
        if (count > 0 && n % 8192 == 8191) {
            root_by_definition(n - 255, n + 1, &expected);
            cr_assert_arr_eq(kept[0].hash.bytes, expected.bytes, TREE_HASH_LEN);
        }
        if (count == 2) {
            cr_assert(kept[1].height == 16 && kept[1].index == 0);
            tree_root(&t, &root);
            cr_assert_arr_eq(kept[1].hash.bytes, root.bytes, TREE_HASH_LEN);
        }
    }
    root_by_definition(0, t.size, &expected);
    tree_root(&t, &root);
    cr_assert_arr_eq(root.bytes, expected.bytes, TREE_HASH_LEN);
}

Test(tree, a_saved_tree_goes_on_as_if_nothing_had_been, .timeout = 5)
{
    struct tree_node kept[TREE_KEPT_MAX];
    struct tree whole = { 0 };

    for (uint64_t n = 0; n < 700; n++) {
        struct tree again;
        struct tree_hash leaf, a, b;
        struct buffer saved;

        buffer_init(&saved, 4096);
        cr_assert_eq(tree_save(&whole, &saved), RESULT_OK);
        cr_assert_eq(tree_load(n, buffer_bytes(&saved), &again), RESULT_OK);
        cr_assert_eq(tree_load(n ^ 1, buffer_bytes(&saved), &(struct tree){ 0 }), RESULT_MALFORMED);
        hash_of_number(n, &leaf);
        (void)tree_append(&whole, &leaf, kept);
        (void)tree_append(&again, &leaf, kept);
        tree_root(&whole, &a);
        tree_root(&again, &b);
        cr_assert_arr_eq(a.bytes, b.bytes, TREE_HASH_LEN);
        buffer_free(&saved);
    }
}
