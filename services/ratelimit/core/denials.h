/*
 * A limit hit again and again is one episode per policy and subject: told at its start, once a minute with the number
 * of denials since, and at its end, which is 60 s without a denial. The numbers told add up to the denials.
 */
#ifndef HLIDKA_DENIALS_H
#define HLIDKA_DENIALS_H

#include "account.h"

/* Both the pause that ends an episode and the time between two reports of one. */
#define EPISODE_MS 60000

enum episode_phase { EPISODE_START, EPISODE_RUNNING, EPISODE_END };

struct episode {
    char policy[POLICY_NAME_MAX + 1];
    enum scope scope;
    bool shadow;
    char user[64 + 1];          /* of scopes that count by it; empty: none */
    struct ip ip;               /* likewise; family 0: none. As it was at the start */
    char endpoint[POLICY_ENDPOINT_MAX + 1];
    char tier[POLICY_TIER_MAX + 1];             /* empty: the request named none */
    uint64_t count;             /* denials not told yet; 1 at the start */
    uint64_t told_ms, newest_ms;
};

/* e is borrowed for the call. */
typedef void episode_tell(void *cookie, const struct episode *e, enum episode_phase phase);

struct denials;

/* At most limit at once; seed: 16 random bytes. RESULT_NO_MEMORY. */
MUST_USE enum result denials_new(size_t limit, const uint8_t seed[16], episode_tell *tell, void *cookie,
                                 struct denials **out);

/*
 * A denial of that policy, one with the account that it denied. RESULT_FULL or
 * RESULT_NO_MEMORY: it is in no episode and not told.
 */
MUST_USE enum result denials_add(struct denials *s, const struct policy *p, const struct subject *who,
                                 struct text tier, const uint8_t account[POLICY_ACCOUNT_LEN], uint64_t now_ms);

/* Reports and ends what is due; once a second or so. */
void denials_tick(struct denials *s, uint64_t now_ms);

/* Tells what was counted, as RUNNING: the process ends and the episodes may not. */
void denials_flush(struct denials *s);

size_t denials_count(const struct denials *s);
/* NULL is fine; tells nothing. */
void denials_free(struct denials *s);

#endif
