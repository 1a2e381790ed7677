/*
 * How long a session lives, and which gives way: rules of instants, pure.
 *
 *     expires = min(last activity + sliding, last activity + inactivity of the device type, login + absolute)
 *
 * A web session (inactivity 7 d) that was made on 1 January and last used on 3 January expires on 10 January; one
 * that is used every day expires on the 180th day whatever is done. All times are ms since 1970. A session is alive
 * strictly before its expiry and dead from that very millisecond on.
 */
#ifndef HLIDKA_AUTH_SESSION_H
#define HLIDKA_AUTH_SESSION_H

#include "device.h"

/* Activity is written at most once in so long, so what is stored may lag by as much. */
#define SESSION_TOUCH_MS 60000
/* How far back a device is remembered, and a dead session kept. */
#define SESSION_MEMORY_MS (UINT64_C(90) * 24 * 3600 * 1000)

struct lifetimes {
    uint64_t sliding_ms;
    uint64_t web_inactivity_ms;         /* of device type web */
    uint64_t inactivity_ms;             /* of every other */
    uint64_t absolute_ms;
};

/* What the rules look at. */
struct session {
    struct uuid id;
    enum device_type device;
    uint64_t created_ms;                /* the login */
    uint64_t auth_ms;                   /* the first login by the same proof: `auth_time`; at most created_ms */
    uint64_t active_ms;                 /* last activity as stored */
    bool ended;                         /* revoked, logged out, pushed out: dead whatever the clock says */
};

uint64_t session_expires_ms(const struct lifetimes *l, const struct session *s);

bool session_alive(const struct lifetimes *l, const struct session *s, uint64_t now_ms);

/* Whether a use at now_ms is to be written. A clock that went back writes nothing. */
bool session_touch_due(const struct session *s, uint64_t now_ms);

/* The `Max-Age` of a cookie made at now_ms: whole seconds until the absolute maximum, 0 when that has passed. */
uint64_t session_cookie_seconds(const struct lifetimes *l, const struct session *s, uint64_t now_ms);

/*
 * Before one more session is made: which of these give way so that at most `limit` are alive with it. out[i] is set
 * for each that does; returns how many. The longest idle goes first; of equally idle ones the older, then the lower
 * id. Dead ones count for nothing and do not give way. limit is at least 1.
 */
size_t sessions_give_way(const struct lifetimes *l, const struct session *s, size_t count, size_t limit, uint64_t now_ms,
                         bool *out);

#endif
