#include "ops.h"

#include "audit.h"
#include "auth.h"
#include "crypto.h"
#include "ratelimit.h"

/* A third reading of the .def files, for the rows of ops alone. */
#define ENUMERATION(name, ...)
#define STRUCT(name, ...)
#define OP(identifier, ...) &op_##identifier,
#define NOTICE(identifier, ...) &op_##identifier,

static const struct op *const auth_ops[] = {
#include "auth.def"
};
static const struct op *const crypto_ops[] = {
#include "crypto.def"
};
static const struct op *const ratelimit_ops[] = {
#include "ratelimit.def"
};
static const struct op *const audit_ops[] = {
#include "audit.def"
};

#define SERVICE(name) { { #name, sizeof(#name) - 1 }, name##_ops, sizeof(name##_ops) / sizeof(*name##_ops) }

static const struct service {
    struct text name;
    const struct op *const *ops;
    size_t count;
} services[] = { SERVICE(auth), SERVICE(crypto), SERVICE(ratelimit), SERVICE(audit) };

#define SERVICES (sizeof(services) / sizeof(*services))

const struct op *ops_find(struct text name)
{
    for (size_t s = 0; s < SERVICES; s++) {
        for (size_t i = 0; i < services[s].count; i++) {
            if (text_equal(services[s].ops[i]->name, name))
                return services[s].ops[i];
        }
    }
    return NULL;
}

const struct op *const *ops_of(struct text service, size_t *count)
{
    for (size_t s = 0; s < SERVICES; s++) {
        if (text_equal(services[s].name, service)) {
            *count = services[s].count;
            return services[s].ops;
        }
    }
    *count = 0;
    return NULL;
}
