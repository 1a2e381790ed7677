/*
 * What a principal may do, one entry of its `may` (protocol.md section 2):
 *
 *     auth.authorize      that op
 *     auth.*              what begins with `auth.`, but never an op that needs a signature
 *     event:auth.login    that type of event
 *     event:app.*         types that begin with `app.`
 *     *                   everything
 *
 * Nothing covers the types that audit alone writes.
 */
#ifndef HLIDKA_GRANT_H
#define HLIDKA_GRANT_H

#include "bytes.h"

enum grant_kind { GRANT_ALL, GRANT_OP, GRANT_OPS, GRANT_EVENT, GRANT_EVENTS };

struct grant {
    enum grant_kind kind;
    struct text text;           /* the name, or what stands before the star; borrowed */
};

/* False when the text is of none of these forms, or names a type that audit alone writes. */
bool grant_read(struct text t, struct grant *out);

bool grant_covers(const struct grant *g, struct text op, bool is_signed);
bool grant_covers_event(const struct grant *g, struct text type);

#endif
