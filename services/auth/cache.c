#include "cache.h"

#include "hashmap.h"
#include "revoked.h"

#include <sodium.h>
#include <stdlib.h>

#define REVOCATIONS 65536u
#define USER_KEY_LEN REVOKED_KEY_LEN

struct entry {
    struct known_session session;      /* its texts are in `texts` */
    struct entry *newer, *older;        /* by when they were last asked for */
    struct entry *next, **link;         /* in its user's bucket; link is what points here */
    uint8_t user[USER_KEY_LEN];
    size_t size;                        /* of all of it */
    _Alignas(struct text) char texts[]; /* the roles' array, then the characters */
};

struct cache {
    struct hashmap *sessions;           /* session id -> entry */
    struct entry **users;               /* buckets, by a hash of the user's id */
    uint64_t user_mask;
    struct entry *newest, *oldest;
    struct revoked *revoked;
    size_t bytes_max;
    uint8_t seed[16];
    struct cache_stats stats;
};

enum result cache_new(size_t sessions, const uint8_t seed[16], struct cache **out)
{
    enum result r = RESULT_NO_MEMORY;
    struct cache *c = calloc(1, sizeof(*c));

    if (!c)
        goto fail;
    memcpy(c->seed, seed, sizeof(c->seed));
    c->bytes_max = sessions * CACHE_BYTES_EACH;
    if ((r = hashmap_new(sizeof(struct uuid), sessions, seed, &c->sessions)))
        goto fail_cache;
    while (c->user_mask < sessions)
        c->user_mask = c->user_mask * 2 + 1;
    r = RESULT_NO_MEMORY;
    if (!(c->users = calloc(c->user_mask + 1, sizeof(*c->users))))
        goto fail_sessions;
    if ((r = revoked_new(REVOCATIONS, seed, &c->revoked)))
        goto fail_users;
    *out = c;
    return RESULT_OK;

fail_users:
    free(c->users);
fail_sessions:
    hashmap_free(c->sessions);
fail_cache:
    free(c);
fail:
    return r;
}

/* Two users whose hashes are the same are forgotten together, which costs a reading. */
static void user_key(const struct cache *c, struct text user_id, uint8_t key[USER_KEY_LEN])
{
    crypto_generichash(key, USER_KEY_LEN, (const uint8_t *)user_id.data, user_id.len, c->seed, sizeof(c->seed));
}

/* ---- the lists an entry stands in ----------------------------------------------------------------------------- */

static void unlink_age(struct cache *c, struct entry *e)
{
    *(e->newer ? &e->newer->older : &c->newest) = e->older;
    *(e->older ? &e->older->newer : &c->oldest) = e->newer;
}

static void link_newest(struct cache *c, struct entry *e)
{
    e->newer = NULL;
    e->older = c->newest;
    *(c->newest ? &c->newest->newer : &c->oldest) = e;
    c->newest = e;
}

/* By the first bytes of the hash, which is keyed: nobody chooses who shares a bucket. */
static struct entry **bucket(const struct cache *c, const uint8_t user[USER_KEY_LEN])
{
    return &c->users[bytes_get_u64(user) & c->user_mask];
}

static void link_user(struct cache *c, struct entry *e)
{
    e->link = bucket(c, e->user);
    e->next = *e->link;
    if (e->next)
        e->next->link = &e->next;
    *e->link = e;
}

static void unlink_user(struct entry *e)
{
    *e->link = e->next;
    if (e->next)
        e->next->link = e->link;
}

static void drop(struct cache *c, struct entry *e)
{
    unlink_age(c, e);
    unlink_user(e);
    hashmap_remove(c->sessions, &e->session.life.id);
    c->stats.bytes -= e->size;
    free(e);
}

/* ---- copies --------------------------------------------------------------------------------------------------- */

static size_t text_room(const struct auth_session_introspect_result *s)
{
    size_t room = s->user_id.len + s->telegram_id.len + s->tier.len + s->roles.count * sizeof(struct text);

    for (size_t i = 0; i < s->roles.count; i++)
        room += s->roles.items[i].len;
    return room;
}

static void move_text(struct text *t, char **at)
{
    if (!t->data)
        return;
    memcpy(*at, t->data, t->len);
    t->data = *at;
    *at += t->len;
}

static struct entry *copy(const struct cache *c, const struct known_session *s)
{
    size_t size = sizeof(struct entry) + text_room(&s->shown);
    struct entry *e = calloc(1, size);

    if (!e)
        return NULL;
    e->session = *s;
    e->session.former = (struct bytes){ NULL, 0 };
    e->size = size;
    user_key(c, s->shown.user_id, e->user);
    struct auth_session_introspect_result *shown = &e->session.shown;
    shown->roles.items = (struct text *)(void *)e->texts;
    char *at = e->texts + shown->roles.count * sizeof(struct text);
    for (size_t i = 0; i < shown->roles.count; i++) {
        shown->roles.items[i] = s->shown.roles.items[i];
        move_text(&shown->roles.items[i], &at);
    }
    move_text(&shown->user_id, &at);
    move_text(&shown->telegram_id, &at);
    move_text(&shown->tier, &at);
    return e;
}

/* ---- what is asked of it -------------------------------------------------------------------------------------- */

struct known_session *cache_find(struct cache *c, const struct uuid *session_id)
{
    struct entry *e = hashmap_get(c->sessions, session_id);

    if (!e)
        return NULL;
    if (e != c->newest) {
        unlink_age(c, e);
        link_newest(c, e);
    }
    return &e->session;
}

static void make_room(struct cache *c, size_t size)
{
    while (c->oldest && c->stats.bytes + size > c->bytes_max) {
        drop(c, c->oldest);
        c->stats.evicted++;
    }
}

void cache_keep(struct cache *c, const struct known_session *s, uint64_t began_ns)
{
    const struct uuid *id = &s->life.id;

    if (revoked_unknown(c->revoked, began_ns) || cache_overtaken(c, id, s->shown.user_id, began_ns)) {
        c->stats.overtaken++;
        return;
    }
    cache_forget(c, id);
    struct entry *e = copy(c, s);
    if (!e)
        return;
    make_room(c, e->size);
    enum result r = hashmap_put(c->sessions, id, e);
    if (r == RESULT_FULL && c->oldest) {
        drop(c, c->oldest);
        c->stats.evicted++;
        r = hashmap_put(c->sessions, id, e);
    }
    if (r) {
        free(e);
        return;
    }
    link_user(c, e);
    link_newest(c, e);
    c->stats.bytes += e->size;
}

bool cache_overtaken(const struct cache *c, const struct uuid *session_id, struct text user_id, uint64_t began_ns)
{
    uint8_t user[USER_KEY_LEN];

    user_key(c, user_id, user);
    return revoked_since(c->revoked, session_id->bytes, began_ns) || revoked_since(c->revoked, user, began_ns);
}

void cache_forget(struct cache *c, const struct uuid *session_id)
{
    struct entry *e = hashmap_get(c->sessions, session_id);

    if (e)
        drop(c, e);
}

void cache_revoked(struct cache *c, struct text user_id, const struct uuid *session_id, uint64_t now_ns)
{
    size_t held = hashmap_count(c->sessions);
    uint8_t user[USER_KEY_LEN];

    if (session_id) {
        revoked_add(c->revoked, session_id->bytes, now_ns);
        cache_forget(c, session_id);
    } else {
        user_key(c, user_id, user);
        revoked_add(c->revoked, user, now_ns);
        for (struct entry *e = *bucket(c, user), *next; e; e = next) {
            next = e->next;
            if (memcmp(e->user, user, sizeof(user)) == 0)
                drop(c, e);
        }
    }
    c->stats.forgotten += held - hashmap_count(c->sessions);
}

static void drop_all(struct cache *c)
{
    while (c->oldest)
        drop(c, c->oldest);
}

void cache_missed(struct cache *c, uint64_t now_ns)
{
    c->stats.forgotten += hashmap_count(c->sessions);
    revoked_missed(c->revoked, now_ns);
    drop_all(c);
}

size_t cache_count(const struct cache *c)
{
    return hashmap_count(c->sessions);
}

const struct cache_stats *cache_stats(const struct cache *c)
{
    return &c->stats;
}

void cache_free(struct cache *c)
{
    if (!c)
        return;
    drop_all(c);
    revoked_free(c->revoked);
    free(c->users);
    hashmap_free(c->sessions);
    free(c);
}
