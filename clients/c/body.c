/* Bodies written: msgpack for a backend that has no codec of its own. */
#include <stdlib.h>

#include "envelope.h"
#include "hlidka.h"
#include "mp_writer.h"
#include "utf8.h"

#define MAP16   0xde
#define ARRAY16 0xdc
#define COUNT_MAX 65535u

struct level {
    size_t head;                        /* where the container's head begins */
    unsigned count;
    bool map;
};

struct hlidka_body {
    struct buffer out;
    struct level levels[ENVELOPE_DEPTH_MAX];
    unsigned depth;                     /* 0: ended once too often */
    bool broken;
};

/* Heads are written at a fixed width and filled in when the count is known. */
static void write_head(struct hlidka_body *b, bool map)
{
    const uint8_t head[3] = { map ? MAP16 : ARRAY16, 0, 0 };

    if (b->depth == ENVELOPE_DEPTH_MAX || buffer_append(&b->out, head, sizeof(head))) {
        b->broken = true;
        return;
    }
    b->levels[b->depth++] = (struct level){ .head = b->out.len - sizeof(head), .map = map };
}

struct hlidka_body *hlidka_body_new(void)
{
    struct hlidka_body *b = calloc(1, sizeof(*b));

    if (!b)
        return NULL;
    buffer_init(&b->out, ENVELOPE_VALUE_MAX);
    write_head(b, true);
    return b;
}

static bool text_sound(struct text t)
{
    return t.data && utf8_valid(t);
}

/* Counts one more value in the innermost container and writes its name; false when that cannot be. */
static bool begin_value(struct hlidka_body *b, const char *name, struct mp_writer *w)
{
    if (!b || b->broken)
        return false;
    b->broken = true;                   /* until the value has been written */
    if (b->depth == 0)
        return false;
    struct level *l = &b->levels[b->depth - 1];
    if (l->count == COUNT_MAX || l->map != (name != NULL) || (name && !text_sound(text_of(name))))
        return false;
    l->count++;
    *w = mp_writer_to(&b->out);
    if (name)
        mp_put_text(w, text_of(name));
    return w->status == RESULT_OK;
}

static void end_value(struct hlidka_body *b, const struct mp_writer *w)
{
    b->broken = w->status != RESULT_OK;
}

void hlidka_put_text_len(struct hlidka_body *b, const char *name, const char *value, size_t len)
{
    struct text t = { value ? value : "", value ? len : 0 };
    struct mp_writer w;

    if (!begin_value(b, name, &w) || !value || !text_sound(t))
        return;
    mp_put_text(&w, t);
    end_value(b, &w);
}

void hlidka_put_text(struct hlidka_body *b, const char *name, const char *value)
{
    hlidka_put_text_len(b, name, value, value ? strlen(value) : 0);
}

void hlidka_put_bin(struct hlidka_body *b, const char *name, const void *data, size_t len)
{
    struct mp_writer w;

    if (!begin_value(b, name, &w))
        return;
    mp_put_bin(&w, data, len);
    end_value(b, &w);
}

void hlidka_put_uint(struct hlidka_body *b, const char *name, uint64_t value)
{
    struct mp_writer w;

    if (!begin_value(b, name, &w))
        return;
    mp_put_uint(&w, value);
    end_value(b, &w);
}

void hlidka_put_int(struct hlidka_body *b, const char *name, int64_t value)
{
    struct mp_writer w;

    if (!begin_value(b, name, &w))
        return;
    mp_put_int(&w, value);
    end_value(b, &w);
}

void hlidka_put_bool(struct hlidka_body *b, const char *name, bool value)
{
    struct mp_writer w;

    if (!begin_value(b, name, &w))
        return;
    mp_put_bool(&w, value);
    end_value(b, &w);
}

static void begin_container(struct hlidka_body *b, const char *name, bool map)
{
    struct mp_writer w;

    if (!begin_value(b, name, &w))
        return;
    end_value(b, &w);
    write_head(b, map);
}

void hlidka_begin_map(struct hlidka_body *b, const char *name)
{
    begin_container(b, name, true);
}

void hlidka_begin_list(struct hlidka_body *b, const char *name)
{
    begin_container(b, name, false);
}

static void fill_in(struct hlidka_body *b, const struct level *l)
{
    bytes_put_u16(b->out.data + l->head + 1, (uint16_t)l->count);
}

void hlidka_end(struct hlidka_body *b)
{
    if (!b || b->broken)
        return;
    if (b->depth <= 1) {                /* the body's own map is ended by hlidka_body_bytes */
        b->broken = true;
        return;
    }
    fill_in(b, &b->levels[--b->depth]);
}

struct hlidka_bytes hlidka_body_bytes(struct hlidka_body *b)
{
    if (!b || b->broken || b->depth != 1)
        return (struct hlidka_bytes){ NULL, 1 };
    fill_in(b, &b->levels[0]);
    return (struct hlidka_bytes){ b->out.data, b->out.len };
}

void hlidka_body_free(struct hlidka_body *b)
{
    if (!b)
        return;
    buffer_free(&b->out);
    free(b);
}
