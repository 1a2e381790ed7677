#include "rules_reading.h"

#include "buffer.h"

enum { SELECTIONS_MAX = 32, MAPS_MAX = 64, TESTS_MAX = 32, VALUES_MAX = 1000, PATTERN_MAX = 4096 };

/* ---- values ---------------------------------------------------------------------------------------------------- */

/* What a modifier puts around each value. */
struct around {
    bool before, after;                 /* a `*` */
};

static bool is_null(const struct yaml_node *n)
{
    return n->kind == YAML_SCALAR && !n->quoted &&
           (n->scalar.len == 0 || text_equal(n->scalar, TEXT("null")) || text_equal(n->scalar, TEXT("~")));
}

static void read_value(struct reading *in, const struct yaml_node *n, struct around around, struct text *out)
{
    char pattern[PATTERN_MAX];
    size_t len = 0;
    struct text t;

    if (is_null(n)) {
        if (around.before || around.after)
            complain(in, n, "null does not go with this modifier");
        return;
    }
    if (n->kind != YAML_SCALAR) {
        complain(in, n, "expected a value");
        return;
    }
    t = n->scalar;
    if (t.len > PATTERN_MAX - 2) {
        complain(in, n, "a value of more than %d bytes", PATTERN_MAX - 2);
        return;
    }
    if (around.before)
        pattern[len++] = '*';
    memcpy(pattern + len, t.data ? t.data : "", t.len);
    len += t.len;
    if (around.after)
        pattern[len++] = '*';
    *out = take_copy(in, (struct text){ pattern, len });
}

static void read_values(struct reading *in, const struct yaml_node *n, struct around around, struct rule_test *test)
{
    struct yaml_node *const *items = NULL;
    size_t count = 1;

    if (n->kind == YAML_LIST && !take_list(in, n, "values", VALUES_MAX, &items, &count))
        return;
    struct text *patterns = take_memory(in, count, sizeof(*patterns));
    if (!patterns)
        return;
    for (size_t i = 0; i < count; i++)
        read_value(in, items ? items[i] : n, around, &patterns[i]);
    test->patterns = patterns;
    test->count = count;
}

/* ---- tests ----------------------------------------------------------------------------------------------------- */

static void read_exists(struct reading *in, const struct yaml_node *n, struct rule_test *test)
{
    bool wanted = false;

    if (yaml_bool(in->yaml, n, "exists", &wanted, in->why))
        in->failed = true;
    test->wanted = wanted ? WANTED_PRESENT : WANTED_ABSENT;
}

/* `field|modifier|modifier`. False: no such modifier, or not with the others. */
static bool read_modifier(struct text word, struct rule_test *test, struct around *around, bool *exists)
{
    if (text_equal(word, TEXT("contains")))
        around->before = around->after = true;
    else if (text_equal(word, TEXT("startswith")))
        around->after = true;
    else if (text_equal(word, TEXT("endswith")))
        around->before = true;
    else if (text_equal(word, TEXT("cased")))
        test->cased = true;
    else if (text_equal(word, TEXT("all")))
        test->wanted = WANTED_ALL;
    else if (text_equal(word, TEXT("exists")))
        *exists = true;
    else
        return false;
    return true;
}

static struct text cut(struct text *rest)
{
    const char *bar = rest->len > 0 ? memchr(rest->data, '|', rest->len) : NULL;
    struct text word = { rest->data, bar ? (size_t)(bar - rest->data) : rest->len };

    *rest = bar ? (struct text){ bar + 1, rest->len - word.len - 1 } : (struct text){ 0 };
    return word;
}

static void read_test(struct reading *in, const struct yaml_pair *pair, struct rule_test *test)
{
    struct text rest = pair->key, name = cut(&rest), copy = take_copy(in, name);
    struct around around = { false, false };
    bool exists = false;

    if (!copy.data)
        return;
    if (!rule_field_find(copy, &test->field)) {
        complain(in, pair->value, "%.*s: events have no such field", TEXT_ARG(name));
        return;
    }
    test->cased = rule_field_is_id(&test->field);
    while (rest.data) {
        struct text word = cut(&rest);
        if (!read_modifier(word, test, &around, &exists))
            complain(in, pair->value, "%.*s: the modifier %.*s is not supported", TEXT_ARG(pair->key), TEXT_ARG(word));
    }
    if (exists)
        read_exists(in, pair->value, test);
    else
        read_values(in, pair->value, around, test);
}

static void read_tests(struct reading *in, const struct yaml_node *n, struct rule_tests *out)
{
    if (n->kind != YAML_MAP || n->count == 0 || n->count > TESTS_MAX) {
        complain(in, n, "expected a map of 1 to %d fields (keywords are not supported)", TESTS_MAX);
        return;
    }
    out->tests = take_memory(in, n->count, sizeof(*out->tests));
    if (!out->tests)
        return;
    out->count = n->count;
    for (size_t i = 0; i < n->count; i++)
        read_test(in, &n->pairs[i], &out->tests[i]);
}

/* ---- selections ------------------------------------------------------------------------------------------------ */

static void read_selection(struct reading *in, const struct yaml_pair *pair, struct rule_selection *out)
{
    struct yaml_node *const *items = NULL;
    const struct yaml_node *n = pair->value;
    size_t count = 1;

    out->name = take_copy(in, pair->key);
    if (n->kind == YAML_LIST && !take_list(in, n, "selection", MAPS_MAX, &items, &count))
        return;
    out->any = take_memory(in, count, sizeof(*out->any));
    if (!out->any)
        return;
    out->count = count;
    for (size_t i = 0; i < count; i++)
        read_tests(in, items ? items[i] : n, &out->any[i]);
}

void read_detection(struct reading *in, const struct yaml_node *root, struct rule_base *b)
{
    const struct yaml_node *n = yaml_get(root, "detection");
    const char *why = NULL;
    struct text condition;

    if (n->kind != YAML_MAP || n->count < 2 || n->count > SELECTIONS_MAX + 1) {
        complain(in, n, "detection: expected 1 to %d selections and a condition", SELECTIONS_MAX);
        return;
    }
    b->selections = take_memory(in, n->count, sizeof(*b->selections));
    if (!b->selections || !take_text(in, n, "condition", false, &condition))
        return;
    for (size_t i = 0; i < n->count; i++)
        if (!text_equal(n->pairs[i].key, TEXT("condition")))
            read_selection(in, &n->pairs[i], &b->selections[b->selection_count++]);
    if (!in->no_memory && !rule_condition(condition, b, &why))
        complain(in, yaml_get(n, "condition"), "condition: %s", why);
}
