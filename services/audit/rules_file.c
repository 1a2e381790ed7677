#include "rules_file.h"

#include "file.h"
#include "file_list.h"
#include "rules_reading.h"

#include <sodium.h>
#include <stdlib.h>

#define FILES_MAX (4u << 20)
#define FILE_MAX (1u << 20)
#define DOCUMENTS_MAX (2 * RULES_MAX)

/* Keys that say something to people, and nothing to us. */
#define REMARKS "id", "status", "description", "references", "author", "date", "modified", "falsepositives", "license"

static const char *const BASE_KEYS[] = { "title", "name", "level", "tags", "logsource", "detection", REMARKS, NULL };
static const char *const CORRELATION_KEYS[] = { "title", "name", "level", "tags", "correlation", "x-runbook", REMARKS, NULL };

struct documents {
    struct yaml *all[DOCUMENTS_MAX];
    size_t count;
};

/* ---- what readers share ---------------------------------------------------------------------------------------- */

void *take_memory(struct reading *in, size_t count, size_t size)
{
    void *p = arena_alloc(&in->set->arena, count > 0 ? count : 1, size);

    if (!p)
        in->no_memory = true;
    return p;
}

struct text take_copy(struct reading *in, struct text t)
{
    char *copy = arena_copy(&in->set->arena, t);

    if (!copy)
        in->no_memory = true;
    return (struct text){ copy, copy ? t.len : 0 };
}

bool take_text(struct reading *in, const struct yaml_node *map, const char *key, bool optional, struct text *out)
{
    const struct yaml_node *n = yaml_get(map, key);

    if (!n && optional)
        return false;
    if (!n)
        complain(in, map, "%s: missing", key);
    else if (yaml_text(in->yaml, n, key, out, in->why))
        in->failed = true;
    else if (out->len == 0)
        complain(in, n, "%s: empty", key);
    else
        return true;
    return false;
}

bool take_name(struct reading *in, const struct yaml_node *map, struct text *out)
{
    struct text t;

    if (!take_text(in, map, "name", false, &t))
        return false;
    bool fits = t.len <= RULE_NAME_MAX;
    for (size_t i = 0; i < t.len && fits; i++)
        fits = (t.data[i] >= 'a' && t.data[i] <= 'z') || (t.data[i] >= '0' && t.data[i] <= '9') || t.data[i] == '-';
    if (!fits || text_equal(t, TEXT("watchdog"))) {
        complain(in, yaml_get(map, "name"), "name: expected 1 to %d of [a-z0-9-], and not watchdog", RULE_NAME_MAX);
        return false;
    }
    *out = take_copy(in, t);
    return out->data != NULL;
}

bool take_list(struct reading *in, const struct yaml_node *n, const char *what, size_t max, struct yaml_node *const **items,
               size_t *count)
{
    if (n->kind == YAML_LIST && n->count > 0 && n->count <= max) {
        *items = n->items;
        *count = n->count;
        return true;
    }
    complain(in, n, "%s: expected a list of 1 to %zu", what, max);
    return false;
}

/* ---- documents ------------------------------------------------------------------------------------------------- */

/* YAML 1.2 section 9.1.2: `---` at the beginning of a line ends a document, whatever it is in the middle of. */
static bool is_marker(struct bytes rest)
{
    return rest.len >= 3 && memcmp(rest.data, "---", 3) == 0 &&
           (rest.len == 3 || rest.data[3] == '\n' || rest.data[3] == '\r' || rest.data[3] == ' ' || rest.data[3] == '\t');
}

static size_t line_len(struct bytes rest)
{
    const uint8_t *end = memchr(rest.data, '\n', rest.len);

    return end ? (size_t)(end - rest.data) + 1 : rest.len;
}

static bool says_nothing(struct bytes line)
{
    size_t i = 0;

    while (i < line.len && (line.data[i] == ' ' || line.data[i] == '\t' || line.data[i] == '\r' || line.data[i] == '\n'))
        i++;
    return i == line.len || line.data[i] == '#';
}

/* Its lines keep their numbers: those of the documents before stand there empty. */
static enum result add_document(struct documents *d, const char *name, struct bytes file, size_t from, size_t to, struct buffer *why)
{
    struct buffer doc;
    enum result r = RESULT_OK;

    buffer_init(&doc, FILE_MAX);
    for (size_t i = 0; i < from && !r; i++)
        if (file.data[i] == '\n')
            r = buffer_append(&doc, "\n", 1);
    if (!r)
        r = buffer_append(&doc, file.data + from, to - from);
    if (!r && d->count == DOCUMENTS_MAX)
        r = buffer_printf(why, "%s: more than %d rules in all\n", name, DOCUMENTS_MAX) ? RESULT_NO_MEMORY : RESULT_MALFORMED;
    if (!r)
        r = yaml_parse(buffer_bytes(&doc), name, &d->all[d->count], why);
    if (!r)
        d->count++;
    buffer_free(&doc);
    return r;
}

static enum result split(struct documents *d, const struct rules_source *s, struct buffer *why)
{
    size_t from = 0, at = 0;
    bool empty = true;
    enum result r = RESULT_OK;

    while (!r && at < s->content.len) {
        struct bytes rest = { s->content.data + at, s->content.len - at };
        size_t len = line_len(rest);
        if (is_marker(rest)) {
            if (!empty)
                r = add_document(d, s->name, s->content, from, at, why);
            from = at;
            empty = len <= 4;           /* `--- {}` says something */
        } else {
            empty = empty && says_nothing((struct bytes){ rest.data, len });
        }
        at += len;
    }
    return r || empty ? r : add_document(d, s->name, s->content, from, at, why);
}

/* ---- the set --------------------------------------------------------------------------------------------------- */

static void check_logsource(struct reading *in, const struct yaml_node *root)
{
    static const char *const KEYS[] = { "product", "definition", NULL };
    const struct yaml_node *n = yaml_get(root, "logsource");
    struct text product;

    if (!n)
        complain(in, root, "logsource: missing");
    else if (yaml_only(in->yaml, n, KEYS, in->why))
        in->failed = true;
    else if (take_text(in, n, "product", false, &product) && !text_equal(product, TEXT("hlidka")))
        complain(in, n, "logsource: product: expected hlidka, whose events these are");
}

static bool name_is_new(struct reading *in, const struct yaml_node *root, struct text name)
{
    bool found = false;

    for (size_t i = 0; i < in->set->base_count; i++)
        found |= text_equal(in->set->bases[i].name, name);
    for (size_t i = 0; i < in->set->rule_count; i++)
        found |= text_equal(in->set->rules[i].name, name);
    if (found)
        complain(in, yaml_get(root, "name"), "name: %.*s stands twice", TEXT_ARG(name));
    return !found;
}

static void read_base(struct reading *in, const struct yaml_node *root)
{
    struct rule_base b = { .steps = { { 0 } } };
    struct text title;

    if (yaml_only(in->yaml, root, BASE_KEYS, in->why))
        in->failed = true;
    (void)take_text(in, root, "title", false, &title);
    check_logsource(in, root);
    read_detection(in, root, &b);
    if (!take_name(in, root, &b.name) || !name_is_new(in, root, b.name))
        return;
    if (in->set->base_count == RULES_MAX)
        complain(in, root, "more than %d base rules", RULES_MAX);
    else
        in->set->bases[in->set->base_count++] = b;
}

static void read_rule(struct reading *in, const struct yaml_node *root)
{
    struct correlation rule = { .least = 0 };

    if (yaml_only(in->yaml, root, CORRELATION_KEYS, in->why))
        in->failed = true;
    read_correlation(in, root, &rule);
    if (!take_name(in, root, &rule.name) || !name_is_new(in, root, rule.name))
        return;
    if (in->set->rule_count == RULES_MAX)
        complain(in, root, "more than %d correlations", RULES_MAX);
    else
        in->set->rules[in->set->rule_count++] = rule;
}

/* A base rule of no correlation would match in silence. */
static void check_used(struct reading *in, const struct yaml_node *root)
{
    const struct yaml_node *n = yaml_get(root, "name");

    for (size_t b = 0; b < in->set->base_count; b++) {
        bool used = !n || n->kind != YAML_SCALAR || !text_equal(n->scalar, in->set->bases[b].name);
        for (size_t i = 0; i < in->set->rule_count; i++)
            for (size_t k = 0; k < in->set->rules[i].base_count; k++)
                used |= in->set->rules[i].bases[k] == b;
        if (!used)
            complain(in, root, "name: no correlation counts %.*s, so it would never alert", TEXT_ARG(in->set->bases[b].name));
    }
}

static void read_all(struct reading *in, const struct documents *d)
{
    for (size_t i = 0; i < d->count; i++) {
        const struct yaml_node *root = yaml_root(in->yaml = d->all[i]);
        if (root->kind != YAML_MAP || (!yaml_get(root, "detection") && !yaml_get(root, "correlation")))
            complain(in, root, "expected a Sigma rule, with detection or correlation");
        else if (!yaml_get(root, "correlation"))
            read_base(in, root);
    }
    for (size_t i = 0; i < d->count; i++) {
        const struct yaml_node *root = yaml_root(in->yaml = d->all[i]);
        if (root->kind == YAML_MAP && yaml_get(root, "correlation"))
            read_rule(in, root);
    }
    for (size_t i = 0; i < d->count && !in->failed; i++) {
        const struct yaml_node *root = yaml_root(in->yaml = d->all[i]);
        if (!yaml_get(root, "correlation"))
            check_used(in, root);
    }
}

static enum result build(const struct documents *d, struct rule_set *set, struct buffer *why)
{
    struct reading in = { .set = set, .why = why };

    read_all(&in, d);
    return in.no_memory ? RESULT_NO_MEMORY : in.failed ? RESULT_MALFORMED : RESULT_OK;
}

enum result rules_parse(const struct rules_source *sources, size_t count, struct rule_set **out, struct buffer *why)
{
    struct documents *d = calloc(1, sizeof(*d));
    crypto_hash_sha256_state h;
    struct rule_set *set = NULL;
    enum result r = d ? rule_set_new(&set) : RESULT_NO_MEMORY;

    crypto_hash_sha256_init(&h);
    for (size_t i = 0; i < count && !r; i++) {
        crypto_hash_sha256_update(&h, sources[i].content.data, sources[i].content.len);
        r = split(d, &sources[i], why);
    }
    if (!r)
        r = build(d, set, why);
    if (!r)
        r = rule_set_find_types(set);
    if (!r)
        crypto_hash_sha256_final(&h, set->sha256);
    for (size_t i = 0; d && i < d->count; i++)
        yaml_free(d->all[i]);
    free(d);
    if (r)
        rule_set_free(set);
    else
        *out = set;
    return r;
}

/* ---- the directory --------------------------------------------------------------------------------------------- */

static enum result refuse(struct buffer *why, const char *what, enum result r)
{
    return buffer_printf(why, "%s: %s\n", what, result_text(r)) ? RESULT_NO_MEMORY : r;
}

enum result rules_load(const char *dir, struct rule_set **out, struct buffer *why)
{
    struct rules_source sources[FILE_LIST_MAX];
    size_t ends[FILE_LIST_MAX] = { 0 };
    struct file_list files;
    struct buffer content;

    enum result r = file_list(dir, RULES_SUFFIX, &files);
    if (!r && files.count == 0)
        r = RESULT_NOT_FOUND;
    if (r)
        return refuse(why, dir, r);
    buffer_init(&content, FILES_MAX);
    for (size_t i = 0; i < files.count && !r; i++) {
        r = file_read(files.paths[i], &content);
        ends[i] = content.len;
        if (r)
            r = refuse(why, files.paths[i], r);
    }
    /* Only now does the content stay where it is. */
    for (size_t i = 0, from = 0; i < files.count && !r; from = ends[i++])
        sources[i] = (struct rules_source){ files.paths[i], { content.data + from, ends[i] - from } };
    if (!r)
        r = rules_parse(sources, files.count, out, why);
    buffer_free(&content);
    file_list_free(&files);
    return r;
}
