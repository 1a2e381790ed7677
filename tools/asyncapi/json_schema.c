#include "json_schema.h"

#include <inttypes.h>

#include "yaml_out.h"

static void print_type(unsigned level, const struct type *t);

static void print_bounds(unsigned level, const struct bounds *b, const char *least, const char *most)
{
    if (b->min > 0)
        yaml_line(level, "%s: %" PRIu64, least, b->min);
    if (b->max <= UINT32_MAX)
        yaml_line(level, "%s: %" PRIu64, most, b->max);
}

static void print_number(unsigned level, const struct type *t)
{
    yaml_line(level, "type: integer");
    yaml_line(level, "minimum: %" PRIu64, t->bounds.min);
    if (t->bounds.max <= UINT32_MAX)
        yaml_line(level, "maximum: %" PRIu64, t->bounds.max);
    else
        yaml_line(level, "format: %s", t->bounds.max <= INT64_MAX ? "int64" : "uint64");
}

static void print_str(unsigned level, const struct type *t)
{
    yaml_line(level, "type: string");
    print_bounds(level, &t->bounds, "minLength", "maxLength");
    if (t->format)
        yaml_text(level, "pattern", t->format->pattern);
}

static void print_bin(unsigned level, const struct type *t)
{
    yaml_line(level, "type: string");
    yaml_line(level, "format: binary");
    print_bounds(level, &t->bounds, "minLength", "maxLength");
}

static void print_enum(unsigned level, const struct enumeration *e)
{
    yaml_line(level, "type: string");
    yaml_line(level, "enum:");
    for (size_t i = 0; i < e->count; i++)
        yaml_line(level + 1, "- \"%.*s\"", TEXT_ARG(e->values[i]));
}

static void print_list(unsigned level, const struct type *t)
{
    yaml_line(level, "type: array");
    print_bounds(level, &t->bounds, "minItems", "maxItems");
    yaml_line(level, "items:");
    print_type(level + 1, t->item);
}

static void print_map(unsigned level, const struct type *t)
{
    yaml_line(level, "type: object");
    print_bounds(level, &t->bounds, "minProperties", "maxProperties");
    yaml_line(level, "propertyNames:");
    print_type(level + 1, t->key);
    yaml_line(level, "additionalProperties:");
    print_type(level + 1, t->item);
}

static void print_type(unsigned level, const struct type *t)
{
    switch (t->kind) {
    case KIND_BOOL:
        yaml_line(level, "type: boolean");
        break;
    case KIND_UINT:
        print_number(level, t);
        break;
    case KIND_STR:
        print_str(level, t);
        break;
    case KIND_BIN:
        print_bin(level, t);
        break;
    case KIND_UUID:
        yaml_line(level, "type: string");
        yaml_line(level, "format: uuid");
        yaml_text(level, "pattern", "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$");
        break;
    case KIND_IP:
        yaml_line(level, "type: string");
        yaml_line(level, "anyOf:");
        yaml_line(level + 1, "- format: ipv4");
        yaml_line(level + 1, "- format: ipv6");
        break;
    case KIND_ENUM:
        print_enum(level, t->values);
        break;
    case KIND_DECIMAL:
        yaml_line(level, "type: [string, integer]");
        break;
    case KIND_SCALAR:
        yaml_line(level, "type: [string, integer, boolean]");
        print_bounds(level, &t->bounds, "minLength", "maxLength");
        break;
    case KIND_OBJECT:
        yaml_line(level, "$ref: \"#/components/schemas/%s\"", t->object->name);
        break;
    case KIND_LIST:
        print_list(level, t);
        break;
    case KIND_MAP:
        print_map(level, t);
        break;
    case KIND_RAW:
        yaml_line(level, "type: object");
        break;
    }
}

static void print_default(unsigned level, const struct field *f)
{
    if (f->type.kind == KIND_ENUM)
        yaml_line(level, "default: \"%.*s\"", TEXT_ARG(f->type.values->values[f->preset]));
    else if (f->type.kind == KIND_BOOL)
        yaml_line(level, "default: %s", f->preset ? "true" : "false");
    else
        yaml_line(level, "default: %" PRIu64, f->preset);
}

static void print_required(unsigned level, const struct schema *s)
{
    bool begun = false;

    for (size_t i = 0; i < s->field_count; i++) {
        if (s->fields[i].presence != PRESENCE_REQUIRED)
            continue;
        if (!begun)
            yaml_line(level, "required:");
        begun = true;
        yaml_line(level + 1, "- %.*s", TEXT_ARG(s->fields[i].name));
    }
}

static void print_rule(unsigned level, const struct rule *rule)
{
    static const char *const keywords[] = {
        [RULE_ANY_OF] = "anyOf",
        [RULE_ONE_OF] = "oneOf",
        [RULE_BEFORE] = "x-before",
        [RULE_NOT_AFTER] = "x-not-after",
    };

    if (rule->kind == RULE_ANY_OF || rule->kind == RULE_ONE_OF) {
        yaml_line(level, "%s:", keywords[rule->kind]);
        yaml_line(level + 1, "- required: [%.*s]", TEXT_ARG(rule->first));
        yaml_line(level + 1, "- required: [%.*s]", TEXT_ARG(rule->second));
    } else {
        yaml_line(level, "%s: [%.*s, %.*s]", keywords[rule->kind], TEXT_ARG(rule->first),
                  TEXT_ARG(rule->second));
    }
}

void json_schema_print(unsigned level, const struct schema *s)
{
    yaml_line(level, "type: object");
    yaml_line(level, "additionalProperties: false");
    print_required(level, s);
    if (s->field_count > 0)
        yaml_line(level, "properties:");
    for (size_t i = 0; i < s->field_count; i++) {
        yaml_line(level + 1, "%.*s:", TEXT_ARG(s->fields[i].name));
        print_type(level + 2, &s->fields[i].type);
        if (s->fields[i].presence == PRESENCE_DEFAULT)
            print_default(level + 2, &s->fields[i]);
    }
    for (size_t i = 0; i < s->rule_count; i++)
        print_rule(level, &s->rules[i]);
}
