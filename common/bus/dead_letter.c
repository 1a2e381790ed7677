#include "dead_letter.h"

#include "codec.h"
#include "utf8.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>

/* ---- the value ------------------------------------------------------------------------------------------------ */

/* Bytes of the character that begins here, if it is one that may be read: ASCII, or the UTF-8 of any script. */
static size_t printable(const uint8_t *at, size_t left)
{
    if (*at < 0x80)
        return (*at >= 0x20 && *at != 0x7f) || *at == '\t' || *at == '\n' || *at == '\r' ? 1 : 0;
    for (size_t len = 2; len <= 4 && len <= left; len++) {
        if (utf8_valid((struct text){ (const char *)at, len }))
            return len;
    }
    return 0;
}

static size_t blanked_head(struct bytes value, uint8_t head[DEAD_LETTER_HEAD_LEN])
{
    size_t len = value.len < DEAD_LETTER_HEAD_LEN ? value.len : DEAD_LETTER_HEAD_LEN;

    for (size_t i = 0; i < len;) {
        size_t run = printable(value.data + i, value.len - i);

        if (run == 0) {
            head[i] = value.data[i];
            i++;
        }
        for (; run > 0 && i < len; run--)
            head[i++] = ' ';
    }
    return len;
}

enum result dead_letter_value(struct bytes value, bool unframed, struct buffer *scratch, struct bytes *out)
{
    if (!unframed) {
        *out = value;
        return RESULT_OK;
    }

    uint8_t head[DEAD_LETTER_HEAD_LEN], sha256[crypto_hash_sha256_BYTES];
    size_t head_len = blanked_head(value, head);

    crypto_hash_sha256(sha256, value.data, value.len);
    const struct dead_letter letter = {
        .length = value.len,
        .sha256 = { sha256, sizeof(sha256) },
        .head = { head, head_len },
    };
    struct mp_writer w = mp_writer_to(scratch);
    enum result r;

    buffer_reset(scratch);
    r = body_encode(&schema_dead_letter, &letter, &w);
    if (!r)
        *out = buffer_bytes(scratch);
    return r;
}

/* ---- the headers ---------------------------------------------------------------------------------------------- */

void dead_letter_describe(const char *reason, struct text topic, int32_t partition, int64_t offset, struct dead_letter_headers *out)
{
    snprintf(out->partition, sizeof(out->partition), "%" PRId32, partition);
    snprintf(out->offset, sizeof(out->offset), "%" PRId64, offset);
    out->items[0] = (struct dead_letter_header){ "reason", text_of(reason) };
    out->items[1] = (struct dead_letter_header){ "topic", topic };
    out->items[2] = (struct dead_letter_header){ "partition", text_of(out->partition) };
    out->items[3] = (struct dead_letter_header){ "offset", text_of(out->offset) };
}

/* ---- the allowance -------------------------------------------------------------------------------------------- */

bool dead_allowance_take(struct dead_allowance *a, uint64_t now_ms, size_t len)
{
    while (a->count > 0 && now_ms - a->sent[a->first].at_ms >= 1000) {
        a->len -= a->sent[a->first].len;
        a->first = (a->first + 1) % DEAD_LETTERS_A_SECOND;
        a->count--;
    }
    if (a->count == DEAD_LETTERS_A_SECOND || len > DEAD_BYTES_A_SECOND - a->len)
        return false;
    a->sent[(a->first + a->count) % DEAD_LETTERS_A_SECOND] = (struct dead_sent){ now_ms, len };
    a->count++;
    a->len += len;
    return true;
}
