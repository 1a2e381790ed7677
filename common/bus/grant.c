#include "grant.h"

#include "envelope.h"
#include "event_types.h"

bool grant_covers(const struct grant *g, struct text op, bool is_signed)
{
    switch (g->kind) {
    case GRANT_ALL:
        return true;
    case GRANT_OP:
        return text_equal(op, g->text);
    case GRANT_OPS:
        return !is_signed && text_starts(op, g->text);
    case GRANT_EVENT:
    case GRANT_EVENTS:
        return false;
    }
    return false;
}

bool grant_covers_event(const struct grant *g, struct text type)
{
    if (event_type_audit_alone(type))
        return false;
    switch (g->kind) {
    case GRANT_ALL:
        return true;
    case GRANT_EVENT:
        return text_equal(type, g->text);
    case GRANT_EVENTS:
        return text_starts(type, g->text);
    case GRANT_OP:
    case GRANT_OPS:
        return false;
    }
    return false;
}

/* Ops and types are named in [a-z0-9_.], 64 at most. */
static bool name_valid(struct text t)
{
    for (size_t i = 0; i < t.len; i++) {
        char c = t.data[i];

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.'))
            return false;
    }
    return t.len <= ENVELOPE_OP_MAX;
}

bool grant_read(struct text t, struct grant *out)
{
    const struct text prefix = TEXT("event:");
    bool of_event = text_starts(t, prefix);

    if (text_equal(t, TEXT("*"))) {
        *out = (struct grant){ .kind = GRANT_ALL };
        return true;
    }
    if (of_event)
        t = (struct text){ t.data + prefix.len, t.len - prefix.len };
    if (t.len == 0)
        return false;
    if (t.data[t.len - 1] == '*')
        *out = (struct grant){ of_event ? GRANT_EVENTS : GRANT_OPS, { t.data, t.len - 1 } };
    else
        *out = (struct grant){ of_event ? GRANT_EVENT : GRANT_OP, t };
    return name_valid(out->text) && !(out->kind == GRANT_EVENT && event_type_audit_alone(t));
}
