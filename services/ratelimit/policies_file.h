/*
 * config/ratelimit.yaml, strictly: every mistake is named with its line, and a file with one is refused whole.
 *
 *     version: 1
 *     policies:
 *       - name: lessons-free
 *         endpoint: lessons.create          # a route template, a prefix and `*`, or "*"
 *         tiers: [free]                     # or "*": any, also of a check that names none
 *         scope: user                       # user, ip, global, user_endpoint
 *         limit: 30                         # rolling: to 10,000; gcra: to 10^9; fixed: to 10^12
 *         window: 1h                        # N and ms, s, m, h, d; to 366 d
 *         algorithm: rolling                # rolling, gcra, fixed
 *         burst: 10                         # gcra only: what is admitted at once, otherwise the limit
 *         mode: enforce                     # enforce, shadow
 *         on_store_failure: local           # allow, deny, local
 */
#ifndef HLIDKA_POLICIES_FILE_H
#define HLIDKA_POLICIES_FILE_H

#include "buffer.h"
#include "policy.h"

/* name is what messages call the file. RESULT_MALFORMED with `why`, RESULT_NO_MEMORY. */
MUST_USE enum result policies_parse(struct bytes doc, const char *name, struct policies **out, struct buffer *why);

/* Errors of file_read too. */
MUST_USE enum result policies_load(const char *path, struct policies **out, struct buffer *why);

#endif
