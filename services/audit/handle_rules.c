/* The rules in force, of this instance; all read the same files. */
#include "alert_log.h"
#include "audit.h"
#include "auditor.h"

#include <sodium.h>

void handle_rules(void *service, struct request *rq)
{
    const struct auditor *auditor = service;
    const struct rule_set *set = alert_log_rules(auditor->alerts);
    struct audit_rule *rules = arena_alloc(request_arena(rq), set->rule_count + 1, sizeof(*rules));
    char sha256[2 * sizeof(set->sha256) + 1];

    if (!rules) {
        request_fail(rq, FAULT_INTERNAL, "no memory");
        return;
    }
    for (size_t i = 0; i < set->rule_count; i++)
        rules[i] = (struct audit_rule){
            .id = set->rules[i].name,
            .title = set->rules[i].title,
            .level = (enum audit_level)set->rules[i].level,     /* of the same order */
        };
    sodium_bin2hex(sha256, sizeof(sha256), set->sha256, sizeof(set->sha256));
    request_reply(rq, &(struct audit_rules_result){
        .sha256 = text_of(sha256),
        .rules = { rules, set->rule_count },
    });
}
