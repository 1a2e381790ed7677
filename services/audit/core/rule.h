/*
 * Detection rules as Sigma has them (sigma-rules-specification 2.0, sigma-correlation-rules-specification 2.0), as far as
 * they are in force here: base rules that match single events, and `event_count` correlations that count them.
 *
 *     base: failed-login         type == "auth.login" and outcome == "failure"
 *     rule: brute-force-user     failed-login, group-by user_id, 10 within 10 min
 *
 * Here is what they are once read (rules_file.h reads them) and whether a record matches. Strings compare without regard
 * to ASCII case unless `|cased`, as Sigma has it; ids always byte by byte. Pure.
 */
#ifndef HLIDKA_RULE_H
#define HLIDKA_RULE_H

#include "arena.h"
#include "log_event.h"

enum {
    RULES_MAX = 128,                    /* of each kind */
    RULE_NAME_MAX = 64,
    RULE_GROUP_MAX = 8,                 /* fields of a group-by */
    RULE_STEPS_MAX = 64,                /* of a condition */
    RULE_NUMBER_LEN = 24,               /* a number or bool as text */
};

/* ---- fields ---------------------------------------------------------------------------------------------------- */

enum rule_field_kind {
    FIELD_TYPE, FIELD_OUTCOME, FIELD_SRC, FIELD_USER_ID, FIELD_SESSION_ID, FIELD_IP, FIELD_USER_AGENT, FIELD_DEVICE_ID,
    FIELD_ENDPOINT, FIELD_TIER, FIELD_ATTR,
};

struct rule_field {
    enum rule_field_kind kind;
    struct text name;                   /* as it is written: `user_id`, `attrs.reason` */
};

/* False: events have no such field. name is borrowed. */
bool rule_field_find(struct text name, struct rule_field *out);

/* Its text in a record, numbers and bools written to number; data NULL: the record has none. */
struct text rule_field_of(const struct rule_field *f, const struct log_record *r, char number[RULE_NUMBER_LEN]);

/* Whether it names somebody or something and so compares byte by byte. */
bool rule_field_is_id(const struct rule_field *f);

/* ---- matching -------------------------------------------------------------------------------------------------- */

enum rule_wanted { WANTED_ANY, WANTED_ALL, WANTED_PRESENT, WANTED_ABSENT };

struct rule_test {
    struct rule_field field;
    enum rule_wanted wanted;
    bool cased;
    const struct text *patterns;        /* rule_glob; data NULL: the field is absent */
    size_t count;
};

struct rule_tests {                     /* all of them */
    struct rule_test *tests;
    size_t count;
};

struct rule_selection {                 /* any of them */
    struct text name;
    struct rule_tests *any;
    size_t count;
};

enum rule_step_kind { STEP_SELECTION, STEP_NOT, STEP_AND, STEP_OR };

struct rule_step {                      /* operands first: `a and not b` is a b NOT AND */
    enum rule_step_kind kind;
    size_t selection;
};

struct rule_base {
    struct text name;
    struct rule_selection *selections;
    size_t selection_count;
    struct rule_step steps[RULE_STEPS_MAX];
    size_t step_count;
};

/* `*` is any run, `?` any character; `\` takes the meaning from either and from itself (before others it is one). */
bool rule_glob(struct text pattern, struct text value, bool cased);

bool rule_matches(const struct rule_base *b, const struct log_record *r);

/*
 * Reads `a and not (b or c)` for b's selections: `not` binds closest, then `and`, then `or`. False with a reason, which
 * is static.
 */
bool rule_condition(struct text condition, struct rule_base *b, const char **why);

/* ---- rules ----------------------------------------------------------------------------------------------------- */

enum rule_level { LEVEL_INFORMATIONAL, LEVEL_LOW, LEVEL_MEDIUM, LEVEL_HIGH, LEVEL_CRITICAL };

struct correlation {                    /* an event_count */
    struct text name, title, runbook;
    enum rule_level level;
    struct text *attack;                /* tags, without `attack.` */
    size_t attack_count;
    size_t *bases;                      /* one of them is to match */
    size_t base_count;
    struct rule_field group_by[RULE_GROUP_MAX];
    size_t group_count;
    uint64_t timespan_ms;
    uint64_t least;                     /* so many within timespan_ms */
};

/*
 * How much later than their windows ask for events may arrive and still be counted together: what was received longer
 * ago than timespan + this is forgotten. By the log's clock, so that every leader forgets the same.
 */
#define RULE_LATE_MS (10u * 60 * 1000)

/* Every record that a base matches has a type that fits one of these globs, lower case and of [a-z0-9_.*?]. */
struct rule_types {
    bool any;                           /* of any type */
    struct text *globs;
    size_t count;
};

struct rule_set {
    struct rule_base *bases;
    size_t base_count;
    struct correlation *rules;
    size_t rule_count;
    struct rule_types types;            /* of all bases */
    uint8_t sha256[32];                 /* of the files in the order of their names */
    struct arena arena;                 /* holds all of it */
};

MUST_USE enum result rule_set_new(struct rule_set **out);
void rule_set_free(struct rule_set *s);

/* Sets s->types by the bases (rule_types.c). RESULT_NO_MEMORY. */
MUST_USE enum result rule_set_find_types(struct rule_set *s);

/* How long ago a record may have been received that a rule still needs. */
uint64_t rule_reach_ms(const struct correlation *r);
uint64_t rule_set_reach_ms(const struct rule_set *s);

#endif
