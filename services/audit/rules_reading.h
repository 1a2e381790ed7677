/* What the readers of rules_*.c share: where they are, and how they complain. Each complains and goes on. */
#ifndef HLIDKA_RULES_READING_H
#define HLIDKA_RULES_READING_H

#include "rule.h"
#include "yaml.h"

struct reading {
    struct rule_set *set;
    const struct yaml *yaml;            /* the document at hand */
    struct buffer *why;
    bool failed;                        /* something was complained of */
    bool no_memory;
};

#define complain(in, node, ...)                                                                            \
    do {                                                                                                   \
        yaml_complain((in)->yaml, (node), (in)->why, __VA_ARGS__);                                         \
        (in)->failed = true;                                                                               \
    } while (0)

/* Zeroed; NULL when there is no memory, which ends the reading in the end. */
void *take_memory(struct reading *in, size_t count, size_t size);
/* A copy that lives as long as the set; data NULL when there is none. */
struct text take_copy(struct reading *in, struct text t);

/* The text under that key; false, and said, when it is missing (unless optional) or none. */
bool take_text(struct reading *in, const struct yaml_node *map, const char *key, bool optional, struct text *out);

/* `name`: 1 to RULE_NAME_MAX of [a-z0-9-], copied. */
bool take_name(struct reading *in, const struct yaml_node *map, struct text *out);

/* A list of 1 to max. False, and said, when it is none. */
bool take_list(struct reading *in, const struct yaml_node *n, const char *what, size_t max, struct yaml_node *const **items,
               size_t *count);

/* The detection of a base rule: rules_detection.c. */
void read_detection(struct reading *in, const struct yaml_node *root, struct rule_base *b);
/* A correlation: rules_correlation.c. Base rules have been read. */
void read_correlation(struct reading *in, const struct yaml_node *root, struct correlation *rule);

#endif
