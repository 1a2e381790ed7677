#include "rule.h"

#include <stdio.h>
#include <stdlib.h>

#define SET_MAX (8u * 1024 * 1024)
#define ATTRS "attrs."

static const struct {
    const char *name;
    bool id;
} FIELDS[] = {
    [FIELD_TYPE] = { "type", false },
    [FIELD_OUTCOME] = { "outcome", false },
    [FIELD_SRC] = { "src", true },
    [FIELD_USER_ID] = { "user_id", true },
    [FIELD_SESSION_ID] = { "session_id", true },
    [FIELD_IP] = { "ip", false },
    [FIELD_USER_AGENT] = { "user_agent", false },
    [FIELD_DEVICE_ID] = { "device_id", true },
    [FIELD_ENDPOINT] = { "endpoint", false },
    [FIELD_TIER] = { "tier", false },
};

bool rule_field_find(struct text name, struct rule_field *out)
{
    out->name = name;
    if (text_starts(name, TEXT(ATTRS)) && name.len > sizeof(ATTRS) - 1) {
        out->kind = FIELD_ATTR;
        return true;
    }
    for (size_t i = 0; i < sizeof(FIELDS) / sizeof(FIELDS[0]); i++) {
        if (text_equal(name, text_of(FIELDS[i].name))) {
            out->kind = (enum rule_field_kind)i;
            return true;
        }
    }
    return false;
}

bool rule_field_is_id(const struct rule_field *f)
{
    return f->kind != FIELD_ATTR && FIELDS[f->kind].id;
}

static struct text scalar_text(const struct mp_value *v, char number[RULE_NUMBER_LEN])
{
    int len;

    switch (v->type) {
    case MP_STR:
        return v->str;
    case MP_BOOL:
        return v->boolean ? TEXT("true") : TEXT("false");
    case MP_UINT:
        len = snprintf(number, RULE_NUMBER_LEN, "%llu", (unsigned long long)v->uint);
        break;
    case MP_INT:
        len = snprintf(number, RULE_NUMBER_LEN, "%lld", (long long)v->sint);
        break;
    default:
        return (struct text){ 0 };
    }
    return (struct text){ number, (size_t)len };
}

static struct text attr_of(struct text name, const struct log_event *e, char number[RULE_NUMBER_LEN])
{
    for (size_t i = 0; i < e->attr_count; i++)
        if (text_equal(e->attrs[i].name, name))
            return scalar_text(&e->attrs[i].value, number);
    return (struct text){ 0 };
}

struct text rule_field_of(const struct rule_field *f, const struct log_record *r, char number[RULE_NUMBER_LEN])
{
    const struct log_event *e = &r->event;

    switch (f->kind) {
    case FIELD_TYPE:
        return e->type;
    case FIELD_OUTCOME:
        return event_outcome_text(e->outcome);
    case FIELD_SRC:
        return r->src;
    case FIELD_USER_ID:
        return e->user_id;
    case FIELD_SESSION_ID:
        return e->session_id;
    case FIELD_IP:
        return e->ip;
    case FIELD_USER_AGENT:
        return e->user_agent;
    case FIELD_DEVICE_ID:
        return e->device_id;
    case FIELD_ENDPOINT:
        return e->endpoint;
    case FIELD_TIER:
        return e->tier;
    case FIELD_ATTR:
        break;
    }
    size_t skip = sizeof(ATTRS) - 1;
    return attr_of((struct text){ f->name.data + skip, f->name.len - skip }, e, number);
}

enum result rule_set_new(struct rule_set **out)
{
    struct rule_set *s = calloc(1, sizeof(*s));

    if (!s)
        return RESULT_NO_MEMORY;
    arena_init(&s->arena, NULL, 0, SET_MAX);
    s->bases = arena_alloc(&s->arena, RULES_MAX, sizeof(*s->bases));
    s->rules = arena_alloc(&s->arena, RULES_MAX, sizeof(*s->rules));
    if (!s->bases || !s->rules) {
        rule_set_free(s);
        return RESULT_NO_MEMORY;
    }
    *out = s;
    return RESULT_OK;
}

void rule_set_free(struct rule_set *s)
{
    if (!s)
        return;
    arena_reset(&s->arena);
    free(s);
}

uint64_t rule_reach_ms(const struct correlation *r)
{
    return r->timespan_ms + RULE_LATE_MS;
}

uint64_t rule_set_reach_ms(const struct rule_set *s)
{
    uint64_t most = 0;

    for (size_t i = 0; i < s->rule_count; i++)
        if (rule_reach_ms(&s->rules[i]) > most)
            most = rule_reach_ms(&s->rules[i]);
    return most;
}
