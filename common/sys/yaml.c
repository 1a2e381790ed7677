#include "yaml.h"

#include "arena.h"
#include "file.h"

#include <stdarg.h>
#include <stdio.h>
#include <sodium.h>
#include <stdlib.h>
#include <yaml.h>

#define DOCUMENT_MAX (1024 * 1024)
#define DEPTH_MAX 16
#define NODES_MAX 100000
#define ARENA_MAX (64 * 1024 * 1024)

struct yaml {
    char *name;
    struct arena arena;
    struct yaml_node *root;
    uint8_t sha256[32];
};

/* A child of a list or map that is still being read. */
struct child {
    struct child *next;
    struct text key;
    unsigned key_line;
    struct yaml_node *value;
};

struct level {
    struct yaml_node *node;
    struct child *first;
    struct child **end;
    bool has_key;               /* of a map: a key waits for its value */
    struct text key;
    unsigned key_line;
};

struct builder {
    struct yaml *y;
    struct buffer *why;
    struct level levels[DEPTH_MAX];
    size_t depth;
    size_t nodes;
};

static unsigned line_of(const yaml_event_t *e)
{
    return (unsigned)e->start_mark.line + 1;
}

__attribute__((format(printf, 4, 0)))
static void complain(const char *name, unsigned line, struct buffer *why, const char *format, va_list args)
{
    char message[512];

    vsnprintf(message, sizeof(message), format, args);
    /* A reason that does not fit is a reason less; the result says that there was one. */
    enum result r = buffer_printf(why, "%s:%u: %s\n", name, line, message);
    (void)r;
}

__attribute__((format(printf, 3, 4)))
static enum result refuse(struct builder *b, unsigned line, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    complain(b->y->name, line, b->why, format, args);
    va_end(args);
    return RESULT_MALFORMED;
}

/* ---- building ------------------------------------------------------------------------------------------------ */

static enum result new_node(struct builder *b, enum yaml_kind kind, unsigned line, struct yaml_node **out)
{
    if (++b->nodes > NODES_MAX)
        return refuse(b, line, "more than %d values", NODES_MAX);
    struct yaml_node *n = arena_alloc(&b->y->arena, 1, sizeof(*n));
    if (!n)
        return RESULT_NO_MEMORY;
    n->kind = kind;
    n->line = line;
    *out = n;
    return RESULT_OK;
}

/* Puts a finished or just opened node where it belongs: the root, an item, or the value of the waiting key. */
static enum result place(struct builder *b, struct yaml_node *n)
{
    if (b->depth == 0) {
        b->y->root = n;
        return RESULT_OK;
    }
    struct level *l = &b->levels[b->depth - 1];
    struct child *c = arena_alloc(&b->y->arena, 1, sizeof(*c));
    if (!c)
        return RESULT_NO_MEMORY;
    c->key = l->key;
    c->key_line = l->key_line;
    c->value = n;
    *l->end = c;
    l->end = &c->next;
    l->node->count++;
    l->has_key = false;
    return RESULT_OK;
}

static bool wants_key(const struct builder *b)
{
    return b->depth > 0 && b->levels[b->depth - 1].node->kind == YAML_MAP && !b->levels[b->depth - 1].has_key;
}

static enum result open_container(struct builder *b, enum yaml_kind kind, unsigned line)
{
    struct yaml_node *n = NULL;

    if (wants_key(b))
        return refuse(b, line, "a key must be plain text");
    if (b->depth == DEPTH_MAX)
        return refuse(b, line, "nested deeper than %d", DEPTH_MAX);
    enum result r = new_node(b, kind, line, &n);
    if (!r)
        r = place(b, n);
    if (r)
        return r;
    struct level *l = &b->levels[b->depth++];
    *l = (struct level){ .node = n };
    l->end = &l->first;
    return RESULT_OK;
}

static int by_key(const void *a, const void *b)
{
    const struct child *const *x = a, *const *y = b;
    int order = text_compare((*x)->key, (*y)->key);

    return order ? order : ((*x)->key_line > (*y)->key_line) - ((*x)->key_line < (*y)->key_line);
}

/* By sorting: a file with a hundred thousand keys is refused as fast as it is read. */
static enum result refuse_duplicates(struct builder *b, const struct level *l)
{
    struct child **sorted = arena_alloc(&b->y->arena, l->node->count, sizeof(struct child *));
    size_t n = 0;

    if (!sorted)
        return RESULT_NO_MEMORY;
    for (struct child *c = l->first; c; c = c->next)
        sorted[n++] = c;
    qsort(sorted, n, sizeof(struct child *), by_key);
    for (size_t i = 1; i < n; i++) {
        if (text_equal(sorted[i - 1]->key, sorted[i]->key))
            return refuse(b, sorted[i]->key_line, "\"%.*s\" again (first on line %u)", TEXT_ARG(sorted[i]->key),
                          sorted[i - 1]->key_line);
    }
    return RESULT_OK;
}

static enum result close_container(struct builder *b)
{
    struct level *l = &b->levels[b->depth - 1];
    struct yaml_node *n = l->node;
    size_t i = 0;

    b->depth--;
    if (n->kind == YAML_LIST) {
        n->items = arena_alloc(&b->y->arena, n->count, sizeof(struct yaml_node *));
        if (!n->items)
            return RESULT_NO_MEMORY;
        for (const struct child *c = l->first; c; c = c->next)
            n->items[i++] = c->value;
        return RESULT_OK;
    }
    n->pairs = arena_alloc(&b->y->arena, n->count, sizeof(struct yaml_pair));
    if (!n->pairs)
        return RESULT_NO_MEMORY;
    for (const struct child *c = l->first; c; c = c->next)
        n->pairs[i++] = (struct yaml_pair){ c->key, c->value };
    return refuse_duplicates(b, l);
}

static enum result add_scalar(struct builder *b, const yaml_event_t *e)
{
    struct text text = { (const char *)e->data.scalar.value, e->data.scalar.length };
    struct yaml_node *n = NULL;

    if (text.len > 0 && memchr(text.data, '\0', text.len))
        return refuse(b, line_of(e), "a NUL character");
    const char *copy = arena_copy(&b->y->arena, text);
    if (!copy)
        return RESULT_NO_MEMORY;
    text.data = copy;

    if (wants_key(b)) {
        struct level *l = &b->levels[b->depth - 1];
        l->has_key = true;
        l->key = text;
        l->key_line = line_of(e);
        return RESULT_OK;
    }
    enum result r = new_node(b, YAML_SCALAR, line_of(e), &n);
    if (r)
        return r;
    n->scalar = text;
    n->quoted = e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    return place(b, n);
}

static enum result refuse_decoration(struct builder *b, const yaml_event_t *e, const void *anchor, const void *tag)
{
    if (anchor)
        return refuse(b, line_of(e), "anchors are not allowed");
    if (tag)
        return refuse(b, line_of(e), "tags are not allowed");
    return RESULT_OK;
}

static enum result take_event(struct builder *b, const yaml_event_t *e)
{
    enum result r;

    switch (e->type) {
    case YAML_DOCUMENT_START_EVENT:
        return b->y->root ? refuse(b, line_of(e), "a second document") : RESULT_OK;
    case YAML_ALIAS_EVENT:
        return refuse(b, line_of(e), "aliases are not allowed");
    case YAML_SCALAR_EVENT:
        r = refuse_decoration(b, e, e->data.scalar.anchor, e->data.scalar.tag);
        return r ? r : add_scalar(b, e);
    case YAML_SEQUENCE_START_EVENT:
        r = refuse_decoration(b, e, e->data.sequence_start.anchor, e->data.sequence_start.tag);
        return r ? r : open_container(b, YAML_LIST, line_of(e));
    case YAML_MAPPING_START_EVENT:
        r = refuse_decoration(b, e, e->data.mapping_start.anchor, e->data.mapping_start.tag);
        return r ? r : open_container(b, YAML_MAP, line_of(e));
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        return close_container(b);
    default:
        return RESULT_OK;
    }
}

static enum result refuse_syntax(struct builder *b, const yaml_parser_t *parser)
{
    const yaml_mark_t *mark = parser->error == YAML_READER_ERROR ? &parser->mark : &parser->problem_mark;

    if (parser->error == YAML_MEMORY_ERROR)
        return RESULT_NO_MEMORY;
    return refuse(b, (unsigned)mark->line + 1, "%s", parser->problem ? parser->problem : "not YAML");
}

static enum result build(struct builder *b, struct bytes doc)
{
    static const unsigned char nothing[1];
    yaml_parser_t parser;
    enum result r = RESULT_OK;

    if (!yaml_parser_initialize(&parser))
        return RESULT_NO_MEMORY;
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, doc.data ? doc.data : nothing, doc.len);
    for (bool done = false; !done && !r;) {
        yaml_event_t event;
        if (!yaml_parser_parse(&parser, &event)) {
            r = refuse_syntax(b, &parser);
            break;
        }
        done = event.type == YAML_STREAM_END_EVENT;
        r = take_event(b, &event);
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    if (!r && !b->y->root)
        r = refuse(b, 1, "empty");
    return r;
}

/* ---- documents ----------------------------------------------------------------------------------------------- */

enum result yaml_parse(struct bytes doc, const char *name, struct yaml **out, struct buffer *why)
{
    struct yaml *y = calloc(1, sizeof(*y));

    if (!y)
        return RESULT_NO_MEMORY;
    arena_init(&y->arena, NULL, 0, ARENA_MAX);
    y->name = strdup(name);
    if (!y->name) {
        yaml_free(y);
        return RESULT_NO_MEMORY;
    }
    struct builder b = { .y = y, .why = why };
    enum result r = doc.len > DOCUMENT_MAX ? refuse(&b, 1, "over 1 MiB") : build(&b, doc);
    if (r) {
        yaml_free(y);
        return r;
    }
    (void)crypto_hash_sha256(y->sha256, doc.data, doc.len);
    *out = y;
    return RESULT_OK;
}

enum result yaml_load(const char *path, struct yaml **out, struct buffer *why)
{
    struct buffer doc;

    buffer_init(&doc, DOCUMENT_MAX);
    enum result r = file_read(path, &doc);
    if (r) {
        enum result told = buffer_printf(why, "%s: %s\n", path, result_text(r));
        if (told == RESULT_NO_MEMORY)
            r = told;
    } else {
        r = yaml_parse(buffer_bytes(&doc), path, out, why);
    }
    buffer_free(&doc);
    return r;
}

const uint8_t *yaml_sha256(const struct yaml *y)
{
    return y->sha256;
}

const struct yaml_node *yaml_root(const struct yaml *y)
{
    return y->root;
}

const char *yaml_name(const struct yaml *y)
{
    return y->name;
}

void yaml_free(struct yaml *y)
{
    if (!y)
        return;
    arena_reset(&y->arena);
    free(y->name);
    free(y);
}

void yaml_complain(const struct yaml *y, const struct yaml_node *n, struct buffer *why, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    complain(y->name, n ? n->line : 1, why, format, args);
    va_end(args);
}
