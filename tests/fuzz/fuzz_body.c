/*
 * The first byte picks a request or result of any op. A body that decodes must encode again, and that must
 * decode to the same; one that does not must be told why, within bounds.
 */
#include <stdalign.h>
#include <stdlib.h>

#include "codec.h"
#include "ops.h"

#define STRUCT_MAX 1024
#define ARENA_MAX (4 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static const struct schema *pick(unsigned which)
{
    static const char *const services[] = { "auth", "crypto", "ratelimit", "audit" };
    const struct schema *schemas[256];
    unsigned count = 0;

    for (size_t s = 0; s < 4; s++) {
        size_t n;
        const struct op *const *ops = ops_of(text_of(services[s]), &n);

        for (size_t i = 0; i < n; i++) {
            schemas[count++] = ops[i]->request;
            if (ops[i]->result)
                schemas[count++] = ops[i]->result;
        }
    }
    return schemas[which % count];
}

static void check_errors(const struct field_errors *errors)
{
    require(errors->count > 0 && errors->count <= FIELD_ERRORS_MAX);
    for (size_t i = 0; i < errors->count; i++) {
        struct text pointer = errors->items[i].pointer;

        require(errors->items[i].code < enum_field_code.count);
        require(pointer.len == 0 || pointer.data[0] == '/');
        require(pointer.len <= (BODY_DEPTH_MAX + 1) * (1 + 2 * 256));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static alignas(16) uint8_t out[STRUCT_MAX];
    struct field_errors errors;
    struct buffer once, twice;
    struct arena arena;

    if (len == 0)
        return 0;
    const struct schema *s = pick(data[0]);

    require(s->size <= sizeof out);
    arena_init(&arena, NULL, 0, ARENA_MAX);
    buffer_init(&once, 2 * len + 4096);
    buffer_init(&twice, 2 * len + 4096);

    enum result r = body_decode(s, (struct bytes){ data + 1, len - 1 }, &arena, out, &errors);
    if (r == RESULT_MALFORMED) {
        check_errors(&errors);
    } else if (!r) {
        struct mp_writer w = mp_writer_to(&once);

        require(body_encode(s, out, &w) == RESULT_OK);
        require(body_decode(s, buffer_bytes(&once), &arena, out, &errors) == RESULT_OK);
        w = mp_writer_to(&twice);
        require(body_encode(s, out, &w) == RESULT_OK);
        require(bytes_equal(buffer_bytes(&once), buffer_bytes(&twice)));
    } else {
        require(r == RESULT_NO_MEMORY);
    }
    buffer_free(&twice);
    buffer_free(&once);
    arena_reset(&arena);
    return 0;
}
