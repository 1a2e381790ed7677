#include "event_clean.h"

#include "redact.h"
#include "secret.h"

#include <stdio.h>

#define BEFORE_MS (UINT64_C(8) * 24 * 60 * 60 * 1000)
#define AFTER_MS  UINT64_C(60000)
#define SUFFIX_MAX 4                    /* ~ and at most two digits */

uint64_t event_time(uint64_t time, uint64_t made)
{
    if (time > made)
        return time - made > AFTER_MS ? made : time;
    return made - time > BEFORE_MS ? made : time;
}

static enum result clean(struct text *t, struct arena *a, struct buffer *scratch, bool *changed)
{
    *changed = t->data && redact_needed(*t);
    if (!*changed)
        return RESULT_OK;
    buffer_reset(scratch);
    enum result r = redact_text(*t, scratch);
    char *copy = r ? NULL : arena_copy(a, (struct text){ (const char *)scratch->data, scratch->len });
    if (!r && !copy)
        r = RESULT_NO_MEMORY;
    if (!r)
        *t = (struct text){ copy, scratch->len };
    return r;
}

static bool taken(const struct event_attr *attrs, size_t count, struct text name)
{
    for (size_t i = 0; i < count; i++)
        if (text_equal(attrs[i].name, name))
            return true;
    return false;
}

/* Among so many names one of ~2 … ~17 is free, whatever else stands there. */
static enum result rename_attr(struct event_attr *attrs, size_t count, size_t at, struct arena *a)
{
    struct text base = attrs[at].name;
    char *name = arena_alloc(a, base.len + SUFFIX_MAX, 1);

    if (!name)
        return RESULT_NO_MEMORY;
    memcpy(name, base.data, base.len);
    for (unsigned n = 2;; n++) {
        int len = snprintf(name + base.len, SUFFIX_MAX, "~%u", n);
        struct text t = { name, base.len + (size_t)len };

        if (taken(attrs, at, t) || taken(attrs + at + 1, count - at - 1, t))
            continue;
        attrs[at].name = t;
        return RESULT_OK;
    }
}

static enum result clean_attrs(struct log_event *e, struct arena *a, struct buffer *scratch)
{
    bool name_changed, value_changed, any = false;
    struct event_attr *attrs = arena_alloc(a, e->attr_count > 0 ? e->attr_count : 1, sizeof(*attrs));
    enum result r = attrs ? RESULT_OK : RESULT_NO_MEMORY;

    if (r)
        return r;
    if (e->attr_count > 0)
        memcpy(attrs, e->attrs, e->attr_count * sizeof(*attrs));
    for (size_t i = 0; i < e->attr_count && !r; i++) {
        r = clean(&attrs[i].name, a, scratch, &name_changed);
        any |= name_changed;
        if (!r && attrs[i].value.type == MP_STR)
            r = clean(&attrs[i].value.str, a, scratch, &value_changed);
    }
    for (size_t i = 1; any && i < e->attr_count && !r; i++)
        if (taken(attrs, i, attrs[i].name))
            r = rename_attr(attrs, e->attr_count, i, a);
    e->attrs = attrs;
    return r;
}

enum result event_clean(struct log_event *e, struct arena *a, struct buffer *scratch)
{
    struct text *const texts[] = { &e->user_agent, &e->device_id, &e->endpoint, &e->tier };
    enum result r = RESULT_OK;
    bool changed;

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]) && !r; i++)
        r = clean(texts[i], a, scratch, &changed);
    if (!r && e->attrs)
        r = clean_attrs(e, a, scratch);
    secret_wipe(scratch->data, scratch->len);
    buffer_reset(scratch);
    return r;
}
