#include "log_event.h"

#include <stddef.h>

#define PAYLOAD_DEPTH 2

static const struct text OUTCOMES[] = { TEXT("success"), TEXT("failure"), TEXT("denied") };

struct text event_outcome_text(enum event_outcome o)
{
    return OUTCOMES[o];
}

bool event_outcome_find(struct text t, enum event_outcome *out)
{
    for (unsigned i = 0; i < sizeof(OUTCOMES) / sizeof(OUTCOMES[0]); i++) {
        if (text_equal(OUTCOMES[i], t)) {
            *out = i;
            return true;
        }
    }
    return false;
}

/* The fields of a payload in the order of their names. What is a text of its own needs no more than to be copied. */
enum field_kind { FIELD_TEXT, FIELD_ATTRS, FIELD_OUTCOME, FIELD_TIME };

static const struct payload_field {
    struct text name;
    enum field_kind kind;
    size_t offset;                          /* FIELD_TEXT: of the struct text */
    bool required;
} FIELDS[] = {
    { TEXT("attrs"), FIELD_ATTRS, 0, false },
    { TEXT("device_id"), FIELD_TEXT, offsetof(struct log_event, device_id), false },
    { TEXT("endpoint"), FIELD_TEXT, offsetof(struct log_event, endpoint), false },
    { TEXT("ip"), FIELD_TEXT, offsetof(struct log_event, ip), false },
    { TEXT("outcome"), FIELD_OUTCOME, 0, true },
    { TEXT("session_id"), FIELD_TEXT, offsetof(struct log_event, session_id), false },
    { TEXT("tier"), FIELD_TEXT, offsetof(struct log_event, tier), false },
    { TEXT("time"), FIELD_TIME, 0, true },
    { TEXT("type"), FIELD_TEXT, offsetof(struct log_event, type), true },
    { TEXT("user_agent"), FIELD_TEXT, offsetof(struct log_event, user_agent), false },
    { TEXT("user_id"), FIELD_TEXT, offsetof(struct log_event, user_id), false },
};
#define FIELD_COUNT (sizeof(FIELDS) / sizeof(FIELDS[0]))

static const struct text *text_in(const struct log_event *e, size_t offset)
{
    return (const struct text *)((const char *)e + offset);
}

static bool present(const struct log_event *e, const struct payload_field *f)
{
    switch (f->kind) {
    case FIELD_TEXT:
        return text_in(e, f->offset)->data != NULL;
    case FIELD_ATTRS:
        return e->attrs != NULL;
    default:
        return true;
    }
}

/* ---- writing -------------------------------------------------------------------------------------------------- */

static void put_scalar(struct mp_writer *w, const struct mp_value *v)
{
    switch (v->type) {
    case MP_STR:
        mp_put_text(w, v->str);
        break;
    case MP_UINT:
        mp_put_uint(w, v->uint);
        break;
    case MP_INT:
        mp_put_int(w, v->sint);
        break;
    case MP_BOOL:
        mp_put_bool(w, v->boolean);
        break;
    default:
        if (!w->status)
            w->status = RESULT_INTERNAL;
    }
}

static void put_attrs(const struct log_event *e, struct mp_writer *w)
{
    const struct event_attr *sorted[EVENT_ATTRS_MAX] = { NULL };

    if (e->attr_count > EVENT_ATTRS_MAX) {
        w->status = RESULT_FULL;
        return;
    }
    for (size_t n = 0; n < e->attr_count; n++) {
        size_t at = n;
        int order = -1;
        while (at > 0 && (order = text_compare(sorted[at - 1]->name, e->attrs[n].name)) > 0) {
            sorted[at] = sorted[at - 1];
            at--;
        }
        if (at > 0 && order == 0) {
            w->status = RESULT_DUPLICATE;
            return;
        }
        sorted[at] = &e->attrs[n];
    }
    mp_put_map(w, (uint32_t)e->attr_count);
    for (size_t i = 0; i < e->attr_count; i++) {
        mp_put_text(w, sorted[i]->name);
        put_scalar(w, &sorted[i]->value);
    }
}

enum result event_write(const struct log_event *e, struct mp_writer *w)
{
    uint32_t count = 0;

    for (size_t i = 0; i < FIELD_COUNT; i++)
        count += present(e, &FIELDS[i]);
    mp_put_map(w, count);
    for (size_t i = 0; i < FIELD_COUNT && !w->status; i++) {
        const struct payload_field *f = &FIELDS[i];

        if (!present(e, f))
            continue;
        mp_put_text(w, f->name);
        switch (f->kind) {
        case FIELD_TEXT:
            mp_put_text(w, *text_in(e, f->offset));
            break;
        case FIELD_ATTRS:
            put_attrs(e, w);
            break;
        case FIELD_OUTCOME:
            mp_put_text(w, event_outcome_text(e->outcome));
            break;
        case FIELD_TIME:
            mp_put_uint(w, e->time);
            break;
        }
    }
    return w->status;
}

/* ---- reading -------------------------------------------------------------------------------------------------- */

static enum result next_of(struct mp_reader *in, enum mp_type type, struct mp_value *v)
{
    enum result r = mp_next(in, v);

    return r ? r : v->type == type ? RESULT_OK : RESULT_MALFORMED;
}

static enum result read_attrs(struct mp_reader *in, struct arena *a, struct log_event *out)
{
    struct mp_value map, name;
    enum result r = next_of(in, MP_MAP, &map);

    if (r || map.count > EVENT_ATTRS_MAX)
        return r ? r : RESULT_MALFORMED;
    struct event_attr *attrs = arena_alloc(a, map.count > 0 ? map.count : 1, sizeof(*attrs));
    if (!attrs)
        return RESULT_NO_MEMORY;
    for (uint32_t i = 0; i < map.count; i++) {
        if ((r = next_of(in, MP_STR, &name)) || (r = mp_next(in, &attrs[i].value)))
            return r;
        enum mp_type type = attrs[i].value.type;
        if ((type != MP_STR && type != MP_UINT && type != MP_INT && type != MP_BOOL) ||
            (i > 0 && text_compare(attrs[i - 1].name, name.str) >= 0))
            return RESULT_MALFORMED;
        attrs[i].name = name.str;
    }
    out->attrs = attrs;
    out->attr_count = map.count;
    return RESULT_OK;
}

static enum result read_field(const struct payload_field *f, struct mp_reader *in, struct arena *a, struct log_event *out)
{
    struct mp_value v;
    enum result r;

    switch (f->kind) {
    case FIELD_TEXT:
        r = next_of(in, MP_STR, &v);
        if (!r)
            *(struct text *)((char *)out + f->offset) = v.str;
        return r;
    case FIELD_ATTRS:
        return read_attrs(in, a, out);
    case FIELD_OUTCOME:
        r = next_of(in, MP_STR, &v);
        return r ? r : event_outcome_find(v.str, &out->outcome) ? RESULT_OK : RESULT_MALFORMED;
    case FIELD_TIME:
        r = next_of(in, MP_UINT, &v);
        if (!r)
            out->time = v.uint;
        return r;
    }
    return RESULT_INTERNAL;
}

enum result event_read(struct bytes payload, struct arena *a, struct log_event *out)
{
    struct mp_value map, name;
    size_t at = 0;

    memset(out, 0, sizeof(*out));
    if (payload.len == 0 || mp_check(payload, PAYLOAD_DEPTH))
        return RESULT_MALFORMED;

    struct mp_reader in = mp_reader_of(payload);
    enum result r = next_of(&in, MP_MAP, &map);
    for (uint32_t i = 0; !r && i < map.count; i++) {
        r = next_of(&in, MP_STR, &name);
        for (; !r && at < FIELD_COUNT && !text_equal(FIELDS[at].name, name.str); at++)
            if (FIELDS[at].required)
                r = RESULT_MALFORMED;
        if (!r)
            r = at < FIELD_COUNT ? read_field(&FIELDS[at++], &in, a, out) : RESULT_MALFORMED;
    }
    for (; at < FIELD_COUNT; at++)
        if (FIELDS[at].required)
            r = r ? r : RESULT_MALFORMED;
    return r == RESULT_TRUNCATED ? RESULT_MALFORMED : r;
}
