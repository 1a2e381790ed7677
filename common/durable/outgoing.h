/*
 * What an effect sends: rows of the outbox, written in its transaction, sealed at rest under the service's own secret, and
 * relayed by the bus afterwards: at least once, in order per user (outbox.h). A row holds the message's id, made when it
 * is written: a second relay is the same message, which receivers know. Events of the outbox carry no `n`.
 *
 * Append after the statement that locks the user's row (one event that is about nothing else in its transaction may do
 * without: its place among what happens at the same time is any). The functions add a statement to `writes`; errors as pg_add, and
 * those of body_encode. The relay is told by the commit (once.h) or by durable_committed.
 */
#ifndef HLIDKA_OUTGOING_H
#define HLIDKA_OUTGOING_H

#include "audit.h"
#include "auth.h"
#include "durable.h"

#define OUTGOING_EVENTS "events"
#define OUTGOING_REVOCATIONS "revocations"
#define OUTGOING_ALERTS "alerts"
#define OUTGOING_CHECKPOINTS "checkpoints"

/*
 * An event to audit, on stream "events". Its order is that of its user_id, and so is its Kafka key (without one: the
 * address, hashed; else the service).
 */
MUST_USE enum result outgoing_event(struct durable *d, struct pg_batch *writes, const struct audit_event *event, struct text trace);

/* A revocation to every instance of auth, on stream "revocations", in the order of its user. */
MUST_USE enum result outgoing_revoked(struct durable *d, struct pg_batch *writes, const struct auth_revoked *revoked, struct text trace);

/* A whole Kafka value as it stands, for audit: stream "alerts" or "checkpoints", whose topic it goes to. */
MUST_USE enum result outgoing_value(struct durable *d, struct pg_batch *writes, const char *stream, struct text user_key,
                                    struct bytes key, struct bytes value);

#endif
