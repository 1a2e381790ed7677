/*
 * JSON to msgpack by the schema of any op, and back. What was written must be sound msgpack, and what is sound must be
 * shown; the rest of the input is also taken for msgpack, straight.
 */
#include <stdlib.h>

#include "json_body.h"
#include "ops.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct op *choose(uint8_t at)
{
    static const char *const SERVICES[] = { "auth", "crypto", "ratelimit", "audit" };
    size_t count;
    const struct op *const *ops = ops_of(text_of(SERVICES[at % 4]), &count);

    return ops[(at / 4) % count];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buffer body, why;

    if (size == 0)
        return 0;
    buffer_init(&body, 1 << 20);
    buffer_init(&why, 1024);
    json_decref(body_to_json((struct bytes){ data + 1, size - 1 }));
    json_t *json = json_loadb((const char *)data + 1, size - 1, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
    if (json && json_to_body(choose(data[0])->request, json, &body, &why) == RESULT_OK) {
        if (mp_check(buffer_bytes(&body), 64))
            abort();
        json_t *back = body_to_json(buffer_bytes(&body));
        if (!back)
            abort();
        json_decref(back);
    }
    json_decref(json);
    buffer_free(&why);
    buffer_free(&body);
    return 0;
}
