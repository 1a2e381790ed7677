/*
 * What mp_check vouches for must be readable to its end by mp_next and mp_skip alike, and what is written
 * from it must be no longer (shortest forms) and read back the same.
 */
#include "mp_reader.h"
#include "mp_writer.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static bool write_again(struct mp_reader in, struct mp_writer *w)
{
    bool exact = true;

    while (in.at < in.end) {
        struct mp_value v;
        require(mp_next(&in, &v) == RESULT_OK);
        switch (v.type) {
        case MP_NIL: mp_put_nil(w); break;
        case MP_BOOL: mp_put_bool(w, v.boolean); break;
        case MP_UINT: mp_put_uint(w, v.uint); break;
        case MP_INT: mp_put_int(w, v.sint); break;
        case MP_STR: mp_put_text(w, v.str); break;
        case MP_BIN: mp_put_bin(w, v.bin.data, v.bin.len); break;
        case MP_ARRAY: mp_put_array(w, v.count); break;
        case MP_MAP: mp_put_map(w, v.count); break;
        case MP_FLOAT: case MP_EXT:     /* we never write these */
            mp_put_nil(w);
            exact = false;
            break;
        }
    }
    return exact;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct bytes doc = { data, len };
    struct mp_reader skipper = mp_reader_of(doc);
    enum result skipped = mp_skip(&skipper);

    if (mp_check(doc, 32)) {
        /* Too deep, not UTF-8 or followed by something: it may still be one value to skip over. */
        require(skipped || skipper.at <= skipper.end);
        return 0;
    }
    require(!skipped && skipper.at == skipper.end);

    struct buffer once, twice;
    buffer_init(&once, len);
    buffer_init(&twice, len);
    struct mp_writer w = mp_writer_to(&once);
    write_again(mp_reader_of(doc), &w);
    require(!w.status && !mp_check(buffer_bytes(&once), 32));
    w = mp_writer_to(&twice);
    require(write_again(mp_reader_of(buffer_bytes(&once)), &w));
    require(!w.status && bytes_equal(buffer_bytes(&once), buffer_bytes(&twice)));
    buffer_free(&twice);
    buffer_free(&once);
    return 0;
}
