#include "policies_file.h"

#include "file.h"
#include "yaml.h"

#include <sodium.h>
#include <stdlib.h>

#define FILE_MAX (1u << 20)
#define VERSION_MAX 1000000

static const char *const TOP_KEYS[] = { "version", "policies", NULL };
static const char *const KEYS[] = { "name",  "endpoint", "tiers", "scope",            "limit", "window", "algorithm",
                                    "burst", "mode",     "on_store_failure", NULL };

/* Readers complain and go on, so that all mistakes are told at once. */
struct reading {
    const struct yaml *yaml;
    const struct yaml_node *list;
    struct buffer *why;
    bool failed;
};

static void complain(struct reading *in, const struct yaml_node *n, const char *text)
{
    yaml_complain(in->yaml, n, in->why, "%s", text);
    in->failed = true;
}

/* The text under that key; false, and said, when it is missing or none. */
static bool take_text(struct reading *in, const struct yaml_node *map, const char *key, struct text *out)
{
    const struct yaml_node *n = yaml_get(map, key);

    if (!n)
        yaml_complain(in->yaml, map, in->why, "%s: missing", key);
    if (n && !yaml_text(in->yaml, n, key, out, in->why))
        return true;
    in->failed = true;
    return false;
}

static void copy(char *out, struct text t)
{
    memcpy(out, t.data, t.len);
    out[t.len] = '\0';
}

static void read_name(struct reading *in, const struct yaml_node *map, struct policy *p)
{
    struct text t;

    if (!take_text(in, map, "name", &t))
        return;
    if (policy_name_valid(t))
        copy(p->name, t);
    else
        complain(in, yaml_get(map, "name"), "name: expected 1 to 64 of [A-Za-z0-9_.-]");
}

static void read_endpoint(struct reading *in, const struct yaml_node *map, struct policy *p)
{
    struct text t;

    if (!take_text(in, map, "endpoint", &t))
        return;
    if (policy_endpoint_valid(t))
        copy(p->endpoint, t);
    else
        complain(in, yaml_get(map, "endpoint"),
                 "endpoint: expected 1 to 64 of [A-Za-z0-9_.:/{}-], a prefix of such and *, or \"*\"");
}

static void read_window(struct reading *in, const struct yaml_node *map, struct policy *p)
{
    struct text t;

    if (!take_text(in, map, "window", &t))
        return;
    if (t.len < sizeof(p->window) && !policy_window(t, &p->window_us))
        copy(p->window, t);
    else
        complain(in, yaml_get(map, "window"), "window: expected a number and ms, s, m, h or d, up to 366 days");
}

static void read_tier(struct reading *in, const struct yaml_node *n, struct policy *p)
{
    struct text t;

    if (yaml_text(in->yaml, n, "tiers", &t, in->why)) {
        in->failed = true;
        return;
    }
    if (t.len > POLICY_TIER_MAX || text_equal(t, TEXT("*")) || memchr(t.data, '\0', t.len)) {
        complain(in, n, "tiers: expected names of 1 to 32 bytes");
        return;
    }
    for (size_t i = 0; i < p->tier_count; i++)
        if (text_equal(text_of(p->tiers[i]), t)) {
            yaml_complain(in->yaml, n, in->why, "tiers: %.*s stands twice", TEXT_ARG(t));
            in->failed = true;
            return;
        }
    copy(p->tiers[p->tier_count++], t);
}

static enum result read_tiers(struct reading *in, const struct yaml_node *map, struct policy *p)
{
    const struct yaml_node *n = yaml_get(map, "tiers");

    if (n && n->kind == YAML_SCALAR && text_equal(n->scalar, TEXT("*")))
        return RESULT_OK;
    if (!n || n->kind != YAML_LIST || n->count == 0 || n->count > POLICY_TIERS_MAX) {
        complain(in, n ? n : map, n ? "tiers: expected \"*\" or a list of 1 to 32 names" : "tiers: missing");
        return RESULT_OK;
    }
    p->tiers = calloc(n->count, sizeof(p->tiers[0]));
    if (!p->tiers)
        return RESULT_NO_MEMORY;
    for (size_t i = 0; i < n->count; i++)
        read_tier(in, n->items[i], p);
    return RESULT_OK;
}

static void read_words(struct reading *in, const struct yaml_node *map, struct policy *p)
{
    struct text t;

    if (take_text(in, map, "scope", &t) && scope_find(t, &p->scope))
        complain(in, yaml_get(map, "scope"), "scope: expected user, ip, global or user_endpoint");
    if (take_text(in, map, "algorithm", &t) && algorithm_find(t, &p->algorithm))
        complain(in, yaml_get(map, "algorithm"), "algorithm: expected rolling, gcra or fixed");
    if (take_text(in, map, "on_store_failure", &t) && store_failure_find(t, &p->on_store_failure))
        complain(in, yaml_get(map, "on_store_failure"), "on_store_failure: expected allow, deny or local");
    if (take_text(in, map, "mode", &t)) {
        p->shadow = text_equal(t, TEXT("shadow"));
        if (!p->shadow && !text_equal(t, TEXT("enforce")))
            complain(in, yaml_get(map, "mode"), "mode: expected enforce or shadow");
    }
}

static void read_numbers(struct reading *in, const struct yaml_node *map, struct policy *p)
{
    const struct yaml_node *limit = yaml_get(map, "limit"), *burst = yaml_get(map, "burst");
    uint64_t most = policy_limit_max(p->algorithm);

    if (!limit)
        complain(in, map, "limit: missing");
    else if (yaml_uint(in->yaml, limit, "limit", 1, most, &p->limit, in->why))
        in->failed = true;
    p->burst = p->limit;
    p->has_burst = burst != NULL;
    if (burst && p->algorithm != ALGORITHM_GCRA)
        complain(in, burst, "burst: only gcra has one");
    else if (burst && yaml_uint(in->yaml, burst, "burst", 1, most, &p->burst, in->why))
        in->failed = true;
}

static enum result read_policy(struct reading *in, const struct yaml_node *map, struct policy *p)
{
    if (yaml_only(in->yaml, map, KEYS, in->why))
        in->failed = true;
    if (map->kind != YAML_MAP)
        return RESULT_OK;
    read_name(in, map, p);
    read_endpoint(in, map, p);
    read_words(in, map, p);
    read_window(in, map, p);
    read_numbers(in, map, p);
    return read_tiers(in, map, p);
}

/* A fault of the set as a whole. */
static void on_fault(void *cookie, size_t index, const char *text)
{
    struct reading *in = cookie;

    complain(in, in->list->items[index], text);
}

static enum result read_policies(struct reading *in, struct policies **out)
{
    struct policies *p;
    enum result r;

    r = policies_new(in->list->count, &p);
    if (r)
        return r;
    for (size_t i = 0; i < in->list->count; i++) {
        p->count = i + 1;       /* what it holds is freed from now on */
        r = read_policy(in, in->list->items[i], &p->items[i]);
        if (r)
            goto fail;
    }
    r = RESULT_MALFORMED;
    if (in->failed)
        goto fail;
    r = policies_finish(p, on_fault, in);
    if (r)
        goto fail;
    *out = p;
    return RESULT_OK;

fail:
    policies_release(p);
    return r;
}

enum result policies_parse(struct bytes doc, const char *name, struct policies **out, struct buffer *why)
{
    struct reading in = { .why = why };
    struct yaml *yaml;
    uint64_t version = 1;
    enum result r;

    r = yaml_parse(doc, name, &yaml, why);
    if (r)
        return r;
    in.yaml = yaml;
    const struct yaml_node *root = yaml_root(yaml);
    if (yaml_only(yaml, root, TOP_KEYS, why))
        in.failed = true;
    const struct yaml_node *v = yaml_get(root, "version");
    if (v && yaml_uint(yaml, v, "version", 1, VERSION_MAX, &version, why))
        in.failed = true;
    in.list = yaml_get(root, "policies");
    if (!in.list || in.list->kind != YAML_LIST || in.list->count > POLICIES_MAX) {
        yaml_complain(yaml, in.list ? in.list : root, why, "policies: expected a list of at most %d", POLICIES_MAX);
        r = RESULT_MALFORMED;
        goto done;
    }
    r = read_policies(&in, out);
    if (r)
        goto done;
    (*out)->version = version;
    memcpy((*out)->sha256, yaml_sha256(yaml), sizeof((*out)->sha256));
done:
    yaml_free(yaml);
    return r;
}

enum result policies_load(const char *path, struct policies **out, struct buffer *why)
{
    struct buffer doc;
    enum result r;

    buffer_init(&doc, FILE_MAX);
    r = file_read(path, &doc);
    if (!r) {
        r = policies_parse(buffer_bytes(&doc), path, out, why);
    } else {
        enum result told = buffer_printf(why, "%s: %s\n", path, result_text(r));

        r = told ? told : r;
    }
    buffer_free(&doc);
    return r;
}
