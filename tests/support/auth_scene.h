/*
 * auth in one process: two instances of it on a real postgres and one bus, and clients that ask. One at a time, hence no
 * argument. db_template_make has been called before.
 */
#ifndef HLIDKA_TEST_AUTH_SCENE_H
#define HLIDKA_TEST_AUTH_SCENE_H

#include "authn.h"
#include "bus_fixture.h"
#include "db_server.h"
#include "durable.h"
#include "service_double.h"
#include "store_bearers.h"
#include "store_reuse.h"

#define SCENE_BOT "7000000001:AAtest-test_test"
#define SCENE_DAY_MS (UINT64_C(24) * 3600 * 1000)
#define SCENE_LIMIT 5                   /* living sessions of one user */
#define SCENE_INSTANCES 2

struct auth_instance {
    struct service service;
    struct durable *durable;
    struct authn authn;
    struct lifetimes lifetimes;
    struct introspection introspection;
    struct authorization rules;         /* those that are shipped */
    struct store_bearers bearers;
    struct store_reuse reuse;
    unsigned changed;                   /* times that something was forgotten */
};

struct auth_scene {
    struct fixture *f;
    struct db_server *server;
    struct auth_instance at[SCENE_INSTANCES];
    unsigned opened, closed;
};

extern struct auth_scene scene;

void auth_scene_open(void);
void auth_scene_close(void);

/* The first number that it gives; -1 is not told from NULL. */
int64_t scene_sql(const char *text);

/* The same until it is that, 10 s at most. */
void scene_expect_sql(const char *text, int64_t n);

#define SCENE_OPEN "SELECT count(*) FROM sessions WHERE ended_at IS NULL"
#define SCENE_SESSIONS "SELECT count(*) FROM sessions"
#define SCENE_USERS "SELECT count(*) FROM users"

/* Somebody is in the midst of changing all users; until scene_let_go whoever locks one waits for that. */
void scene_hold_users(void);
void scene_let_go(void);

struct uuid scene_fresh_id(void);
/* Under that id, so that it may be sent again. */
void scene_send(const struct uuid *id, const char *op, const struct schema *schema, const void *body, int32_t partition);
/* Waits for it. */
const struct arrived *scene_reply(const struct uuid *id, size_t i);

/* What Telegram would have signed for that person so many seconds ago. */
void scene_sign(const char *person, unsigned age_s, struct text_pair fields[4]);
void scene_send_login(const struct uuid *id, struct text_pair fields[4], const struct auth_device *device, int32_t partition);

/* So many events came, and no more. */
void scene_expect_events(size_t count);

#endif
