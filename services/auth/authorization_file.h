/*
 * config/authorize.yaml, strictly: every mistake is named with its line, and a file with one is refused whole.
 *
 *     version: 1
 *     actions:
 *       - action: payment_method.*          # 1 to 64 of [A-Za-z0-9_.:/-]; a prefix and `*`, or "*"
 *         aal: 2                            # 1, 2
 *         max_age_s: 600                    # of the second factor, at aal 1 of the login; to a year; optional
 *     roles:
 *       - role: enterprise_admin            # 1 to 64 bytes, as users have it
 *         aal: 2
 */
#ifndef HLIDKA_AUTHORIZATION_FILE_H
#define HLIDKA_AUTHORIZATION_FILE_H

#include "authorization.h"
#include "yaml.h"

/* RESULT_MALFORMED with `why`; errors of yaml_load. */
MUST_USE enum result authorization_load(const char *path, struct authorization *out, struct buffer *why);
/* The same of a document; name is what messages call it. */
MUST_USE enum result authorization_parse(struct bytes doc, const char *name, struct authorization *out, struct buffer *why);

#endif
