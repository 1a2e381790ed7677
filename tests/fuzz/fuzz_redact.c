/* Any bytes come out; what comes out needs no second pass; and nothing changes where nothing was found. */
#include "redact.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void require(bool holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct text t = { (const char *)data, len };
    struct buffer out;

    buffer_init(&out, 10 * len + 100);
    require(redact_text(t, &out) == RESULT_OK);
    struct text clean = { (const char *)out.data, out.len };
    require(!redact_needed(clean));
    require(redact_needed(t) == !text_equal(t, clean));
    buffer_free(&out);
    return 0;
}
