#include "event_types.h"

#define TYPE_MAX 64

static const struct text AUDIT_ALONE[] = {
    TEXT("audit.queried"), TEXT("audit.subject.erased"), TEXT("log.gap"), TEXT("log.conflict"), TEXT("log.tick"),
};

static const struct text KNOWN[] = {
    TEXT("auth.login"), TEXT("auth.logout"),
    TEXT("auth.session.revoked"), TEXT("auth.sessions.revoked_all"), TEXT("auth.session.reused"),
    TEXT("auth.mfa.enrolled"), TEXT("auth.mfa.verified"), TEXT("auth.mfa.failed"), TEXT("auth.mfa.locked"),
    TEXT("auth.mfa.disabled"), TEXT("auth.mfa.reset"),
    TEXT("auth.backup_code.used"), TEXT("auth.backup_codes.regenerated"), TEXT("auth.authorize"),
    TEXT("auth.user.changed"), TEXT("auth.user.imported"), TEXT("auth.user.exported"), TEXT("auth.user.deleted"),
    TEXT("auth.user.restored"), TEXT("auth.user.purged"),
    TEXT("crypto.decrypt"), TEXT("crypto.key.rotated"), TEXT("crypto.key.imported"), TEXT("crypto.key.destroyed"),
    TEXT("crypto.object.expired"), TEXT("crypto.subject.erased"),
    TEXT("ratelimit.exceeded"), TEXT("ratelimit.shadow_exceeded"), TEXT("ratelimit.reset"),
    TEXT("bus.rejected"), TEXT("secret.updated"), TEXT("config.changed"),
};

static bool among(struct text type, const struct text *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (text_equal(list[i], type))
            return true;
    }
    return false;
}

bool event_type_audit_alone(struct text type)
{
    return among(type, AUDIT_ALONE, sizeof(AUDIT_ALONE) / sizeof(AUDIT_ALONE[0]));
}

static bool of_an_app(struct text type)
{
    const struct text app = TEXT("app.");

    if (!text_starts(type, app) || type.len == app.len || type.len > TYPE_MAX)
        return false;
    for (size_t i = app.len; i < type.len; i++) {
        char c = type.data[i];

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.'))
            return false;
    }
    return true;
}

bool event_type_known(struct text type)
{
    return of_an_app(type) || among(type, KNOWN, sizeof(KNOWN) / sizeof(KNOWN[0])) || event_type_audit_alone(type);
}
