#include "answer.h"

#include <stdlib.h>

#include "arena.h"
#include "buffer.h"
#include "envelope.h"

#define TEXTS_MAX (1u << 20)

struct hlidka_answer {
    struct hlidka_reply reply;
    uint8_t id[HLIDKA_ID_LEN];
    struct buffer body;
    struct arena texts;
};

static bool copy_text(struct arena *a, const char **text)
{
    *text = arena_copy(a, text_of(*text));
    return *text != NULL;
}

static bool copy_errors(struct arena *a, struct hlidka_reply *reply)
{
    struct hlidka_field_error *errors = arena_alloc(a, reply->error_count, sizeof(*errors));

    if (!errors)
        return false;
    for (size_t i = 0; i < reply->error_count; i++) {
        errors[i] = reply->errors[i];
        if (!copy_text(a, &errors[i].pointer) || !copy_text(a, &errors[i].code) || !copy_text(a, &errors[i].detail))
            return false;
    }
    reply->errors = errors;
    return true;
}

static bool copy_body(struct hlidka_answer *a, const struct hlidka_reply *from)
{
    if (!from->body.data)
        return true;
    if (buffer_append(&a->body, from->body.data, from->body.len))
        return false;
    a->reply.body.data = a->body.data;
    if (from->result.data) {
        /* The result is a part of the body. */
        size_t at = (size_t)((const uint8_t *)from->result.data - (const uint8_t *)from->body.data);
        a->reply.result.data = a->body.data + at;
    }
    return true;
}

struct hlidka_answer *answer_copy(const struct hlidka_reply *reply)
{
    struct hlidka_answer *a = calloc(1, sizeof(*a));

    if (!a)
        return NULL;
    a->reply = *reply;
    buffer_init(&a->body, ENVELOPE_VALUE_MAX);
    arena_init(&a->texts, NULL, 0, TEXTS_MAX);
    memcpy(a->id, reply->id, sizeof(a->id));
    a->reply.id = a->id;
    if (copy_body(a, reply) && copy_text(&a->texts, &a->reply.code) && copy_text(&a->texts, &a->reply.title) &&
        copy_text(&a->texts, &a->reply.detail) && copy_text(&a->texts, &a->reply.trace) &&
        copy_errors(&a->texts, &a->reply))
        return a;
    hlidka_answer_free(a);
    return NULL;
}

const struct hlidka_reply *hlidka_answer_reply(const struct hlidka_answer *a)
{
    return &a->reply;
}

void hlidka_answer_free(struct hlidka_answer *a)
{
    if (!a)
        return;
    buffer_free(&a->body);
    arena_reset(&a->texts);
    free(a);
}
