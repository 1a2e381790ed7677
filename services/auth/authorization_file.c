#include "authorization_file.h"

#define YEAR_S (366 * 24 * 3600)

struct reading {
    const struct yaml *yaml;
    struct buffer *why;
    bool failed;
};

static void complain(struct reading *in, const struct yaml_node *n, const char *text)
{
    yaml_complain(in->yaml, n, in->why, "%s", text);
    in->failed = true;
}

static bool is_action(struct text t)
{
    static const char LETTERS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.:/-";

    for (size_t i = 0; i < t.len; i++)
        if (!t.data[i] || !strchr(LETTERS, t.data[i]))
            return false;
    return true;
}

/* A role is compared as it stands: what looks like a pattern, or is not as its users have it, would bind nobody. */
static bool is_role(struct text t)
{
    for (size_t i = 0; i < t.len; i++)
        if ((unsigned char)t.data[i] < ' ' || t.data[i] == '\x7f' || t.data[i] == '*')
            return false;
    return t.data[0] != ' ' && t.data[t.len - 1] != ' ';
}

static void read_name(struct reading *in, const struct yaml_node *map, const char *key, bool action, struct authorization_rule *r)
{
    const struct yaml_node *n = yaml_get(map, key);
    struct text t;

    if (!n) {
        yaml_complain(in->yaml, map, in->why, "%s: missing", key);
        in->failed = true;
        return;
    }
    if (yaml_text(in->yaml, n, key, &t, in->why)) {
        in->failed = true;
        return;
    }
    if (t.len < 1 || t.len > AUTHORIZATION_NAME_MAX || memchr(t.data, '\0', t.len)) {
        yaml_complain(in->yaml, n, in->why, "%s: expected 1 to %d bytes", key, AUTHORIZATION_NAME_MAX);
        in->failed = true;
        return;
    }
    if (!action && !is_role(t))
        complain(in, n, "role: expected no `*`, no blank at its ends and no control character");
    r->prefix = action && t.data[t.len - 1] == '*';
    t.len -= r->prefix;
    if (action && !is_action(t))
        complain(in, n, "action: expected [A-Za-z0-9_.:/-], and `*` at the end of a prefix");
    memcpy(r->name, t.data, t.len);
    r->name[t.len] = '\0';
}

static void read_demand(struct reading *in, const struct yaml_node *map, struct demand *d)
{
    const struct yaml_node *aal = yaml_get(map, "aal"), *age = yaml_get(map, "max_age_s");
    uint64_t v = 1;

    if (!aal)
        complain(in, map, "aal: missing");
    else if (yaml_uint(in->yaml, aal, "aal", 1, 2, &v, in->why))
        in->failed = true;
    d->aal = (unsigned)v;
    if (age && yaml_uint(in->yaml, age, "max_age_s", 1, YEAR_S, &d->max_age_s, in->why))
        in->failed = true;
}

static bool stands_already(const struct authorization_rules *rules, const struct authorization_rule *r)
{
    for (size_t i = 0; i < rules->count; i++)
        if (rules->items[i].prefix == r->prefix && strcmp(rules->items[i].name, r->name) == 0)
            return true;
    return false;
}

static void read_rules(struct reading *in, const char *list_key, const char *key, bool action, struct authorization_rules *out)
{
    const char *const known[] = { key, "aal", "max_age_s", NULL };
    const struct yaml_node *root = yaml_root(in->yaml), *list = yaml_get(root, list_key);

    if (!list || list->kind != YAML_LIST || list->count > AUTHORIZATION_RULES) {
        yaml_complain(in->yaml, list ? list : root, in->why, "%s: expected a list of at most %d", list_key, AUTHORIZATION_RULES);
        in->failed = true;
        return;
    }
    for (size_t i = 0; i < list->count; i++) {
        struct authorization_rule *r = &out->items[out->count];

        if (yaml_only(in->yaml, list->items[i], known, in->why)) {
            in->failed = true;
            continue;
        }
        read_name(in, list->items[i], key, action, r);
        read_demand(in, list->items[i], &r->demand);
        if (stands_already(out, r))
            complain(in, list->items[i], "stands twice");
        out->count++;
    }
}

static enum result read_all(const struct yaml *yaml, struct authorization *out, struct buffer *why)
{
    static const char *const KEYS[] = { "version", "actions", "roles", NULL };
    struct reading in = { .yaml = yaml, .why = why };
    const struct yaml_node *root = yaml_root(yaml), *version = yaml_get(root, "version");
    uint64_t v;

    memset(out, 0, sizeof(*out));
    memcpy(out->sha256, yaml_sha256(yaml), sizeof(out->sha256));
    if (yaml_only(yaml, root, KEYS, why))
        return RESULT_MALFORMED;
    if (version && yaml_uint(yaml, version, "version", 1, 1, &v, why))
        in.failed = true;
    read_rules(&in, "actions", "action", true, &out->actions);
    read_rules(&in, "roles", "role", false, &out->roles);
    return in.failed ? RESULT_MALFORMED : RESULT_OK;
}

enum result authorization_parse(struct bytes doc, const char *name, struct authorization *out, struct buffer *why)
{
    struct yaml *yaml;
    enum result r = yaml_parse(doc, name, &yaml, why);

    if (r)
        return r;
    r = read_all(yaml, out, why);
    yaml_free(yaml);
    return r;
}

enum result authorization_load(const char *path, struct authorization *out, struct buffer *why)
{
    struct yaml *yaml;
    enum result r = yaml_load(path, &yaml, why);

    if (r)
        return r;
    r = read_all(yaml, out, why);
    yaml_free(yaml);
    return r;
}
