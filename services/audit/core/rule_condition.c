#include "rule.h"

#define PARENS_MAX 16

/* Recursive descent, a function for each level of binding; depth is that of the parentheses and `not`s. */
struct parser {
    struct text rest;
    struct rule_base *base;
    const char *why;
    unsigned depth;
};

static bool fail(struct parser *p, const char *why)
{
    p->why = why;
    return false;
}

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

/* The next word, or one character of another kind; empty at the end. */
static struct text peek(struct parser *p)
{
    size_t len = 0;

    while (p->rest.len > 0 && p->rest.data[0] == ' ') {
        p->rest.data++;
        p->rest.len--;
    }
    while (len < p->rest.len && is_word(p->rest.data[len]))
        len++;
    return (struct text){ p->rest.data, len > 0 || p->rest.len == 0 ? len : 1 };
}

static bool take(struct parser *p, struct text token)
{
    if (!text_equal(peek(p), token))
        return false;
    p->rest.data += token.len;
    p->rest.len -= token.len;
    return true;
}

static bool emit(struct parser *p, struct rule_step step)
{
    if (p->base->step_count == RULE_STEPS_MAX)
        return fail(p, "too long");
    p->base->steps[p->base->step_count++] = step;
    return true;
}

static bool any_of(struct parser *p);

static bool operand(struct parser *p)
{
    struct text name = peek(p);

    if (text_equal(name, TEXT("1")) || text_equal(name, TEXT("all")))
        return fail(p, "`1 of` and `all of` are not supported: name the selections");
    for (size_t i = 0; i < p->base->selection_count; i++)
        if (take(p, p->base->selections[i].name))
            return emit(p, (struct rule_step){ STEP_SELECTION, i });
    return fail(p, name.len == 0 ? "ends too early" : "names no selection of this rule, or is not and, or, not, ( )");
}

static bool negated(struct parser *p)
{
    bool ok;

    if (p->depth == PARENS_MAX)
        return fail(p, "nested too deep");
    p->depth++;
    if (take(p, TEXT("not")))
        ok = negated(p) && emit(p, (struct rule_step){ STEP_NOT, 0 });
    else if (take(p, TEXT("(")))
        ok = any_of(p) && (take(p, TEXT(")")) || fail(p, "a ) is missing"));
    else
        ok = operand(p);
    p->depth--;
    return ok;
}

static bool all_of(struct parser *p)
{
    if (!negated(p))
        return false;
    while (take(p, TEXT("and")))
        if (!negated(p) || !emit(p, (struct rule_step){ STEP_AND, 0 }))
            return false;
    return true;
}

static bool any_of(struct parser *p)
{
    if (!all_of(p))
        return false;
    while (take(p, TEXT("or")))
        if (!all_of(p) || !emit(p, (struct rule_step){ STEP_OR, 0 }))
            return false;
    return true;
}

bool rule_condition(struct text condition, struct rule_base *b, const char **why)
{
    struct parser p = { .rest = condition, .base = b };

    b->step_count = 0;
    bool ok = any_of(&p) && (peek(&p).len == 0 || fail(&p, "something follows that is neither `and` nor `or`"));
    *why = p.why;
    return ok;
}
