#include "contents.h"
#include "utf8.h"

#include <stdio.h>

enum {
    TOGETHER_MAX = 900 * 1024,
    TEXT_MAX = 5000,                    /* characters */
    POINTER_MAX = sizeof("/items/18446744073709551615/plaintext"),
};

static void bad_item(struct request *rq, struct field_errors *errors, size_t i, enum field_code code)
{
    char *pointer = arena_alloc(request_arena(rq), POINTER_MAX, 1);

    if (!pointer)
        return;
    snprintf(pointer, POINTER_MAX, "/items/%zu/plaintext", i);
    field_errors_add(errors, text_of(pointer), code);
}

/* Every one that is no text, or too long a one; memory alone could leave one out, never all. */
static bool are_texts(struct request *rq, const struct crypto_encrypt_request *body, struct field_errors *errors)
{
    bool sound = true;

    for (size_t i = 0; i < body->items.count; i++) {
        struct bytes plain = body->items.items[i].plaintext;
        struct text t = { (const char *)plain.data, plain.len };

        if (!utf8_valid(t))
            bad_item(rq, errors, i, FIELD_BAD_FORMAT);
        else if (utf8_length(t) > TEXT_MAX)
            bad_item(rq, errors, i, FIELD_TOO_LONG);
        else
            continue;
        sound = false;
    }
    return sound;
}

void handle_encrypt(void *service, struct request *rq)
{
    const struct crypto_encrypt_request *body = request_body(rq);
    struct field_errors errors = { .count = 0 };
    size_t together = 0;

    for (size_t i = 0; i < body->items.count; i++)
        together += body->items.items[i].plaintext.len;
    if (body->kind == CRYPTO_TEXT && !are_texts(rq, body, &errors))
        request_fail_fields(rq, &errors);
    else if (together > TOGETHER_MAX)
        request_fail(rq, FAULT_TOO_LARGE, "all items together have at most 900 KiB");
    else
        contents_encrypt(service, rq);
}

void handle_decrypt(void *service, struct request *rq)
{
    contents_decrypt(service, rq);
}

void handle_rewrap(void *service, struct request *rq)
{
    contents_rewrap(service, rq);
}
