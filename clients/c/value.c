/* Results read: msgpack for a backend that has no codec of its own. */
#include "bytes.h"
#include "hlidka.h"
#include "mp_reader.h"

static const struct hlidka_value NOTHING = { .type = HLIDKA_NONE, .text = "" };

static struct mp_reader reader_of(struct hlidka_bytes b)
{
    /* Never NULL, which not even 0 may be added to. */
    return mp_reader_of(b.data ? (struct bytes){ b.data, b.len } : text_bytes(TEXT("")));
}

static void fill(struct hlidka_value *out, const struct mp_value *v)
{
    switch (v->type) {
    case MP_NIL:
        break;
    case MP_BOOL:
        out->type = HLIDKA_BOOL;
        out->boolean = v->boolean;
        break;
    case MP_UINT:
        out->type = HLIDKA_UINT;
        out->uint = v->uint;
        out->sint = v->uint <= INT64_MAX ? (int64_t)v->uint : 0;
        break;
    case MP_INT:
        out->type = HLIDKA_INT;
        out->sint = v->sint;
        break;
    case MP_STR:
        out->type = HLIDKA_TEXT;
        out->text = v->str.data;
        out->len = v->str.len;
        out->bytes = (struct hlidka_bytes){ v->str.data, v->str.len };
        break;
    case MP_BIN:
        out->type = HLIDKA_BIN;
        out->bytes = (struct hlidka_bytes){ v->bin.data, v->bin.len };
        break;
    case MP_ARRAY:
    case MP_MAP:
        out->type = v->type == MP_MAP ? HLIDKA_MAP : HLIDKA_LIST;
        out->count = v->count;
        break;
    case MP_FLOAT:
    case MP_EXT:
        out->type = HLIDKA_OTHER;
        break;
    }
}

/* One whole value, with all that is in it. */
static bool take(struct mp_reader *in, struct hlidka_value *out)
{
    struct mp_reader begin = *in;
    struct mp_value v;

    *out = NOTHING;
    if (in->at == in->end || mp_skip(in))
        return false;
    struct mp_reader head = { begin.at, in->at };
    if (mp_next(&head, &v))
        return false;
    fill(out, &v);
    if (out->type == HLIDKA_LIST || out->type == HLIDKA_MAP)
        out->bytes = (struct hlidka_bytes){ begin.at, (size_t)(in->at - begin.at) };
    return true;
}

struct hlidka_value hlidka_value_of(struct hlidka_bytes msgpack)
{
    struct mp_reader in = reader_of(msgpack);
    struct hlidka_value v;

    return take(&in, &v) ? v : NOTHING;
}

struct hlidka_cursor hlidka_walk(struct hlidka_bytes list_or_map)
{
    struct mp_reader in = reader_of(list_or_map);
    struct mp_value v;

    if (in.at == in.end || mp_next(&in, &v) || (v.type != MP_ARRAY && v.type != MP_MAP))
        return (struct hlidka_cursor){ .left = 0 };
    return (struct hlidka_cursor){
        .rest = { in.at, (size_t)(in.end - in.at) },
        .left = v.count,
        .pairs = v.type == MP_MAP,
    };
}

bool hlidka_next(struct hlidka_cursor *at, struct hlidka_value *key, struct hlidka_value *value)
{
    struct mp_reader in = reader_of(at->rest);
    struct hlidka_value name = NOTHING;

    if (at->left == 0 || (at->pairs && !take(&in, &name)) || !take(&in, value)) {
        at->left = 0;
        return false;
    }
    if (key)
        *key = name;
    at->left--;
    at->rest = (struct hlidka_bytes){ in.at, (size_t)(in.end - in.at) };
    return true;
}

struct hlidka_value hlidka_get(struct hlidka_bytes map, const char *name)
{
    struct hlidka_cursor at = hlidka_walk(map);
    struct hlidka_value key, value;

    while (at.pairs && hlidka_next(&at, &key, &value)) {
        if (key.type == HLIDKA_TEXT && text_equal((struct text){ key.text, key.len }, text_of(name)))
            return value;
    }
    return NOTHING;
}
