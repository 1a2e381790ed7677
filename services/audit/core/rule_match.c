#include "rule.h"

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool same(char a, char b, bool cased)
{
    return cased ? a == b : lower(a) == lower(b);
}

/* A character of the pattern, an escaped one without its `\`; *wild where it is `*` or `?`. */
static char pattern_char(struct text p, size_t *at, bool *wild)
{
    char c = p.data[(*at)++];

    *wild = c == '*' || c == '?';
    if (c == '\\' && *at < p.len && (p.data[*at] == '*' || p.data[*at] == '?' || p.data[*at] == '\\'))
        return p.data[(*at)++];
    return c;
}

/* `?` is a character, not a byte. */
static size_t char_len(struct text v, size_t at)
{
    size_t len = 1;

    while (at + len < v.len && ((unsigned char)v.data[at + len] & 0xc0) == 0x80)
        len++;
    return len;
}

/* Only the last `*` is ever gone back to, so the work is at most pattern × value. */
bool rule_glob(struct text pattern, struct text value, bool cased)
{
    size_t p = 0, v = 0, star = SIZE_MAX, star_v = 0;

    while (v < value.len || p < pattern.len) {
        bool wild = false;
        size_t next = p;
        char c = p < pattern.len ? pattern_char(pattern, &next, &wild) : '\0';

        if (p < pattern.len && wild && c == '*') {
            star = p = next;
            star_v = v;
        } else if (p < pattern.len && v < value.len && (wild || same(c, value.data[v], cased))) {
            p = next;
            v += wild ? char_len(value, v) : 1;
        } else if (star != SIZE_MAX && star_v < value.len) {
            p = star;
            v = ++star_v;
        } else {
            return false;
        }
    }
    return true;
}

static bool test_matches(const struct rule_test *t, const struct log_record *r)
{
    char number[RULE_NUMBER_LEN];
    struct text value = rule_field_of(&t->field, r, number);

    if (t->wanted == WANTED_PRESENT || t->wanted == WANTED_ABSENT)
        return (value.data != NULL) == (t->wanted == WANTED_PRESENT);
    for (size_t i = 0; i < t->count; i++) {
        const struct text *p = &t->patterns[i];
        bool is = p->data && value.data ? rule_glob(*p, value, t->cased) : !p->data && !value.data;
        if (is != (t->wanted == WANTED_ALL))
            return is;
    }
    return t->wanted == WANTED_ALL;
}

static bool selection_matches(const struct rule_selection *s, const struct log_record *r)
{
    for (size_t i = 0; i < s->count; i++) {
        size_t k = 0;
        while (k < s->any[i].count && test_matches(&s->any[i].tests[k], r))
            k++;
        if (k == s->any[i].count)
            return true;
    }
    return false;
}

bool rule_matches(const struct rule_base *b, const struct log_record *r)
{
    bool stack[RULE_STEPS_MAX];
    size_t depth = 0;

    /* rule_condition has seen to it that every step finds its operands. */
    for (size_t i = 0; i < b->step_count; i++) {
        const struct rule_step *s = &b->steps[i];
        switch (s->kind) {
        case STEP_SELECTION:
            stack[depth++] = selection_matches(&b->selections[s->selection], r);
            break;
        case STEP_NOT:
            stack[depth - 1] = !stack[depth - 1];
            break;
        case STEP_AND:
            depth--;
            stack[depth - 1] = stack[depth - 1] && stack[depth];
            break;
        case STEP_OR:
            depth--;
            stack[depth - 1] = stack[depth - 1] || stack[depth];
            break;
        }
    }
    return depth == 1 && stack[0];
}
