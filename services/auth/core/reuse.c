#include "reuse.h"

#include "hashmap.h"

#include <stdlib.h>

/* All have the same hour to run, so the order of their last reports is the order in which they are due. */
struct item {
    struct reuse reuse;
    struct item *next, *prev;
};

struct reuses {
    struct hashmap *by_session;
    struct item *first, *last;          /* the longest unreported at first */
    size_t limit;
    reuse_tell *tell;
    void *cookie;
};

enum result reuses_new(size_t limit, const uint8_t seed[16], reuse_tell *tell, void *cookie, struct reuses **out)
{
    struct reuses *rs = calloc(1, sizeof(*rs));

    if (!rs)
        return RESULT_NO_MEMORY;
    rs->limit = limit;
    rs->tell = tell;
    rs->cookie = cookie;
    enum result r = hashmap_new(sizeof(struct uuid), limit, seed, &rs->by_session);
    if (r) {
        free(rs);
        return r;
    }
    *out = rs;
    return RESULT_OK;
}

static void unlink_item(struct reuses *rs, struct item *i)
{
    *(i->prev ? &i->prev->next : &rs->first) = i->next;
    *(i->next ? &i->next->prev : &rs->last) = i->prev;
}

static void append(struct reuses *rs, struct item *i)
{
    i->next = NULL;
    i->prev = rs->last;
    *(rs->last ? &rs->last->next : &rs->first) = i;
    rs->last = i;
}

static void report(struct reuses *rs, struct item *i, uint64_t now_ms)
{
    struct reuse told = i->reuse;

    i->reuse.count = 0;
    i->reuse.told_ms = now_ms;
    unlink_item(rs, i);
    append(rs, i);
    rs->tell(rs->cookie, &told);
}

static void drop(struct reuses *rs, struct item *i)
{
    unlink_item(rs, i);
    hashmap_remove(rs->by_session, &i->reuse.session);
    free(i);
}

static void copy(char *to, size_t room, struct text from)
{
    size_t len = from.len < room ? from.len : room - 1;

    if (len > 0)
        memcpy(to, from.data, len);
    to[len] = '\0';
}

static struct item *add(struct reuses *rs, const struct uuid *session, struct text user_id)
{
    while (hashmap_count(rs->by_session) >= rs->limit) {
        struct item *oldest = rs->first;
        struct reuse told = oldest->reuse;
        drop(rs, oldest);
        if (told.count > 0)
            rs->tell(rs->cookie, &told);
    }
    struct item *i = calloc(1, sizeof(*i));
    if (!i)
        return NULL;
    i->reuse.session = *session;
    copy(i->reuse.user_id, sizeof(i->reuse.user_id), user_id);
    if (hashmap_put(rs->by_session, session, i)) {
        free(i);
        return NULL;
    }
    append(rs, i);
    return i;
}

void reuses_note(struct reuses *rs, const struct uuid *session, struct text user_id, const struct ip *ip, struct text trace,
                 uint64_t now_ms)
{
    struct item *i = hashmap_get(rs->by_session, session);
    bool fresh = !i;

    if (!i && !(i = add(rs, session, user_id)))
        return;
    i->reuse.count++;
    i->reuse.last_ms = now_ms;
    if (ip)
        i->reuse.ip = *ip;
    copy(i->reuse.trace, sizeof(i->reuse.trace), trace);
    if (fresh)
        report(rs, i, now_ms);
}

void reuses_tick(struct reuses *rs, uint64_t now_ms)
{
    /* A clock that was set back makes nothing due. */
    while (rs->first && now_ms >= rs->first->reuse.told_ms && now_ms - rs->first->reuse.told_ms >= REUSE_MS) {
        struct item *i = rs->first;
        if (i->reuse.count > 0)
            report(rs, i, now_ms);
        else
            drop(rs, i);
    }
}

void reuses_flush(struct reuses *rs)
{
    for (struct item *i = rs->first; i; i = i->next) {
        struct reuse told = i->reuse;
        i->reuse.count = 0;
        if (told.count > 0)
            rs->tell(rs->cookie, &told);
    }
}

size_t reuses_count(const struct reuses *rs)
{
    return hashmap_count(rs->by_session);
}

void reuses_free(struct reuses *rs)
{
    if (!rs)
        return;
    while (rs->first)
        drop(rs, rs->first);
    hashmap_free(rs->by_session);
    free(rs);
}
