#include <criterion/criterion.h>

#include "audit.h"
#include "auth.h"
#include "crypto.h"
#include "ratelimit.h"

TestSuite(ops, .timeout = 5);

/* The contract's marks: ● once, ⚑ signed. */
static const struct {
    const char *name;
    unsigned flags;
} contract[] = {
    { "auth.login.telegram_widget", OP_ONCE },
    { "auth.login.telegram_webapp", OP_ONCE },
    { "auth.session.introspect", 0 },
    { "auth.session.list", 0 },
    { "auth.session.revoke", OP_ONCE },
    { "auth.session.revoke_all", OP_ONCE },
    { "auth.session.logout", OP_ONCE },
    { "auth.totp.enroll", OP_ONCE },
    { "auth.totp.activate", OP_ONCE },
    { "auth.totp.verify", OP_ONCE },
    { "auth.totp.disable", OP_ONCE },
    { "auth.backup_code.verify", OP_ONCE },
    { "auth.backup_code.regenerate", OP_ONCE },
    { "auth.authorize", 0 },
    { "auth.user.get", 0 },
    { "auth.user.set_tier", OP_ONCE },
    { "auth.user.update", OP_ONCE | OP_SIGNED },
    { "auth.user.import", OP_ONCE | OP_SIGNED },
    { "auth.totp.reset", OP_ONCE | OP_SIGNED },
    { "auth.user.delete", OP_ONCE },
    { "auth.user.restore", OP_ONCE },
    { "auth.user.export", OP_SIGNED },
    { "crypto.encrypt", 0 },
    { "crypto.decrypt", 0 },
    { "crypto.rewrap", 0 },
    { "crypto.audio.put", OP_ONCE },
    { "crypto.audio.get", 0 },
    { "crypto.audio.stat", 0 },
    { "crypto.audio.delete", OP_ONCE },
    { "crypto.datakey.create", OP_ONCE },
    { "crypto.datakey.open", 0 },
    { "crypto.datakey.rewrap", OP_ONCE },
    { "crypto.fernet.encrypt", 0 },
    { "crypto.fernet.decrypt", 0 },
    { "crypto.key.status", 0 },
    { "crypto.key.import", OP_ONCE | OP_SIGNED },
    { "crypto.key.rotate", OP_ONCE | OP_SIGNED },
    { "crypto.key.destroy", OP_ONCE | OP_SIGNED },
    { "crypto.subject.erase", OP_ONCE | OP_SIGNED },
    { "ratelimit.check", OP_ONCE },
    { "ratelimit.refund", OP_ONCE },
    { "ratelimit.reset", OP_ONCE | OP_SIGNED },
    { "ratelimit.policies", 0 },
    { "audit.query", 0 },
    { "audit.alert.list", 0 },
    { "audit.alert.acknowledge", OP_ONCE },
    { "audit.kpi", 0 },
    { "audit.log.checkpoint", 0 },
    { "audit.log.prove", 0 },
    { "audit.log.consistency", 0 },
    { "audit.subject.erase", OP_ONCE | OP_SIGNED },
    { "audit.rules", 0 },
};

Test(ops, are_those_of_the_contract_with_its_marks)
{
    for (size_t i = 0; i < sizeof contract / sizeof *contract; i++) {
        const struct op *op = ops_find(text_of(contract[i].name));

        cr_assert_not_null(op, "%s", contract[i].name);
        cr_expect((op->flags & (OP_ONCE | OP_SIGNED)) == contract[i].flags, "%s", contract[i].name);
        cr_expect(op->request && op->result && op->summary, "%s", contract[i].name);
    }
}

Test(ops, are_listed_under_their_service_and_nowhere_else)
{
    static const char *const services[] = { "auth", "crypto", "ratelimit", "audit" };
    size_t requests = 0, notices = 0, count;

    for (size_t s = 0; s < 4; s++) {
        const struct op *const *ops = ops_of(text_of(services[s]), &count);
        struct text prefix = text_of(services[s]);

        for (size_t i = 0; i < count; i++) {
            cr_expect(ops_find(ops[i]->name) == ops[i]);
            requests += ops[i]->result != NULL;
            notices += ops[i]->result == NULL;
            if (ops[i]->result)
                cr_expect(text_starts(ops[i]->name, prefix) && ops[i]->name.data[prefix.len] == '.');
        }
    }
    cr_expect(requests == sizeof contract / sizeof *contract);
    cr_expect(notices == 2);
    cr_expect(ops_find(TEXT("event")) == &op_audit_event && ops_find(TEXT("revoked")) == &op_auth_revoked);
}

Test(ops, of_other_names_there_are_none)
{
    static const char *const names[] = {
        "", "ratelimit", "ratelimit.", "ratelimit.checks", "ratelimit.chec", "RATELIMIT.CHECK",
    };
    size_t count = 9;

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        cr_expect_null(ops_find(text_of(names[i])), "%s", names[i]);
    cr_expect_null(ops_of(TEXT("billing"), &count));
    cr_expect(count == 0);
}
