#include "attempts.h"

bool attempts_locked(const struct attempts *a)
{
    return a->in_a_row >= ATTEMPTS_LOCKED;
}

uint64_t attempts_closed_ms(const struct attempts *a, uint64_t now_ms)
{
    return a->closed_until_ms > now_ms ? a->closed_until_ms - now_ms : 0;
}

static bool too_many_lately(const struct attempts *a, uint64_t now_ms)
{
    uint64_t first_ms = a->recent_ms[ATTEMPTS_FREE - 1];

    return first_ms > 0 && now_ms < first_ms + ATTEMPTS_WINDOW_MS;
}

void attempts_wrong(struct attempts *a, uint64_t now_ms)
{
    uint64_t closed_ms = ATTEMPTS_CLOSED_MS;

    memmove(a->recent_ms + 1, a->recent_ms, sizeof(a->recent_ms) - sizeof(a->recent_ms[0]));
    a->recent_ms[0] = now_ms;
    if (a->in_a_row < UINT32_MAX)
        a->in_a_row++;
    if (a->closings == 0 && !too_many_lately(a, now_ms))
        return;
    for (uint32_t i = 0; i < a->closings && closed_ms < ATTEMPTS_CLOSED_MAX_MS; i++)
        closed_ms *= 2;
    a->closings++;
    a->closed_until_ms = now_ms + (closed_ms < ATTEMPTS_CLOSED_MAX_MS ? closed_ms : ATTEMPTS_CLOSED_MAX_MS);
}

void attempts_right(struct attempts *a)
{
    a->in_a_row = a->closings = 0;
    a->closed_until_ms = 0;
}

void attempts_encode(const struct attempts *a, uint8_t out[ATTEMPTS_ENCODED])
{
    for (size_t i = 0; i < ATTEMPTS_FREE; i++, out += 8)
        bytes_put_u64(out, a->recent_ms[i]);
    bytes_put_u64(out, a->closed_until_ms);
    bytes_put_u32(out + 8, a->closings);
    bytes_put_u32(out + 12, a->in_a_row);
}

enum result attempts_decode(struct bytes in, struct attempts *out)
{
    const uint8_t *at = in.data;

    *out = (struct attempts){ .in_a_row = 0 };
    if (!at)
        return RESULT_OK;
    if (in.len != ATTEMPTS_ENCODED)
        return RESULT_MALFORMED;
    for (size_t i = 0; i < ATTEMPTS_FREE; i++, at += 8)
        out->recent_ms[i] = bytes_get_u64(at);
    out->closed_until_ms = bytes_get_u64(at);
    out->closings = bytes_get_u32(at + 8);
    out->in_a_row = bytes_get_u32(at + 12);
    return RESULT_OK;
}
