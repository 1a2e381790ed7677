#include "rule.h"

/*
 * What types a base can match, from what its condition says of `type` alone; where it says nothing, any. More than can match
 * is allowed, fewer are not: `not` says nothing here, and of an `and` one side is enough.
 */

static bool is_of_types(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '*' || c == '?';
}

/* False: no memory. What holds a character that no type has is left out: it matches none. */
static bool add_glob(struct arena *a, const struct rule_test *t, struct text pattern, struct rule_types *out)
{
    char *glob = arena_alloc(a, pattern.len + 1, 1);

    if (!glob)
        return false;
    for (size_t i = 0; i < pattern.len; i++) {
        char c = pattern.data[i];
        glob[i] = !t->cased && c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
        if (!is_of_types(glob[i]))
            return true;
    }
    out->globs[out->count++] = (struct text){ glob, pattern.len };
    return true;
}

/* Of tests that all have to hold the first of the type decides. */
static bool of_tests(struct arena *a, const struct rule_tests *all, struct rule_types *out)
{
    for (size_t k = 0; k < all->count; k++) {
        const struct rule_test *t = &all->tests[k];
        if (t->field.kind != FIELD_TYPE || t->wanted == WANTED_PRESENT || t->wanted == WANTED_ABSENT)
            continue;
        *out = (struct rule_types){ .globs = arena_alloc(a, t->count + 1, sizeof(*out->globs)) };
        if (!out->globs)
            return false;
        for (size_t i = 0; i < t->count; i++)
            if (t->patterns[i].data && !add_glob(a, t, t->patterns[i], out))
                return false;
        return true;
    }
    *out = (struct rule_types){ .any = true };
    return true;
}

/* x becomes what either allows. */
static bool join(struct arena *a, struct rule_types *x, const struct rule_types *y)
{
    struct rule_types both = { .any = x->any || y->any };

    if (!both.any) {
        both.globs = arena_alloc(a, x->count + y->count + 1, sizeof(*both.globs));
        if (!both.globs)
            return false;
        for (size_t i = 0; i < x->count; i++)
            both.globs[both.count++] = x->globs[i];
        for (size_t i = 0; i < y->count; i++)
            both.globs[both.count++] = y->globs[i];
    }
    *x = both;
    return true;
}

static bool of_selection(struct arena *a, const struct rule_selection *s, struct rule_types *out)
{
    struct rule_types one;

    *out = (struct rule_types){ .any = false };
    for (size_t i = 0; i < s->count; i++)
        if (!of_tests(a, &s->any[i], &one) || !join(a, out, &one))
            return false;
    return true;
}

static bool of_base(struct arena *a, const struct rule_base *b, struct rule_types *out)
{
    struct rule_types stack[RULE_STEPS_MAX];
    size_t depth = 0;
    bool ok = true;

    /* rule_condition has seen to it that every step finds its operands. */
    for (size_t i = 0; i < b->step_count && ok; i++) {
        const struct rule_step *s = &b->steps[i];
        switch (s->kind) {
        case STEP_SELECTION:
            ok = of_selection(a, &b->selections[s->selection], &stack[depth++]);
            break;
        case STEP_NOT:
            stack[depth - 1] = (struct rule_types){ .any = true };
            break;
        case STEP_AND:
            depth--;
            if (stack[depth - 1].any)
                stack[depth - 1] = stack[depth];
            break;
        case STEP_OR:
            depth--;
            ok = join(a, &stack[depth - 1], &stack[depth]);
            break;
        }
    }
    *out = ok && depth == 1 ? stack[0] : (struct rule_types){ .any = true };
    return ok;
}

enum result rule_set_find_types(struct rule_set *s)
{
    struct rule_types one;

    s->types = (struct rule_types){ .any = false };
    for (size_t i = 0; i < s->base_count; i++)
        if (!of_base(&s->arena, &s->bases[i], &one) || !join(&s->arena, &s->types, &one))
            return RESULT_NO_MEMORY;
    return RESULT_OK;
}
