#include "device.h"

#include "mp_reader.h"
#include "mp_writer.h"

#define VERSION 1
#define ELEMENTS 4

static void put_optional(struct mp_writer *w, struct text t)
{
    if (t.data)
        mp_put_text(w, t);
    else
        mp_put_nil(w);
}

enum result device_encode(const struct device *d, struct buffer *out)
{
    struct mp_writer w = mp_writer_to(out);
    char ip[IP_TEXT_MAX + 1];

    mp_put_array(&w, ELEMENTS);
    mp_put_uint(&w, VERSION);
    mp_put_text(&w, d->info);
    put_optional(&w, d->id);
    put_optional(&w, d->ip.family ? (struct text){ ip, ip_format(&d->ip, ip) } : (struct text){ NULL, 0 });
    return w.status;
}

static enum result take_text(struct mp_reader *in, bool optional, struct text *out)
{
    struct mp_value v;
    enum result r = mp_next(in, &v);

    if (r)
        return r;
    *out = (struct text){ NULL, 0 };
    if (v.type == MP_STR)
        *out = v.str;
    else if (v.type != MP_NIL || !optional)
        return RESULT_MALFORMED;
    return RESULT_OK;
}

enum result device_decode(struct bytes encoded, struct device *out)
{
    struct mp_reader in = mp_reader_of(encoded);
    struct mp_value head, version;
    struct text ip;
    enum result r = mp_check(encoded, 1);

    if (!r)
        r = mp_next(&in, &head);
    if (!r && (head.type != MP_ARRAY || head.count != ELEMENTS))
        r = RESULT_MALFORMED;
    if (!r)
        r = mp_next(&in, &version);
    if (!r && (version.type != MP_UINT || version.uint != VERSION))
        r = RESULT_MALFORMED;
    *out = (struct device){ 0 };
    if (!r)
        r = take_text(&in, false, &out->info);
    if (!r)
        r = take_text(&in, true, &out->id);
    if (!r)
        r = take_text(&in, true, &ip);
    if (!r && ip.data)
        r = ip_parse(ip, &out->ip);
    return r;
}
