/*
 * The ledger of a load: for each request the one end that it had, for each user what was acknowledged as allowed and
 * what nobody can know; and the settling of both against what the service says was charged:
 *
 *     acknowledged  <=  charged  <=  acknowledged + unknown,    charged <= limit,
 *     acknowledged + unknown  >=  what the limit had room for
 *
 * Breaches are counted, and the first told in words. No clock and no client in here: times are the caller's.
 */
#ifndef HLIDKA_LEDGER_H
#define HLIDKA_LEDGER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define LEDGER_SLOT_MS   100u
#define LEDGER_SLOTS_MAX 36000u         /* an hour; what comes later counts for the last one */
#define LEDGER_USERS_MAX 1000000u

/* A request has one of these ends. Unknown: it may have charged, and nobody can say whether it did. */
#define END_LIST(X)                                                                                          \
    X(ALLOWED,           "allowed",           false)                                                         \
    X(DENIED,            "denied",            false)                                                         \
    X(STORELESS_ALLOWED, "storeless_allowed", true) /* the policy's own answer, without the store         */ \
    X(STORELESS_DENIED,  "storeless_denied",  true)                                                          \
    X(UNAVAILABLE,       "unavailable",       true)                                                          \
    X(TIMEOUT,           "timeout",           true)                                                          \
    X(REFUSED,           "refused",           false) /* by any other code: a breach                       */

enum end {
    END_NONE,
#define LEDGER_X(name, text, unknown) END_##name,
    END_LIST(LEDGER_X)
#undef LEDGER_X
    ENDS
};

struct user {
    uint32_t sent, acknowledged, unknown;       /* requests */
};

struct ask {
    uint64_t sent_us;                           /* since the load began */
    uint32_t latency_us;
    uint32_t user;
    enum end end;
    void *owner;                                /* the caller's */
};

struct ask_chunk;

struct ledger {
    unsigned cost, limit;                       /* of a request, of a user: set by the caller, cost <= limit */
    struct user *users;
    uint32_t user_count, user_room;
    struct ask_chunk *asks;
    uint64_t sent, ended;
    uint64_t ends[ENDS];
    uint32_t slots[LEDGER_SLOTS_MAX][ENDS];     /* by the time of sending */
    uint32_t slowest_ms[LEDGER_SLOTS_MAX];
    unsigned slot_count;
    uint64_t charged, acknowledged, unknown;    /* in cost, of the users settled */
    uint64_t breaches;
    json_t *told;
};

/* NULL without memory, as all of these that return a pointer. */
struct ledger *ledger_new(unsigned cost, unsigned limit);
void ledger_free(struct ledger *l);

/* A new user's number; false when there are too many or no memory. */
bool ledger_user(struct ledger *l, uint32_t *user);

/* A request that has been sent; lives as long as the ledger. ledger_unsent takes the newest back. */
struct ask *ledger_sent(struct ledger *l, uint32_t user, uint64_t sent_us);
void ledger_unsent(struct ledger *l);

/* A second end is a breach. */
void ledger_ended(struct ledger *l, struct ask *a, enum end end, uint64_t now_us);

/* Once for each user, when no request of it is out any more. */
void ledger_settle(struct ledger *l, uint32_t user, uint64_t charged);

void ledger_breach(struct ledger *l, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* `ends`, `latency_ms`, `slots`, `accounts`, `breaches` (their number) and `told`; NULL without memory. */
json_t *ledger_report(const struct ledger *l);

#endif
