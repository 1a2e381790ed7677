#include "gaps.h"

#define MARK_MS 1000
#define HEAD_LEN 48

static bool has(const struct gaps *g, uint64_t n)
{
    return g->seen[n % GAPS_WINDOW / 8] >> (n % 8) & 1;
}

static void set(struct gaps *g, uint64_t n, bool seen)
{
    uint8_t bit = (uint8_t)(1u << (n % 8)), *at = &g->seen[n % GAPS_WINDOW / 8];

    *at = seen ? *at | bit : *at & (uint8_t)~bit;
}

static void settle(struct gaps *g)
{
    while (g->low < g->next && has(g, g->low))
        g->low++;
    if (g->low == g->next)
        g->mark_count = 0;
}

static void remember_lost(struct gaps *g, uint64_t from, uint64_t to)
{
    if (g->lost_count == GAPS_LOST)
        memmove(&g->lost[0], &g->lost[1], --g->lost_count * sizeof(g->lost[0]));
    g->lost[g->lost_count++] = (struct gaps_run){ from, to };
}

/* Waits no longer for what is missing below `upto`; returns how many those are. low is missing. */
static uint64_t give_up(struct gaps *g, uint64_t upto)
{
    uint64_t count = 0;

    while (g->low < upto) {
        uint64_t from = g->low;

        while (g->low < upto && !has(g, g->low))
            g->low++;
        count += g->low - from;
        remember_lost(g, from, g->low);
        while (g->low < upto && has(g, g->low))
            g->low++;
    }
    settle(g);
    return count;
}

/* Room for n: what lies a whole window below it is over, seen or not. */
static void slide(struct gaps *g, uint64_t n)
{
    if (n - g->low < GAPS_WINDOW)
        return;
    uint64_t first = g->low, upto = n - GAPS_WINDOW + 1, within = upto < g->next ? upto : g->next;
    uint64_t count = give_up(g, within);

    if (upto > g->next) {               /* numbers that were not even in sight */
        if (count == 0)
            first = g->next;
        count += upto - g->next;
        remember_lost(g, g->next, upto);
        g->low = g->next = upto;
        g->mark_count = 0;
    }
    if (count > 0 && g->overdue == 0)
        g->overdue_n = first;
    g->overdue += count;
}

static void mark(struct gaps *g, uint64_t now_ms)
{
    struct gaps_mark *last = g->mark_count > 0 ? &g->marks[g->mark_count - 1] : NULL;

    if (last && (now_ms < last->begin_ms + MARK_MS || g->mark_count == GAPS_MARKS)) {
        last->next = g->next;
        last->end_ms = now_ms;
    } else {
        g->marks[g->mark_count++] = (struct gaps_mark){ g->next, now_ms, now_ms };
    }
}

static bool comes_late(struct gaps *g, uint64_t n)
{
    for (size_t i = 0; i < g->lost_count; i++) {
        struct gaps_run run = g->lost[i];

        if (n < run.from || n >= run.to)
            continue;
        g->lost_count--;
        memmove(&g->lost[i], &g->lost[i + 1], (g->lost_count - i) * sizeof(g->lost[0]));
        if (n > run.from)
            remember_lost(g, run.from, n);
        if (n + 1 < run.to)
            remember_lost(g, n + 1, run.to);
        return true;
    }
    return false;
}

enum gaps_said gaps_see(struct gaps *g, uint64_t n, uint64_t now_ms)
{
    if (n == UINT64_MAX)                /* nothing could follow it */
        return GAPS_REPEATED;
    if (n < g->low)
        return comes_late(g, n) ? GAPS_NEW : GAPS_REPEATED;
    if (n < g->next) {
        if (has(g, n))
            return GAPS_REPEATED;
        set(g, n, true);
        settle(g);
        return GAPS_NEW;
    }
    slide(g, n);
    for (uint64_t skipped = g->next; skipped < n; skipped++)
        set(g, skipped, false);
    set(g, n, true);
    g->next = n + 1;
    settle(g);
    if (g->low < g->next)
        mark(g, now_ms);
    return GAPS_NEW;
}

bool gaps_due(struct gaps *g, uint64_t now_ms, uint64_t *n, uint64_t *count)
{
    size_t due = 0;

    if (g->overdue > 0) {
        *n = g->overdue_n;
        *count = g->overdue;
        g->overdue = 0;
        return true;
    }
    while (due < g->mark_count && now_ms >= g->marks[due].end_ms + GAPS_STAY_MS)
        due++;
    if (due == 0)
        return false;
    uint64_t upto = g->marks[due - 1].next;
    g->mark_count -= due;
    memmove(&g->marks[0], &g->marks[due], g->mark_count * sizeof(g->marks[0]));
    if (g->low >= upto)
        return false;
    *n = g->low;
    *count = give_up(g, upto);
    return true;
}

uint64_t gaps_next_due_ms(const struct gaps *g)
{
    if (g->overdue > 0)
        return 0;
    return g->mark_count > 0 ? g->marks[0].end_ms + GAPS_STAY_MS : UINT64_MAX;
}

/* ---- stored --------------------------------------------------------------------------------------------------- */

static uint8_t *put(uint8_t *at, uint64_t v)
{
    bytes_put_u64(at, v);
    return at + 8;
}

/* The bytes of the ring from that of low to that of next - 1. */
static size_t window_len(const struct gaps *g)
{
    return g->low == g->next ? 0 : (size_t)((g->next - 1) / 8 - g->low / 8 + 1);
}

enum result gaps_save(const struct gaps *g, struct buffer *out)
{
    size_t bits = window_len(g), len = HEAD_LEN + g->mark_count * 24 + g->lost_count * 16 + bits;
    enum result r = buffer_reserve(out, len);

    if (r)
        return r;
    uint8_t *at = out->data + out->len;
    at = put(put(put(put(at, g->low), g->next), g->overdue), g->overdue_n);
    at = put(put(at, g->mark_count), g->lost_count);
    for (size_t i = 0; i < g->mark_count; i++)
        at = put(put(put(at, g->marks[i].next), g->marks[i].begin_ms), g->marks[i].end_ms);
    for (size_t i = 0; i < g->lost_count; i++)
        at = put(put(at, g->lost[i].from), g->lost[i].to);
    for (size_t i = 0; i < bits; i++)
        *at++ = g->seen[(g->low / 8 + i) % sizeof(g->seen)];
    out->len += len;
    return RESULT_OK;
}

enum result gaps_load(struct bytes saved, struct gaps *out)
{
    const uint8_t *at = saved.data;

    memset(out, 0, sizeof(*out));
    if (saved.len < HEAD_LEN)
        return RESULT_MALFORMED;
    out->low = bytes_get_u64(at);
    out->next = bytes_get_u64(at + 8);
    out->overdue = bytes_get_u64(at + 16);
    out->overdue_n = bytes_get_u64(at + 24);
    uint64_t marks = bytes_get_u64(at + 32), lost = bytes_get_u64(at + 40);
    if (out->low > out->next || out->next - out->low > GAPS_WINDOW || marks > GAPS_MARKS || lost > GAPS_LOST ||
        saved.len != HEAD_LEN + marks * 24 + lost * 16 + window_len(out))
        return RESULT_MALFORMED;
    at += HEAD_LEN;
    for (; out->mark_count < marks; at += 24)
        out->marks[out->mark_count++] = (struct gaps_mark){ bytes_get_u64(at), bytes_get_u64(at + 8), bytes_get_u64(at + 16) };
    for (; out->lost_count < lost; at += 16)
        out->lost[out->lost_count++] = (struct gaps_run){ bytes_get_u64(at), bytes_get_u64(at + 8) };
    for (size_t i = 0; at < saved.data + saved.len; i++)
        out->seen[(out->low / 8 + i) % sizeof(out->seen)] = *at++;
    return RESULT_OK;
}
