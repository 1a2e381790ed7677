#include "yaml.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct buffer why;

static void begin(void)
{
    buffer_init(&why, 100000);
}

static void end(void)
{
    buffer_free(&why);
}

static struct yaml *parse(const char *doc)
{
    struct yaml *y = NULL;

    cr_assert_eq(yaml_parse(text_bytes(text_of(doc)), "t.yaml", &y, &why), RESULT_OK, "%s: %.*s", doc, (int)why.len, why.data);
    return y;
}

static void assert_why(const char *expected)
{
    cr_assert_eq(buffer_append(&why, "", 1), RESULT_OK);
    cr_assert_str_eq((const char *)why.data, expected);
    buffer_reset(&why);
}

Test(yaml, becomes_a_tree_that_knows_its_lines, .timeout = 5, .init = begin, .fini = end)
{
    struct yaml *y = parse("# policies\npolicies:\n  - name: a\n    limit: 30\n  - {name: \"b\", tiers: ['x', y]}\nempty: []\n");
    const struct yaml_node *root = yaml_root(y), *list = yaml_get(root, "policies");

    cr_assert_eq(root->kind, YAML_MAP);
    cr_assert_eq(root->count, 2);
    cr_assert(list && list->kind == YAML_LIST && list->count == 2);
    const struct yaml_node *limit = yaml_get(list->items[0], "limit");
    cr_assert(limit && limit->kind == YAML_SCALAR && limit->line == 4 && !limit->quoted);
    cr_assert(text_equal(limit->scalar, TEXT("30")));
    const struct yaml_node *tiers = yaml_get(list->items[1], "tiers");
    cr_assert(tiers && tiers->count == 2 && tiers->items[0]->quoted && !tiers->items[1]->quoted);
    cr_assert_eq(yaml_get(root, "empty")->count, 0);
    cr_assert_null(yaml_get(root, "policie"));
    cr_assert_null(yaml_get(list, "name"));
    cr_assert_null(yaml_get(NULL, "name"));
    cr_assert_str_eq(yaml_name(y), "t.yaml");
    yaml_free(y);
    yaml_free(NULL);
}

static const struct {
    const char *doc;
    const char *why;
} REFUSED[] = {
    { "", "t.yaml:1: empty\n" },
    { "# only a comment\n", "t.yaml:1: empty\n" },
    { "a: 1\nb: 2\na: 3\n", "t.yaml:3: \"a\" again (first on line 1)\n" },
    { "x:\n  - {a: 1, \"a\": 2}\n", "t.yaml:2: \"a\" again (first on line 2)\n" },
    { "a: &x 1\n", "t.yaml:1: anchors are not allowed\n" },
    { "a: &x [1]\n", "t.yaml:1: anchors are not allowed\n" },
    { "a: &x {b: 1}\n", "t.yaml:1: anchors are not allowed\n" },
    { "&x a: 1\n", "t.yaml:1: anchors are not allowed\n" },
    { "a: 1\nb: *x\n", "t.yaml:2: aliases are not allowed\n" },
    { "a: !!int 1\n", "t.yaml:1: tags are not allowed\n" },
    { "a: !x [1]\n", "t.yaml:1: tags are not allowed\n" },
    { "a: !!map {}\n", "t.yaml:1: tags are not allowed\n" },
    { "a: 1\n---\nb: 2\n", "t.yaml:2: a second document\n" },
    { "? [a]\n: 1\n", "t.yaml:1: a key must be plain text\n" },
    { "? {a: b}\n: 1\n", "t.yaml:1: a key must be plain text\n" },
    { "a: \"x\\0y\"\n", "t.yaml:1: a NUL character\n" },
    { "a:\n\tb: 1\n", "t.yaml:2: found character that cannot start any token\n" },
    { "a: [1\n", "t.yaml:2: did not find expected ',' or ']'\n" },
    { "a: 'x\n", "t.yaml:2: found unexpected end of stream\n" },
    { "a: \xff\n", "t.yaml:1: invalid leading UTF-8 octet\n" },
    { "[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]", "t.yaml:1: nested deeper than 16\n" },
};

Test(yaml, that_is_not_plain_is_refused_with_its_place, .timeout = 5, .init = begin, .fini = end)
{
    for (size_t i = 0; i < COUNT(REFUSED); i++) {
        struct yaml *y = NULL;
        cr_assert_eq(yaml_parse(text_bytes(text_of(REFUSED[i].doc)), "t.yaml", &y, &why), RESULT_MALFORMED, "%s", REFUSED[i].doc);
        cr_assert_null(y);
        assert_why(REFUSED[i].why);
    }
}

Test(yaml, of_sixteen_levels_is_the_deepest, .timeout = 5, .init = begin, .fini = end)
{
    yaml_free(parse("[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]"));
}

static enum result parse_repeated(const char *head, const char *piece, size_t times)
{
    struct buffer doc;
    struct yaml *y = NULL;

    buffer_init(&doc, 4 * 1024 * 1024);
    cr_assert_eq(buffer_append_text(&doc, text_of(head)), RESULT_OK);
    for (size_t i = 0; i < times; i++)
        cr_assert_eq(buffer_printf(&doc, piece[0] == '%' ? "%06zu: 1\n" : "- 1\n", i), RESULT_OK);
    enum result r = yaml_parse(buffer_bytes(&doc), "t.yaml", &y, &why);
    yaml_free(y);
    buffer_free(&doc);
    return r;
}

Test(yaml, is_bounded_in_values_and_bytes, .timeout = 20, .init = begin, .fini = end)
{
    cr_assert_eq(parse_repeated("", "-", 99999), RESULT_OK);
    cr_assert_eq(parse_repeated("", "-", 100000), RESULT_MALFORMED);
    assert_why("t.yaml:100000: more than 100000 values\n");
    cr_assert_eq(parse_repeated("", "%", 90000), RESULT_OK, "many keys are no trouble");
    cr_assert_eq(parse_repeated("", "%", 200000), RESULT_MALFORMED);
    assert_why("t.yaml:1: over 1 MiB\n");
}

static const char DOC[] = "n: 30\nq: \"30\"\nneg: -1\nbig: 18446744073709551616\nlead: 007\nhex: 0x10\nt: true\nf: false\n"
                          "yes: yes\nqt: \"true\"\nnull: null\ntilde: ~\nnothing:\nqnull: \"null\"\nqempty: ''\nlist: [1]\nmap: {a: 1}\n";

Test(yaml, gives_text_where_text_stands, .timeout = 5, .init = begin, .fini = end)
{
    static const char *const good[] = { "n", "q", "neg", "t", "qnull", "qempty" };
    static const char *const bad[] = { "null", "tilde", "nothing", "list", "map", "absent" };
    struct yaml *y = parse(DOC);
    struct text t;

    for (size_t i = 0; i < COUNT(good); i++)
        cr_assert_eq(yaml_text(y, yaml_get(yaml_root(y), good[i]), "x", &t, &why), RESULT_OK, "%s", good[i]);
    for (size_t i = 0; i < COUNT(bad); i++)
        cr_assert_eq(yaml_text(y, yaml_get(yaml_root(y), bad[i]), "x", &t, &why), RESULT_MALFORMED, "%s", bad[i]);
    buffer_reset(&why);
    cr_assert_eq(yaml_text(y, yaml_get(yaml_root(y), "list"), "tiers", &t, &why), RESULT_MALFORMED);
    assert_why("t.yaml:16: tiers: expected text, not a list\n");
    yaml_free(y);
}

Test(yaml, gives_whole_numbers_within_a_range, .timeout = 5, .init = begin, .fini = end)
{
    static const char *const bad[] = { "q", "neg", "big", "lead", "hex", "t", "null", "nothing", "list", "map", "absent" };
    struct yaml *y = parse(DOC);
    const struct yaml_node *n = yaml_get(yaml_root(y), "n");
    uint64_t v = 0;

    cr_assert_eq(yaml_uint(y, n, "limit", 30, 30, &v, &why), RESULT_OK);
    cr_assert_eq(v, 30);
    for (size_t i = 0; i < COUNT(bad); i++)
        cr_assert_eq(yaml_uint(y, yaml_get(yaml_root(y), bad[i]), "x", 0, UINT64_MAX, &v, &why), RESULT_MALFORMED, "%s", bad[i]);
    buffer_reset(&why);
    cr_assert_eq(yaml_uint(y, n, "limit", 1, 29, &v, &why), RESULT_MALFORMED);
    assert_why("t.yaml:1: limit: expected a whole number, 1 to 29, not \"30\"\n");
    cr_assert_eq(yaml_uint(y, n, "limit", 31, 99, &v, &why), RESULT_MALFORMED);
    yaml_free(y);
}

Test(yaml, gives_bools_of_one_spelling, .timeout = 5, .init = begin, .fini = end)
{
    struct yaml *y = parse(DOC);
    const struct yaml_node *root = yaml_root(y);
    bool v = false;

    cr_assert(yaml_bool(y, yaml_get(root, "t"), "x", &v, &why) == RESULT_OK && v);
    cr_assert(yaml_bool(y, yaml_get(root, "f"), "x", &v, &why) == RESULT_OK && !v);
    cr_assert_eq(yaml_bool(y, yaml_get(root, "yes"), "x", &v, &why), RESULT_MALFORMED);
    assert_why("t.yaml:9: x: expected true or false, not \"yes\"\n");
    cr_assert_eq(yaml_bool(y, yaml_get(root, "qt"), "x", &v, &why), RESULT_MALFORMED);
    cr_assert_eq(yaml_bool(y, NULL, "x", &v, &why), RESULT_MALFORMED);
    yaml_free(y);
}

Test(yaml, names_every_key_that_is_not_known, .timeout = 5, .init = begin, .fini = end)
{
    static const char *const known[] = { "a", "b", NULL };
    struct yaml *y = parse("a: 1\nx: 2\nb: 3\ny:\n  z: 1\n");

    cr_assert_eq(yaml_only(y, yaml_root(y), known, &why), RESULT_MALFORMED);
    assert_why("t.yaml:2: unknown key \"x\"\nt.yaml:5: unknown key \"y\"\n");
    cr_assert_eq(yaml_only(y, yaml_get(yaml_root(y), "a"), known, &why), RESULT_MALFORMED);
    assert_why("t.yaml:1: expected a map\n");
    cr_assert_eq(yaml_only(y, NULL, known, &why), RESULT_MALFORMED);
    yaml_free(y);

    y = parse("b: 1\n");
    buffer_reset(&why);
    cr_assert_eq(yaml_only(y, yaml_root(y), known, &why), RESULT_OK);
    cr_assert_eq(why.len, 0);
    yaml_free(y);
}

Test(yaml, is_loaded_from_a_file, .timeout = 5, .init = begin, .fini = end)
{
    char path[] = "/tmp/hlidka-yaml-XXXXXX", expected[100];
    struct yaml *y = NULL;
    int fd = mkstemp(path);

    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, "a: [\n", 5), 5);
    close(fd);
    cr_assert_eq(yaml_load(path, &y, &why), RESULT_MALFORMED);
    snprintf(expected, sizeof(expected), "%s:2: did not find expected node content\n", path);
    assert_why(expected);
    unlink(path);
    cr_assert_eq(yaml_load(path, &y, &why), RESULT_NOT_FOUND);
    snprintf(expected, sizeof(expected), "%s: not found\n", path);
    assert_why(expected);
    cr_assert_null(y);
}
