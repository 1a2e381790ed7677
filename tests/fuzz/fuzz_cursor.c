/* A cursor of a query is one that was made for these filters, whatever else a peer may send. */
#include "cursor.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void require(bool holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const uint8_t key[32] = { 1 }, nonce[CURSOR_NONCE_LEN] = { 2 };
    static const struct bytes filters = { (const uint8_t *)"filters", 7 };
    char made[CURSOR_TEXT_LEN + 1];
    struct text sent = { (const char *)data, len };
    uint64_t seq = 0;

    require(cursor_make(key, filters, nonce, 77, made) == RESULT_OK);
    bool ours = len == CURSOR_TEXT_LEN && memcmp(data, made, CURSOR_TEXT_LEN) == 0;
    require((cursor_read(key, filters, sent, &seq) == RESULT_OK) == ours);
    require(cursor_read(key, (struct bytes){ data, len }, text_of(made), &seq) == RESULT_OK
            ? bytes_equal((struct bytes){ data, len }, filters) : true);
    return 0;
}
