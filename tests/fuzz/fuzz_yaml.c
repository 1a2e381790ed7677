/* A configuration file of any content is a tree within its bounds, or refused with a reason that names the place. */
#include "utf8.h"
#include "yaml.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void require(bool holds)
{
    if (!holds)
        abort();
}

/* The depth is bounded by the parser, so recursion is safe here. */
static void walk(const struct yaml *y, const struct yaml_node *n, unsigned depth)
{
    static const char *const known[] = { "name", NULL };
    struct buffer why;
    struct text t;
    uint64_t v;
    bool b;

    require(depth <= 16 && n->line >= 1);
    buffer_init(&why, 100000);
    require(yaml_text(y, n, "x", &t, &why) == RESULT_MALFORMED || n->kind == YAML_SCALAR);
    require(yaml_uint(y, n, "x", 5, 10, &v, &why) == RESULT_MALFORMED || (v >= 5 && v <= 10));
    require(yaml_bool(y, n, "x", &b, &why) == RESULT_MALFORMED || !n->quoted);
    require(yaml_only(y, n, known, &why) == RESULT_MALFORMED || n->kind == YAML_MAP);
    buffer_free(&why);
    if (n->kind == YAML_SCALAR)
        require(utf8_valid(n->scalar));
    for (size_t i = 0; n->kind == YAML_LIST && i < n->count; i++)
        walk(y, n->items[i], depth + 1);
    for (size_t i = 0; n->kind == YAML_MAP && i < n->count; i++) {
        for (size_t k = 0; k < i; k++)
            require(!text_equal(n->pairs[i].key, n->pairs[k].key));
        walk(y, n->pairs[i].value, depth + 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct buffer why;
    struct yaml *y = NULL;

    buffer_init(&why, 10000);
    enum result r = yaml_parse((struct bytes){ data, len }, "f", &y, &why);
    if (r)
        require(r == RESULT_MALFORMED && why.len > 4 && memcmp(why.data, "f:", 2) == 0 && !y);
    else
        walk(y, yaml_root(y), 0);
    yaml_free(y);
    buffer_free(&why);
    return 0;
}
