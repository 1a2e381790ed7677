/*
 * The *.yaml of config/rules: Sigma rules, one or more documents a file, strictly: every mistake is named with its line, and a
 * set with one is refused whole. A base rule and the correlation that counts what it matches:
 *
 *     title: Failed login
 *     name: failed-login                    # what correlations call it; [a-z0-9-]
 *     logsource: { product: hlidka }
 *     detection:
 *       failure: { type: auth.login, outcome: failure }
 *       condition: failure                  # and, or, not, ( )
 *     ---
 *     title: Brute force against one account
 *     name: brute-force-user                # the alert's `rule`
 *     level: high
 *     tags: [attack.credential-access, attack.t1110.001]
 *     correlation:
 *       type: event_count
 *       rules: [failed-login]
 *       group-by: [user_id]
 *       timespan: 10m                       # s, m, h, d; at most a day
 *       condition: { gte: 10 }              # or gt
 *     x-runbook: docs/runbooks/brute-force-user.md
 *
 * Fields are those of the event, `src`, and `attrs.NAME`; of modifiers there are contains, startswith, endswith, all,
 * cased and exists. What Sigma has beside these is refused by name, not ignored: a rule that means less than it says
 * would be silence where an alert should be.
 */
#ifndef HLIDKA_RULES_FILE_H
#define HLIDKA_RULES_FILE_H

#include "buffer.h"
#include "rule.h"

struct rules_source {
    const char *name;                   /* what messages call it */
    struct bytes content;
};

/* In the order of their names. RESULT_MALFORMED with `why`, RESULT_NO_MEMORY. */
MUST_USE enum result rules_parse(const struct rules_source *sources, size_t count, struct rule_set **out, struct buffer *why);

#define RULES_SUFFIX ".yaml"

/* All of a directory that end so; errors of file_list and file_read too, with `why`. */
MUST_USE enum result rules_load(const char *dir, struct rule_set **out, struct buffer *why);

#endif
