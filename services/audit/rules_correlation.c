#include "rules_reading.h"

#include "window.h"

#define DAY_MS (24u * 3600 * 1000)
#define TAGS_MAX 32u
#define ATTACK "attack."

static const char *const KEYS[] = { "type", "rules", "group-by", "timespan", "condition", NULL };
static const char *const CONDITIONS[] = { "gte", "gt", NULL };
static const char *const LEVELS[] = { "informational", "low", "medium", "high", "critical" };

static void read_level(struct reading *in, const struct yaml_node *root, struct correlation *rule)
{
    struct text t;

    if (!take_text(in, root, "level", false, &t))
        return;
    for (size_t i = 0; i < sizeof(LEVELS) / sizeof(LEVELS[0]); i++) {
        if (text_equal(t, text_of(LEVELS[i]))) {
            rule->level = (enum rule_level)i;
            return;
        }
    }
    complain(in, yaml_get(root, "level"), "level: expected informational, low, medium, high or critical");
}

static void read_tags(struct reading *in, const struct yaml_node *root, struct correlation *rule)
{
    const struct yaml_node *n = yaml_get(root, "tags");
    struct yaml_node *const *items;
    struct text t;
    size_t count;

    if (!n || !take_list(in, n, "tags", TAGS_MAX, &items, &count))
        return;
    rule->attack = take_memory(in, count, sizeof(*rule->attack));
    for (size_t i = 0; i < count && rule->attack; i++) {
        if (yaml_text(in->yaml, items[i], "tags", &t, in->why))
            in->failed = true;
        else if (text_starts(t, TEXT(ATTACK)))
            rule->attack[rule->attack_count++] =
                take_copy(in, (struct text){ t.data + sizeof(ATTACK) - 1, t.len - (sizeof(ATTACK) - 1) });
    }
}

static void read_bases(struct reading *in, const struct yaml_node *map, struct correlation *rule)
{
    const struct yaml_node *n = yaml_get(map, "rules");
    struct yaml_node *const *items;
    struct text t;
    size_t count, k;

    if (!n) {
        complain(in, map, "rules: missing");
        return;
    }
    if (!take_list(in, n, "rules", RULES_MAX, &items, &count))
        return;
    rule->bases = take_memory(in, count, sizeof(*rule->bases));
    for (size_t i = 0; i < count && rule->bases; i++) {
        if (yaml_text(in->yaml, items[i], "rules", &t, in->why)) {
            in->failed = true;
            continue;
        }
        for (k = 0; k < in->set->base_count && !text_equal(in->set->bases[k].name, t); k++)
            ;
        if (k == in->set->base_count)
            complain(in, items[i], "rules: there is no base rule %.*s", TEXT_ARG(t));
        else
            rule->bases[rule->base_count++] = k;
    }
}

/* Of two with one name the group would show only one. */
static bool grouped_already(const struct correlation *rule, struct text name)
{
    for (size_t i = 0; i < rule->group_count; i++)
        if (text_equal(rule->group_by[i].name, name))
            return true;
    return false;
}

static void read_group(struct reading *in, const struct yaml_node *map, struct correlation *rule)
{
    const struct yaml_node *n = yaml_get(map, "group-by");
    struct yaml_node *const *items;
    struct text t;
    size_t count;

    if (!n || !take_list(in, n, "group-by", RULE_GROUP_MAX, &items, &count))
        return;
    for (size_t i = 0; i < count; i++) {
        struct rule_field *field = &rule->group_by[rule->group_count];
        if (yaml_text(in->yaml, items[i], "group-by", &t, in->why)) {
            in->failed = true;
            continue;
        }
        struct text name = take_copy(in, t);
        if (!name.data)
            return;
        if (!rule_field_find(name, field))
            complain(in, items[i], "group-by: events have no field %.*s", TEXT_ARG(t));
        else if (grouped_already(rule, name))
            complain(in, items[i], "group-by: %.*s stands twice", TEXT_ARG(t));
        else
            rule->group_count++;
    }
}

static bool timespan(struct text t, uint64_t *ms)
{
    static const struct {
        char unit;
        uint64_t ms;
    } UNITS[] = { { 's', 1000 }, { 'm', 60000 }, { 'h', 3600000 }, { 'd', DAY_MS } };
    uint64_t n = 0;

    if (t.len < 2 || t.len > 8)
        return false;
    for (size_t i = 0; i + 1 < t.len; i++) {
        if (t.data[i] < '0' || t.data[i] > '9')
            return false;
        n = n * 10 + (uint64_t)(t.data[i] - '0');
    }
    for (size_t i = 0; i < sizeof(UNITS) / sizeof(UNITS[0]); i++)
        if (t.data[t.len - 1] == UNITS[i].unit) {
            *ms = n * UNITS[i].ms;
            return *ms > 0 && *ms <= DAY_MS;
        }
    return false;
}

static void read_condition(struct reading *in, const struct yaml_node *map, struct correlation *rule)
{
    const struct yaml_node *n = yaml_get(map, "condition");

    if (!n) {
        complain(in, map, "condition: missing");
        return;
    }
    if (yaml_only(in->yaml, n, CONDITIONS, in->why)) {
        in->failed = true;
        return;
    }
    const struct yaml_node *gte = yaml_get(n, "gte"), *gt = yaml_get(n, "gt");
    if (!gte == !gt)
        complain(in, n, "condition: expected gte or gt");
    else if (yaml_uint(in->yaml, gte ? gte : gt, gte ? "gte" : "gt", gte ? 1 : 0, WINDOW_HITS_MAX - (gte ? 0 : 1), &rule->least,
                       in->why))
        in->failed = true;
    else if (gt)
        rule->least++;
}

void read_correlation(struct reading *in, const struct yaml_node *root, struct correlation *rule)
{
    const struct yaml_node *n = yaml_get(root, "correlation");
    struct text t;

    if (take_text(in, root, "title", false, &t))
        rule->title = take_copy(in, t);
    if (take_text(in, root, "x-runbook", false, &t))
        rule->runbook = take_copy(in, t);
    read_level(in, root, rule);
    read_tags(in, root, rule);
    if (n->kind != YAML_MAP || !take_text(in, n, "type", false, &t)) {
        complain(in, n, "correlation: expected type, rules, group-by, timespan and condition");
        return;
    }
    if (!text_equal(t, TEXT("event_count"))) {
        complain(in, yaml_get(n, "type"), "type: %.*s is not supported: event_count is", TEXT_ARG(t));
        return;
    }
    if (yaml_only(in->yaml, n, KEYS, in->why))
        in->failed = true;
    read_bases(in, n, rule);
    read_group(in, n, rule);
    read_condition(in, n, rule);
    if (take_text(in, n, "timespan", false, &t) && !timespan(t, &rule->timespan_ms))
        complain(in, yaml_get(n, "timespan"), "timespan: expected a number and s, m, h or d, up to a day");
}
