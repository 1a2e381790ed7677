#include "ledger.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define CHUNK    4096u
#define TOLD_MAX 40u

struct ask_chunk {
    struct ask_chunk *next;
    unsigned used;
    struct ask asks[CHUNK];
};

static const struct {
    const char *text;
    bool unknown;
} END[ENDS] = {
    { "none", false },
#define LEDGER_X(name, text, unknown) { text, unknown },
    END_LIST(LEDGER_X)
#undef LEDGER_X
};

struct ledger *ledger_new(unsigned cost, unsigned limit)
{
    struct ledger *l = calloc(1, sizeof(*l));

    if (!l)
        return NULL;
    l->cost = cost;
    l->limit = limit;
    if (!(l->told = json_array())) {
        free(l);
        return NULL;
    }
    return l;
}

void ledger_free(struct ledger *l)
{
    struct ask_chunk *c;

    while ((c = l->asks) != NULL) {
        l->asks = c->next;
        free(c);
    }
    json_decref(l->told);
    free(l->users);
    free(l);
}

void ledger_breach(struct ledger *l, const char *format, ...)
{
    char text[256];
    va_list args;

    if (l->breaches++ >= TOLD_MAX)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    json_array_append_new(l->told, json_string(text));
}

bool ledger_user(struct ledger *l, uint32_t *user)
{
    if (l->user_count == LEDGER_USERS_MAX)
        return false;
    if (l->user_count == l->user_room) {
        uint32_t room = l->user_room ? 2 * l->user_room : 1024;
        struct user *more = realloc(l->users, room * sizeof(*more));
        if (!more)
            return false;
        l->users = more;
        l->user_room = room;
    }
    l->users[l->user_count] = (struct user){ 0, 0, 0 };
    *user = l->user_count++;
    return true;
}

struct ask *ledger_sent(struct ledger *l, uint32_t user, uint64_t sent_us)
{
    if (!l->asks || l->asks->used == CHUNK) {
        struct ask_chunk *c = calloc(1, sizeof(*c));
        if (!c)
            return NULL;
        c->next = l->asks;
        l->asks = c;
    }
    struct ask *a = &l->asks->asks[l->asks->used++];
    *a = (struct ask){ .user = user, .sent_us = sent_us };
    l->users[user].sent++;
    l->sent++;
    return a;
}

void ledger_unsent(struct ledger *l)
{
    l->users[l->asks->asks[--l->asks->used].user].sent--;
    l->sent--;
}

void ledger_ended(struct ledger *l, struct ask *a, enum end end, uint64_t now_us)
{
    struct user *u = &l->users[a->user];
    uint64_t slot = a->sent_us / 1000 / LEDGER_SLOT_MS;

    if (a->end != END_NONE) {
        ledger_breach(l, "user %" PRIu32 ": a request ended twice: %s, then %s", a->user, END[a->end].text, END[end].text);
        return;
    }
    a->end = end;
    a->latency_us = (uint32_t)(now_us - a->sent_us);
    l->ends[end]++;
    l->ended++;
    if (end == END_ALLOWED)
        u->acknowledged++;
    if (END[end].unknown)
        u->unknown++;
    if (slot >= LEDGER_SLOTS_MAX)
        slot = LEDGER_SLOTS_MAX - 1;
    l->slots[slot][end]++;
    if (a->latency_us / 1000 > l->slowest_ms[slot])
        l->slowest_ms[slot] = a->latency_us / 1000;
    if (slot >= l->slot_count)
        l->slot_count = (unsigned)slot + 1;
}

void ledger_settle(struct ledger *l, uint32_t user, uint64_t charged)
{
    const struct user *u = &l->users[user];
    uint64_t acknowledged = (uint64_t)u->acknowledged * l->cost, unknown = (uint64_t)u->unknown * l->cost;
    uint32_t room = l->limit / l->cost;

    l->charged += charged;
    l->acknowledged += acknowledged;
    l->unknown += unknown;
    if (charged < acknowledged)
        ledger_breach(l, "user %" PRIu32 ": a charge was lost: %" PRIu64 " acknowledged, %" PRIu64 " charged", user,
                      acknowledged, charged);
    if (charged > acknowledged + unknown)
        ledger_breach(l, "user %" PRIu32 ": charged too much: %" PRIu64 " acknowledged, %" PRIu64 " unknown, %" PRIu64 " charged",
                      user, acknowledged, unknown, charged);
    if (acknowledged > l->limit || charged > l->limit)
        ledger_breach(l, "user %" PRIu32 ": over the limit: %" PRIu64 " acknowledged, %" PRIu64 " charged", user,
                      acknowledged, charged);
    if (u->acknowledged + u->unknown < (room < u->sent ? room : u->sent))
        ledger_breach(l, "user %" PRIu32 ": denied though there was room: %" PRIu32 " sent, %" PRIu32 " let in", user, u->sent,
                      u->acknowledged);
}

/* ---- the report -------------------------------------------------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

/* Of the requests that were answered, whatever the answer. */
static json_t *latencies(const struct ledger *l)
{
    uint32_t *all = calloc(l->sent + 1, sizeof(*all));
    size_t n = 0;

    if (!all)
        return NULL;
    for (const struct ask_chunk *c = l->asks; c; c = c->next)
        for (unsigned i = 0; i < c->used; i++)
            if (c->asks[i].end != END_NONE && c->asks[i].end != END_TIMEOUT)
                all[n++] = c->asks[i].latency_us;
    qsort(all, n, sizeof(*all), by_value);
    json_t *out = json_pack("{s:f, s:f, s:f, s:f}", "p50", all[n / 2] / 1e3, "p95", all[n * 95 / 100] / 1e3,
                            "p99", all[n * 99 / 100] / 1e3, "max", all[n ? n - 1 : 0] / 1e3);
    free(all);
    return out;
}

static json_t *ends(const struct ledger *l)
{
    json_t *out = json_object();

    for (unsigned e = END_NONE + 1; e < ENDS; e++)
        json_object_set_new(out, END[e].text, json_integer((json_int_t)l->ends[e]));
    return out;
}

/* A row for every slot: the ends in the order of `columns`, then the slowest in ms. */
static json_t *slots(const struct ledger *l)
{
    json_t *columns = json_array(), *rows = json_array();

    for (unsigned e = END_NONE + 1; e < ENDS; e++)
        json_array_append_new(columns, json_string(END[e].text));
    json_array_append_new(columns, json_string("slowest_ms"));
    for (unsigned i = 0; i < l->slot_count; i++) {
        json_t *row = json_array();
        for (unsigned e = END_NONE + 1; e < ENDS; e++)
            json_array_append_new(row, json_integer(l->slots[i][e]));
        json_array_append_new(row, json_integer(l->slowest_ms[i]));
        json_array_append_new(rows, row);
    }
    return json_pack("{s:i, s:o, s:o}", "ms", LEDGER_SLOT_MS, "columns", columns, "rows", rows);
}

json_t *ledger_report(const struct ledger *l)
{
    return json_pack("{s:I, s:I, s:o, s:o, s:o, s:{s:I, s:I, s:I, s:I}, s:I, s:O}", "sent", (json_int_t)l->sent,
                     "ended", (json_int_t)l->ended, "ends", ends(l), "latency_ms", latencies(l), "slots", slots(l),
                     "accounts", "users", (json_int_t)l->user_count, "acknowledged", (json_int_t)l->acknowledged,
                     "charged", (json_int_t)l->charged, "unknown", (json_int_t)l->unknown,
                     "breaches", (json_int_t)l->breaches, "told", l->told);
}
