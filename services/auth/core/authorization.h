/*
 * Whether a session may do something now, by rules of an operator's (config/authorize.yaml): pure.
 *
 *     payment_method.*   aal 2, at most 600 s ago
 *     session.*          aal 1
 *     enterprise_admin   aal 2, whatever the action
 *
 * payment_method.add by a session that rose 11 minutes ago: reauth_required; by one at aal 1: mfa_required, or
 * mfa_enrollment_required when its user has no factor; launch.missiles by anybody: forbidden.
 */
#ifndef HLIDKA_AUTH_AUTHORIZATION_H
#define HLIDKA_AUTH_AUTHORIZATION_H

#include "bytes.h"
#include "result.h"

#define AUTHORIZATION_RULES 256         /* of each kind */
#define AUTHORIZATION_NAME_MAX 64

struct demand {
    unsigned aal;                       /* 1 or 2 */
    uint64_t max_age_s;                 /* of the second factor, at aal 1 of the login; 0: any */
};

struct authorization_rule {
    char name[AUTHORIZATION_NAME_MAX + 1];      /* an action, a prefix (without its `*`), or a role */
    bool prefix;
    struct demand demand;
};

struct authorization_rules {
    struct authorization_rule items[AUTHORIZATION_RULES];
    size_t count;
};

struct authorization {
    struct authorization_rules actions, roles;
    uint8_t sha256[32];                 /* of the file */
};

/* What is known of who asks. */
struct bearer_facts {
    unsigned aal;
    uint64_t auth_ms;                   /* the login */
    uint64_t aal2_ms;                   /* the last second factor; at aal 2 */
    bool enrolled, locked;              /* has a second factor; it is locked, and so is the way by backup codes, or there is none */
    const struct text *roles;
    size_t role_count;
};

/* ALLOWED last: the others are in the order of the wire's. */
enum authorization_reason {
    REFUSED_INVALID_TOKEN, REFUSED_MFA_ENROLLMENT_REQUIRED, REFUSED_MFA_REQUIRED, REFUSED_MFA_LOCKED, REFUSED_REAUTH_REQUIRED,
    REFUSED_FORBIDDEN, ALLOWED
};

/* Of a refusal that a factor or a login would mend, *missed is what was not met; else it is zero. */
enum authorization_reason authorize(const struct authorization *a, struct text action, const struct bearer_facts *facts,
                                    uint64_t now_ms, struct demand *missed);

#endif
