/*
 * Dead tokens that come back: one report per session and hour, with the number of uses (protocol.md section 8).
 *
 *     first use           reported at once, count 1
 *     47 more that hour   reported when the hour is over, count 47, which begins another
 *     an hour without     forgotten
 *
 * The numbers reported add up to the uses. Pure; times are ms since 1970.
 */
#ifndef HLIDKA_REUSE_H
#define HLIDKA_REUSE_H

#include "ip.h"
#include "uuid.h"

#define REUSE_MS 3600000u

struct reuse {
    struct uuid session;
    char user_id[64 + 1];
    struct ip ip;                       /* of the latest use that named one; family 0: none did */
    uint64_t count;                     /* not reported yet */
    uint64_t told_ms;
    uint64_t last_ms;                   /* of the latest use, as is the trace */
    char trace[64 + 1];
};

/* r is borrowed for the call. */
typedef void reuse_tell(void *cookie, const struct reuse *r);

struct reuses;

/* At most limit sessions at once; the oldest is reported early when there is no room. RESULT_NO_MEMORY. */
MUST_USE enum result reuses_new(size_t limit, const uint8_t seed[16], reuse_tell *tell, void *cookie, struct reuses **out);
/* NULL is fine; tells nothing. */
void reuses_free(struct reuses *rs);

/* ip NULL: not named. Without memory for a session that is new here, its use is not counted. */
void reuses_note(struct reuses *rs, const struct uuid *session, struct text user_id, const struct ip *ip, struct text trace,
                 uint64_t now_ms);

/* Reports what is due; every minute or so. */
void reuses_tick(struct reuses *rs, uint64_t now_ms);
/* Reports all that was counted: the process ends. */
void reuses_flush(struct reuses *rs);

size_t reuses_count(const struct reuses *rs);

#endif
