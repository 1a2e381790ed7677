/* Settings out of a tree: what type a scalar is, its reader says. */
#include "yaml.h"

#include <inttypes.h>
#include <stdio.h>

const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key)
{
    if (!map || map->kind != YAML_MAP)
        return NULL;
    for (size_t i = 0; i < map->count; i++) {
        if (text_equal(map->pairs[i].key, text_of(key)))
            return map->pairs[i].value;
    }
    return NULL;
}

static const char *name_of(const struct yaml_node *n)
{
    if (!n)
        return "nothing";
    switch (n->kind) {
    case YAML_LIST:
        return "a list";
    case YAML_MAP:
        return "a map";
    default:
        return "nothing";
    }
}

/* YAML's spellings of "no value". */
static bool is_null(const struct yaml_node *n)
{
    return !n->quoted && (n->scalar.len == 0 || text_equal(n->scalar, TEXT("~")) || text_equal(n->scalar, TEXT("null")) ||
                          text_equal(n->scalar, TEXT("Null")) || text_equal(n->scalar, TEXT("NULL")));
}

static bool has_value(const struct yaml_node *n)
{
    return n && n->kind == YAML_SCALAR && !is_null(n);
}

static enum result expected(const struct yaml *y, const struct yaml_node *n, const char *what, const char *wanted,
                            struct buffer *why)
{
    if (has_value(n))
        yaml_complain(y, n, why, "%s: expected %s, not \"%.*s\"", what, wanted, n->scalar.len > 64 ? 64 : (int)n->scalar.len,
                      n->scalar.data);
    else
        yaml_complain(y, n, why, "%s: expected %s, not %s", what, wanted, name_of(n));
    return RESULT_MALFORMED;
}

enum result yaml_text(const struct yaml *y, const struct yaml_node *n, const char *what, struct text *out,
                      struct buffer *why)
{
    if (!has_value(n))
        return expected(y, n, what, "text", why);
    *out = n->scalar;
    return RESULT_OK;
}

/* Decimal digits without sign, leading zeros or overflow. */
static bool parse_uint(struct text t, uint64_t *out)
{
    uint64_t v = 0;

    if (t.len == 0 || (t.len > 1 && t.data[0] == '0'))
        return false;
    for (size_t i = 0; i < t.len; i++) {
        if (t.data[i] < '0' || t.data[i] > '9')
            return false;
        if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, (uint64_t)(t.data[i] - '0'), &v))
            return false;
    }
    *out = v;
    return true;
}

enum result yaml_uint(const struct yaml *y, const struct yaml_node *n, const char *what, uint64_t min, uint64_t max,
                      uint64_t *out, struct buffer *why)
{
    char wanted[80];
    uint64_t v;

    if (has_value(n) && !n->quoted && parse_uint(n->scalar, &v) && v >= min && v <= max) {
        *out = v;
        return RESULT_OK;
    }
    snprintf(wanted, sizeof(wanted), "a whole number, %" PRIu64 " to %" PRIu64, min, max);
    return expected(y, n, what, wanted, why);
}

enum result yaml_bool(const struct yaml *y, const struct yaml_node *n, const char *what, bool *out,
                      struct buffer *why)
{
    if (has_value(n) && !n->quoted) {
        bool yes = text_equal(n->scalar, TEXT("true"));
        if (yes || text_equal(n->scalar, TEXT("false"))) {
            *out = yes;
            return RESULT_OK;
        }
    }
    return expected(y, n, what, "true or false", why);
}

static bool is_known(struct text key, const char *const *known)
{
    for (; *known; known++) {
        if (text_equal(key, text_of(*known)))
            return true;
    }
    return false;
}

enum result yaml_only(const struct yaml *y, const struct yaml_node *map, const char *const *known,
                      struct buffer *why)
{
    enum result r = RESULT_OK;

    if (!map || map->kind != YAML_MAP) {
        yaml_complain(y, map, why, "expected a map");
        return RESULT_MALFORMED;
    }
    for (size_t i = 0; i < map->count; i++) {
        if (is_known(map->pairs[i].key, known))
            continue;
        yaml_complain(y, map->pairs[i].value, why, "unknown key \"%.*s\"", TEXT_ARG(map->pairs[i].key));
        r = RESULT_MALFORMED;
    }
    return r;
}
