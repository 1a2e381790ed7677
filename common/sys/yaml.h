/*
 * YAML files as a tree (libyaml parses). Strict for configuration: one document, UTF-8, at most 1 MiB, depth
 * 16, 100,000 nodes; no anchors, aliases, tags or duplicate keys. Scalars stay text: the reader of a setting
 * says what type it must be. Every node knows its line, so every mistake names its place:
 *
 *     config/ratelimit.yaml:12: limit: expected a whole number, 1 to 10000, not "many"
 */
#ifndef HLIDKA_YAML_H
#define HLIDKA_YAML_H

#include "buffer.h"

enum yaml_kind { YAML_SCALAR, YAML_LIST, YAML_MAP };

struct yaml_pair;

struct yaml_node {
    enum yaml_kind kind;
    unsigned line;                      /* from 1 */
    bool quoted;                        /* a scalar in quotes is never a number, bool or null */
    struct text scalar;
    size_t count;                       /* of items or pairs */
    struct yaml_node **items;           /* YAML_LIST */
    struct yaml_pair *pairs;            /* YAML_MAP */
};

struct yaml_pair {
    struct text key;
    struct yaml_node *value;
};

struct yaml;                            /* a whole document */

/* RESULT_MALFORMED with `why` = "NAME:LINE: …". name is what messages call it. */
MUST_USE enum result yaml_parse(struct bytes doc, const char *name, struct yaml **out, struct buffer *why);
MUST_USE enum result yaml_load(const char *path, struct yaml **out, struct buffer *why);
const struct yaml_node *yaml_root(const struct yaml *y);
const char *yaml_name(const struct yaml *y);
/* Of the document's bytes: tells one version of a file from another. */
const uint8_t *yaml_sha256(const struct yaml *y);
/* Hidden: libyaml exports a yaml_free of its own, and would find this one in its place. */
__attribute__((visibility("hidden"))) void yaml_free(struct yaml *y);

/* The value under that key of a map, or NULL. */
const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key);

/* Typed reading; each appends a line to `why` and returns RESULT_MALFORMED when the node is something else. */
MUST_USE enum result yaml_text(const struct yaml *y, const struct yaml_node *n, const char *what, struct text *out, struct buffer *why);
MUST_USE enum result yaml_uint(const struct yaml *y, const struct yaml_node *n, const char *what, uint64_t min, uint64_t max,
                               uint64_t *out, struct buffer *why);
MUST_USE enum result yaml_bool(const struct yaml *y, const struct yaml_node *n, const char *what, bool *out, struct buffer *why);
/* Every key of the map is one of `known` (NULL-terminated), or `why` names the culprit. */
MUST_USE enum result yaml_only(const struct yaml *y, const struct yaml_node *map, const char *const *known, struct buffer *why);
/* "FILE:LINE: " and the message, as the readers above write it. */
void yaml_complain(const struct yaml *y, const struct yaml_node *n, struct buffer *why, const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
