#include "gaps.h"

#define HOLE_LEN 32

static void remove_hole(struct gaps *g, size_t at)
{
    g->count--;
    memmove(&g->holes[at], &g->holes[at + 1], (g->count - at) * sizeof(g->holes[0]));
}

static void give_up_oldest(struct gaps *g)
{
    size_t at = 0;

    while (at < g->count && !g->holes[at].told)
        at++;
    if (at == g->count) {               /* none was told */
        at = 0;
        if (g->given_up++ == 0)
            g->given_up_n = g->holes[0].from;
    }
    remove_hole(g, at);
}

static void insert_hole(struct gaps *g, struct hole h)
{
    if (g->count == GAPS_HOLES)
        give_up_oldest(g);
    size_t at = g->count;
    for (; at > 0 && g->holes[at - 1].from > h.from; at--)
        g->holes[at] = g->holes[at - 1];
    g->holes[at] = h;
    g->count++;
}

/* n was missing. */
static void fill_in(struct gaps *g, size_t at, uint64_t n)
{
    struct hole *h = &g->holes[at], rest = *h;

    if (h->to - h->from == 1) {
        remove_hole(g, at);
    } else if (n == h->from) {
        h->from++;
    } else if (n == h->to - 1) {
        h->to--;
    } else {
        h->to = n;
        rest.from = n + 1;
        insert_hole(g, rest);
    }
}

enum gaps_said gaps_see(struct gaps *g, uint64_t n, uint64_t now_ms)
{
    if (n >= g->next) {
        uint64_t from = g->next;

        g->next = n == UINT64_MAX ? n : n + 1;
        if (n > from)
            insert_hole(g, (struct hole){ from, n, now_ms, false });
        return GAPS_NEW;
    }
    for (size_t i = 0; i < g->count; i++) {
        if (n >= g->holes[i].from && n < g->holes[i].to) {
            fill_in(g, i, n);
            return GAPS_NEW;
        }
    }
    return GAPS_REPEATED;
}

bool gaps_due(struct gaps *g, uint64_t now_ms, uint64_t *n)
{
    if (g->given_up > 0) {
        g->given_up = 0;
        *n = g->given_up_n;
        return true;
    }
    for (size_t i = 0; i < g->count; i++) {
        struct hole *h = &g->holes[i];

        if (h->told || now_ms < h->since_ms + GAPS_STAY_MS)
            continue;
        h->told = true;
        *n = h->from;
        return true;
    }
    return false;
}

uint64_t gaps_next_due_ms(const struct gaps *g)
{
    uint64_t due = g->given_up > 0 ? 0 : UINT64_MAX;

    for (size_t i = 0; i < g->count; i++)
        if (!g->holes[i].told && g->holes[i].since_ms + GAPS_STAY_MS < due)
            due = g->holes[i].since_ms + GAPS_STAY_MS;
    return due;
}

enum result gaps_save(const struct gaps *g, struct buffer *out)
{
    uint8_t *at;
    enum result r = buffer_reserve(out, 24 + g->count * HOLE_LEN);

    if (r)
        return r;
    at = out->data + out->len;
    bytes_put_u64(at, g->next);
    bytes_put_u64(at + 8, g->given_up);
    bytes_put_u64(at + 16, g->given_up_n);
    at += 24;
    for (size_t i = 0; i < g->count; i++, at += HOLE_LEN) {
        bytes_put_u64(at, g->holes[i].from);
        bytes_put_u64(at + 8, g->holes[i].to);
        bytes_put_u64(at + 16, g->holes[i].since_ms);
        bytes_put_u64(at + 24, g->holes[i].told);
    }
    out->len += 24 + g->count * HOLE_LEN;
    return RESULT_OK;
}

enum result gaps_load(struct bytes saved, struct gaps *out)
{
    uint64_t above = 0;

    memset(out, 0, sizeof(*out));
    if (saved.len < 24 || (saved.len - 24) % HOLE_LEN || (saved.len - 24) / HOLE_LEN > GAPS_HOLES)
        return RESULT_MALFORMED;
    out->next = bytes_get_u64(saved.data);
    out->given_up = bytes_get_u64(saved.data + 8);
    out->given_up_n = bytes_get_u64(saved.data + 16);
    for (const uint8_t *at = saved.data + 24; at < saved.data + saved.len; at += HOLE_LEN) {
        struct hole h = { bytes_get_u64(at), bytes_get_u64(at + 8), bytes_get_u64(at + 16), bytes_get_u64(at + 24) != 0 };

        if (h.from < above || h.from >= h.to || h.to > out->next)
            return RESULT_MALFORMED;
        above = h.to;
        out->holes[out->count++] = h;
    }
    return RESULT_OK;
}
